//! The fediverse burst: a post that carries a link arrives at hundreds of servers within a minute, and each of them fetches
//! the link for its own preview card. Most name a software that `bots.tsv` knows; what else calls in the middle of such a
//! burst and names its home page is one of them too.
//!
//! Remembers links for the length of a burst only, and never more than a named number of them.

use std::borrow::Cow;

use compact_str::CompactString;
use hashbrown::HashMap;

use crate::domain::click::ClickOf;
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;

/// Families of `bots.tsv` that are fediverse software.
const FEDIVERSE: [&str; 20] = [
    "mastodon",
    "misskey",
    "pleroma",
    "akkoma",
    "friendica",
    "pixelfed",
    "peertube",
    "lemmy",
    "mbin",
    "kbin",
    "gotosocial",
    "sharkey",
    "iceshrimp",
    "firefish",
    "hubzilla",
    "piefed",
    "bookwyrm",
    "mitra",
    "snac",
    "writefreely",
];

/// What `bots.tsv` and `words.tsv` say of a program that only names its home page.
const NAMES_ITS_HOME: &str = "user-agent:address";

/// This many fetches of known servers within this time are a burst; it is over when none came for as long.
const FETCHES: u32 = 5;
const WITHIN_MS: i64 = 60_000;

/// The most links remembered.
const LINKS_MAX: usize = 4096;

/// Fetches of one link by known servers.
#[derive(Clone, Copy, Debug)]
struct Fetches {
    since_ms: i64,
    last_ms: i64,
    count: u32,
}

impl Fetches {
    fn is_burst_at(self, time_ms: i64) -> bool {
        self.count >= FETCHES && (0..=WITHIN_MS).contains(&time_ms.saturating_sub(self.last_ms))
    }
}

/// The bursts that go on.
#[derive(Debug, Default)]
pub(super) struct Bursts(HashMap<LinkId, Fetches>);

impl Bursts {
    /// Counts the fetches of known servers, and turns a bot that names its home page into one of them during a burst.
    pub(super) fn judge(&mut self, click: &mut ClickOf<'_>) {
        match click.verdict {
            Verdict::Preview if is_fediverse(&click.reason) => self.count(click.link.id, click.time_ms),
            Verdict::Bot if *click.reason == NAMES_ITS_HOME && self.goes_on(click) => {
                click.verdict = Verdict::Preview;
                click.reason = Cow::Owned(CompactString::const_new("sequence:fediverse-burst"));
            }
            _ => {}
        }
    }

    fn goes_on(&self, click: &ClickOf<'_>) -> bool {
        self.0.get(&click.link.id).is_some_and(|fetches| fetches.is_burst_at(click.time_ms))
    }

    fn count(&mut self, link: LinkId, time_ms: i64) {
        if self.0.len() >= LINKS_MAX && !self.0.contains_key(&link) {
            // Bursts that are over make room; if none is, all of them do, and a few previews stay bots.
            self.0.retain(|_, fetches| time_ms.saturating_sub(fetches.last_ms) <= WITHIN_MS);
            if self.0.len() >= LINKS_MAX {
                self.0.clear();
            }
        }
        let fresh = Fetches { since_ms: time_ms, last_ms: time_ms, count: 0 };
        let fetches = self.0.entry(link).or_insert(fresh);
        let is_over = time_ms.saturating_sub(fetches.last_ms) > WITHIN_MS;
        let is_slow = fetches.count < FETCHES && time_ms.saturating_sub(fetches.since_ms) > WITHIN_MS;
        if is_over || is_slow {
            *fetches = fresh;
        }
        fetches.last_ms = fetches.last_ms.max(time_ms);
        fetches.count = fetches.count.saturating_add(1);
    }
}

fn is_fediverse(reason: &str) -> bool {
    reason.strip_prefix("user-agent:").is_some_and(|family| FEDIVERSE.contains(&family))
}

#[cfg(test)]
mod tests {
    use super::super::tests::click;
    use super::*;

    fn judged(bursts: &mut Bursts, link: u64, time_ms: i64, verdict: Verdict, reason: &str) -> String {
        let mut click = click(LinkId(link));
        (click.time_ms, click.verdict, click.reason) = (time_ms, verdict, Cow::Owned(reason.into()));
        bursts.judge(&mut click);
        format!("{}:{}", click.verdict, click.reason)
    }

    fn known(bursts: &mut Bursts, link: u64, time_ms: i64) {
        judged(bursts, link, time_ms, Verdict::Preview, "user-agent:mastodon");
    }

    fn unknown(bursts: &mut Bursts, link: u64, time_ms: i64) -> String {
        judged(bursts, link, time_ms, Verdict::Bot, NAMES_ITS_HOME)
    }

    #[test]
    fn an_unknown_server_in_the_middle_of_a_burst_draws_a_card_too() {
        let mut bursts = Bursts::default();
        for second in 0..5 {
            assert_eq!(unknown(&mut bursts, 1, second * 1000), "bot:user-agent:address");
            known(&mut bursts, 1, second * 1000);
        }
        assert_eq!(unknown(&mut bursts, 1, 6000), "preview:sequence:fediverse-burst");
        assert_eq!(unknown(&mut bursts, 2, 6000), "bot:user-agent:address", "another link");
        assert_eq!(unknown(&mut bursts, 1, 70_000), "bot:user-agent:address", "it is over");
        let other = judged(&mut bursts, 1, 6000, Verdict::Bot, "user-agent:curl");
        assert_eq!(other, "bot:user-agent:curl", "a named program stays what it is");
    }

    #[test]
    fn a_few_servers_over_an_hour_are_no_burst() {
        let mut bursts = Bursts::default();
        for minute in 0..60 {
            known(&mut bursts, 1, minute * 59_000);
        }
        assert_eq!(unknown(&mut bursts, 1, 59 * 59_000 + 1), "bot:user-agent:address");
    }

    #[test]
    fn memory_is_bounded_by_a_number() {
        let mut bursts = Bursts::default();
        for link in 0..LINKS_MAX as u64 + 10 {
            known(&mut bursts, link, 0);
        }
        assert!(bursts.0.len() <= LINKS_MAX);
    }

    #[test]
    fn every_family_is_one_that_the_table_names() {
        let tables = super::super::tables::Tables::built_in();
        let families: Vec<&str> = tables.bots().map(|[_, _, family]| family).collect();
        for family in FEDIVERSE {
            assert!(families.contains(&family), "{family}");
        }
    }
}
