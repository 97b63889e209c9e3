//! What the query of a hit tells: click ids, the visitor's `utm_source` and `utm_medium`, macros that nobody filled in,
//! and the owner's mark.
//!
//! Never keeps another value: some click ids name a person. `domain::click_ids` says which values may be kept.

use std::borrow::Cow;

use compact_str::CompactString;

use crate::domain::click::Click;
use crate::domain::click_ids::may_be_kept;
use crate::domain::utm::{UtmField, is_macro};

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
    /// The values that may be kept, `gclid=x&fbclid=y`.
    pub(super) click_id_values: CompactString,
    /// The decoded `utm_source`, trimmed; empty if absent, or if it is a macro that nobody filled in.
    pub(super) utm_source: CompactString,
    /// The `utm_medium`, likewise.
    pub(super) utm_medium: CompactString,
    /// Names of `utm_*` parameters whose values are macros that nobody filled in, joined by `,`.
    pub(super) unfilled: CompactString,
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

    /// `value` is raw; empty where only the name is known.
    fn add_click_id(&mut self, name: &str, value: &str, source: &'n str) {
        let known = self.click_ids.split(',');
        if known.clone().any(|known| known == name) || known.count() >= CLICK_IDS_MAX {
            return;
        }
        push(&mut self.click_ids, ',', name);
        self.keep_value(name, value);
        self.proof = match self.proof {
            proof if source.is_empty() => proof,
            Proof::Nothing => Proof::Source(source),
            Proof::Source(known) if known == source => Proof::Source(source),
            Proof::Source(_) | Proof::Contradiction => Proof::Contradiction,
        };
    }
}

impl<'n> Arrival<'n> {
    fn keep_value(&mut self, name: &str, value: &str) {
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        if may_be_kept(name, &value) {
            push(&mut self.click_id_values, '&', name);
            self.click_id_values.push('=');
            self.click_id_values.push_str(&value);
        }
    }

    /// A `utm_*` parameter: its value is wanted of two, and of each whether somebody forgot to fill it in.
    fn add_utm(&mut self, name: &str, value: &str) {
        let Some(field) = UtmField::ALL.into_iter().find(|field| field.key() == name) else { return };
        let slot = match field {
            UtmField::Source => Some(&mut self.utm_source),
            UtmField::Medium => Some(&mut self.utm_medium),
            _ => None,
        };
        // Decoding costs more than all the rest, and most values are neither wanted nor a macro.
        if slot.is_none() && !value.contains(['{', '[', '%']) && !value.starts_with("__") {
            return;
        }
        let value = utm_value(value);
        if !is_macro(&value) {
            slot.into_iter().filter(|slot| slot.is_empty()).for_each(|slot| *slot = value.clone());
        } else if !self.unfilled.split(',').any(|known| known == name) {
            push(&mut self.unfilled, ',', name);
        }
    }

    /// What a click has kept of its query.
    pub(super) fn kept(click: &Click, click_ids: &'n Names) -> Self {
        let mut arrival = Self {
            utm_source: click.visitor_utm_source.clone(),
            utm_medium: click.visitor_utm_medium.clone(),
            click_id_values: click.click_id_values.clone(),
            unfilled: click.unfilled.clone(),
            ..Self::default()
        };
        for name in click.click_ids.split(',').filter(|name| !name.is_empty()) {
            // A name that no table has any more stays listed, and proves nothing.
            arrival.add_click_id(name, "", click_ids.find(name).unwrap_or_default());
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
            OWNER_PARAMETER => arrival.by_owner = true,
            name if name.starts_with("utm_") => arrival.add_utm(name, value),
            name => {
                if let Some(source) = click_ids.find(name) {
                    arrival.add_click_id(name, value, source);
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

fn push(list: &mut CompactString, separator: char, text: &str) {
    if !list.is_empty() {
        list.push(separator);
    }
    list.push_str(text);
}

fn utm_value(value: &str) -> CompactString {
    let spaced = value.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
    let mut kept = CompactString::default();
    for letter in decoded.trim().chars().filter(|letter| !letter.is_control()) {
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
    fn the_values_of_ad_ids_are_kept_once_and_those_that_name_a_person_are_not() {
        let arrival = arrival("fbclid=IwY2%2Dxj&mc_eid=person&gclid=a.b-c_d&gclid=again&msclkid=a%40b.c&twclid=");
        assert_eq!(arrival.click_id_values, "fbclid=IwY2-xj&gclid=a.b-c_d");
        assert_eq!(arrival.click_ids, "fbclid,mc_eid,gclid,msclkid,twclid");
    }

    #[test]
    fn macros_that_nobody_filled_in_are_named_and_stand_for_nothing() {
        let arrival = arrival(
            "utm_source={{site_source_name}}&UTM_Campaign=%7B%7Bcampaign.name%7D%7D&utm_source=ig&utm_term={keyword}&x={{y}}",
        );
        assert_eq!(arrival.unfilled, "utm_source,utm_campaign,utm_term");
        assert_eq!(arrival.utm_source, "ig");
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
