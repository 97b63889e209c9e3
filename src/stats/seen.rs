//! Whether the clicks of a link came from where it was made for: "12 % of your Instagram bio's clicks came from elsewhere".
//!
//! Pure. It compares what links declare with what was observed, and never counts a click of which nothing was observed on
//! either side.

use crate::domain::counter::{OTHER, UNKNOWN};
use crate::domain::placement::Level;

use super::wire::{Seen, StatsRow};

/// Where mail is read. A link that was mailed and is opened there came from where it was sent.
const MAIL: [&str; 13] = [
    "email",
    "newsletter",
    "gmail",
    "outlook",
    "yahoomail",
    "protonmail",
    "gmx",
    "webde",
    "icloud",
    "k9mail",
    "thunderbird",
    "mailru",
    "yahoo",
];

/// Of a link that declares its source: `sources` and `seen_on` are its clicks by these two dimensions in one window.
///
/// Each click of such a link has the declared source in its one spelling, so the names in `sources` are what was declared,
/// before and after an edit. Nothing if it was not clicked.
pub(crate) fn of(level: Level, sources: &[StatsRow], seen_on: &[StatsRow]) -> Option<Seen> {
    let is_value = |row: &&StatsRow| row.value != UNKNOWN && row.value != OTHER;
    let declared: Vec<String> = sources.iter().filter(is_value).map(|row| row.value.clone()).collect();
    if declared.is_empty() {
        return None;
    }
    let is_mailed = level == Level::Email || declared.iter().any(|name| MAIL.contains(&name.as_str()));
    let mut seen = Seen { declared, there: 0, elsewhere: 0, unknown: 0, most: None };
    for row in seen_on {
        if row.value == UNKNOWN {
            seen.unknown += row.clicks;
        } else if seen.declared.contains(&row.value) || (is_mailed && MAIL.contains(&row.value.as_str())) {
            seen.there += row.clicks;
        } else {
            // Rows come largest first, and `(other)` names nobody.
            seen.most = seen.most.or_else(|| (row.value != OTHER).then(|| row.value.clone()));
            seen.elsewhere += row.clicks;
        }
    }
    Some(seen)
}

impl Seen {
    /// Clicks that were seen somewhere.
    pub(crate) fn observed(&self) -> u64 {
        self.there + self.elsewhere
    }

    /// The part of the observed clicks that came from elsewhere, 0 to 1; none when nothing was observed.
    pub(crate) fn leak(&self) -> Option<f64> {
        (self.observed() > 0).then(|| self.elsewhere as f64 / self.observed() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(counts: &[(&str, u64)]) -> Vec<StatsRow> {
        let row = |(value, clicks): &(&str, u64)| StatsRow {
            value: (*value).to_owned(),
            label: None,
            clicks: *clicks,
            share: 0.0,
            visitors: None,
            hits: None,
        };
        counts.iter().map(row).collect()
    }

    #[test]
    fn clicks_from_elsewhere_are_told_from_those_of_which_nothing_is_known() {
        let observed = rows(&[("instagram", 80), ("facebook", 8), ("google", 4), (OTHER, 1), (UNKNOWN, 7)]);
        let seen = of(Level::Profile, &rows(&[("instagram", 100)]), &observed).unwrap();
        assert_eq!((seen.there, seen.elsewhere, seen.unknown), (80, 13, 7));
        assert_eq!((seen.most.as_deref(), seen.observed()), (Some("facebook"), 93));
        assert!((seen.leak().unwrap() - 13.0 / 93.0).abs() < 1e-12);
    }

    #[test]
    fn a_mailed_link_that_is_opened_where_mail_is_read_did_not_leak() {
        let observed = rows(&[("gmail", 5), ("facebook", 1)]);
        let by_level = of(Level::Email, &rows(&[("acme-weekly", 6)]), &observed).unwrap();
        let by_name = of(Level::Other, &rows(&[("newsletter", 6)]), &observed).unwrap();
        assert_eq!((by_level.there, by_level.elsewhere), (5, 1));
        assert_eq!((by_name.there, by_name.elsewhere), (5, 1));
        let post = of(Level::Post, &rows(&[("instagram", 6)]), &observed).unwrap();
        assert_eq!(post.elsewhere, 6);
    }

    #[test]
    fn nothing_is_said_of_a_link_without_clicks_and_no_part_of_nothing() {
        assert_eq!(of(Level::Post, &[], &[]), None);
        let unseen = of(Level::Post, &rows(&[("x", 3)]), &rows(&[(UNKNOWN, 3)])).unwrap();
        assert_eq!((unseen.leak(), unseen.unknown), (None, 3));
    }
}
