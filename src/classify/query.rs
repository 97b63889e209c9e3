//! What the query of a hit tells: names of click ids, the visitor's `utm_source` and `utm_medium`, and the owner's
//! mark.
//!
//! Never keeps another value: some click ids name a person.

use std::borrow::Cow;

use compact_str::CompactString;

use crate::domain::click::Click;

use super::names::Names;

/// The parameter by which owners leave their own hits out.
const OWNER_PARAMETER: &str = "wp-no-track";

/// The most bytes of a `utm_source` or `utm_medium` that are kept.
const UTM_BYTES_MAX: usize = 64;

/// The most click ids that are listed; more than a handful is somebody playing.
const CLICK_IDS_MAX: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrival<'n> {
    /// Names of click ids in the order they came, joined by `,`.
    pub(super) click_ids: CompactString,
    /// The decoded `utm_source`, trimmed; empty if absent, or if it is a macro that nobody filled in.
    pub(super) utm_source: CompactString,
    /// The `utm_medium`, likewise.
    pub(super) utm_medium: CompactString,
    pub(super) by_owner: bool,
    proof: Proof<'n>,
}

/// What the click ids prove together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Proof<'n> {
    #[default]
    Nothing,
    Source(&'n str),
    Contradiction,
}

impl<'n> Arrival<'n> {
    /// Whether nothing in it tells where a click comes from.
    pub(super) fn names_nobody(&self) -> bool {
        self.click_ids.is_empty() && self.utm_source.is_empty() && self.utm_medium.is_empty()
    }

    /// The source that all the click ids agree on; empty if they prove none.
    pub(super) fn click_id_source(&self) -> &'n str {
        if let Proof::Source(source) = self.proof { source } else { "" }
    }

    fn add_click_id(&mut self, name: &str, source: &'n str) {
        let known = self.click_ids.split(',');
        if known.clone().any(|known| known == name) || known.count() >= CLICK_IDS_MAX {
            return;
        }
        if !self.click_ids.is_empty() {
            self.click_ids.push(',');
        }
        self.click_ids.push_str(name);
        self.proof = match self.proof {
            proof if source.is_empty() => proof,
            Proof::Nothing => Proof::Source(source),
            Proof::Source(known) if known == source => Proof::Source(source),
            Proof::Source(_) | Proof::Contradiction => Proof::Contradiction,
        };
    }
}

impl<'n> Arrival<'n> {
    /// What a click has kept of its query.
    pub(super) fn kept(click: &Click, click_ids: &'n Names) -> Self {
        let mut arrival = Self {
            utm_source: click.visitor_utm_source.clone(),
            utm_medium: click.visitor_utm_medium.clone(),
            ..Self::default()
        };
        for name in click.click_ids.split(',').filter(|name| !name.is_empty()) {
            // A name that no table has any more stays listed, and proves nothing.
            arrival.add_click_id(name, click_ids.find(name).unwrap_or_default());
        }
        arrival
    }
}

pub(super) fn read<'n>(query: &str, click_ids: &'n Names) -> Arrival<'n> {
    let mut arrival = Arrival::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = lower(name);
        match name.as_ref() {
            "utm_source" if arrival.utm_source.is_empty() => arrival.utm_source = utm_value(value),
            "utm_medium" if arrival.utm_medium.is_empty() => arrival.utm_medium = utm_value(value),
            OWNER_PARAMETER => arrival.by_owner = true,
            name => {
                if let Some(source) = click_ids.find(name) {
                    arrival.add_click_id(name, source);
                }
            }
        }
    }
    arrival
}

/// Names of parameters are compared in lower case: `ScCid` and `UTM_Source` are both real.
fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

fn utm_value(value: &str) -> CompactString {
    let spaced = value.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
    let text = decoded.trim();
    // A macro such as `{{site_source_name}}` that arrives unfilled names nobody.
    if text.starts_with("{{") {
        return CompactString::default();
    }
    let mut kept = CompactString::default();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > UTM_BYTES_MAX {
            break;
        }
        kept.push(letter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::tables::Tables;
    use super::*;

    static CLICK_IDS: LazyLock<Names> = LazyLock::new(|| Names::of(Tables::built_in().click_ids()));

    fn arrival(query: &str) -> Arrival<'static> {
        read(query, &CLICK_IDS)
    }

    #[test]
    fn click_ids_leave_their_names_and_never_their_values() {
        let arrival = arrival("a=1&mc_eid=person&ScCid=secret&mc_eid=again");
        assert_eq!(arrival.click_ids, "mc_eid,sccid");
    }

    #[test]
    fn a_click_id_that_several_platforms_add_proves_no_source() {
        assert_eq!(arrival("fbclid=x").click_id_source(), "");
        assert_eq!(arrival("fbclid=x&igsh=y").click_id_source(), "instagram");
        assert_eq!(arrival("gclid=x&wbraid=y").click_id_source(), "google");
        assert_eq!(arrival("gclid=x&ttclid=y").click_id_source(), "");
    }

    #[test]
    fn a_utm_source_is_decoded_cut_and_freed_of_control_characters() {
        assert_eq!(arrival("utm_source=My+News%20Letter%0A").utm_source, "My News Letter");
        assert_eq!(arrival("UTM_Source=a%00b").utm_source, "ab");
        assert_eq!(arrival("utm_source={{site_source_name}}").utm_source, "");
        assert_eq!(arrival("utm_source=%7B%7Bad.id%7D%7D").utm_source, "");
        assert!(arrival(&format!("utm_source={}", "\u{e9}".repeat(500))).utm_source.len() <= UTM_BYTES_MAX);
    }

    #[test]
    fn the_owner_marks_a_hit_with_or_without_a_value() {
        assert!(arrival("wp-no-track").by_owner);
        assert!(arrival("x=1&wp-no-track=1").by_owner);
        assert!(!arrival("wp-no-tracking=1").by_owner);
    }

    #[test]
    fn nonsense_is_read_without_complaint() {
        for query in ["", "&&&", "=", "%", "%zz=%zz", "utm_source", "utm_source=%ff%fe"] {
            arrival(query);
        }
    }
}
