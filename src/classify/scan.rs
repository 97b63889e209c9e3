//! Scanners that send a browser's user agent, known by what they do: they ask for a link with `HEAD` and then with
//! `GET`, or for many links of one mail within seconds.
//!
//! Remembers visitors for the length of a window only, and never more than a named number of them and of their links.

use std::borrow::Cow;

use compact_str::CompactString;
use hashbrown::HashMap;

use crate::domain::click::{ClickOf, Device};
use crate::domain::link::LinkId;
use crate::domain::placement::Level;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;

/// A `GET` this soon after a `HEAD` of the same visitor and link is the second look of a checker, in milliseconds.
const SECOND_LOOK_MS: i64 = 30_000;

/// Nobody taps this many links within this time. Of a mail fewer are enough, because its links are far apart.
const BURST_MS: i64 = 5_000;
const LINKS_OF_A_MAIL: usize = 3;
const LINKS_OF_ANYTHING: usize = 6;

/// The most visitors remembered, and the most links of one of them.
const VISITORS_MAX: usize = 65_536;
const LINKS_MAX: usize = 8;

/// One look at a link.
#[derive(Clone, Copy, Debug)]
struct Glance {
    link: LinkId,
    time_ms: i64,
    is_head: bool,
    of_mail: bool,
}

/// What visitors looked at lately.
#[derive(Debug)]
pub(super) struct Scans {
    looks: HashMap<Visitor, Vec<Glance>>,
    latest_ms: i64,
    swept_ms: i64,
}

impl Scans {
    pub(super) fn new() -> Self {
        Self { looks: HashMap::new(), latest_ms: i64::MIN, swept_ms: i64::MIN }
    }

    /// Turns a human click into a scanner's if the visitor's last looks give it away.
    pub(super) fn judge(&mut self, click: &mut ClickOf<'_>) {
        // In an app there is a person; and many share a telephone network's address and an app's user agent.
        if !matches!(click.verdict, Verdict::Human | Verdict::Head) || !click.look.app.is_empty() {
            return;
        }
        self.sweep(click.time_ms);
        let looks = self.looks.entry(click.visitor).or_default();
        if click.verdict == Verdict::Human
            && let Some(reason) = sign(looks, click)
        {
            click.verdict = Verdict::Scanner;
            click.reason = Cow::Owned(CompactString::const_new(reason));
        }
        remember(looks, click);
    }

    pub(super) fn reset(&mut self) {
        // Its room stays: the next stretch has about as many visitors.
        self.looks.clear();
        (self.latest_ms, self.swept_ms) = (i64::MIN, i64::MIN);
    }

    /// Forgets what is too old, once per window or when the memory is full. If a window alone fills half of the memory,
    /// all of it goes: a few scanners then count as people, which is the lesser wrong.
    fn sweep(&mut self, now_ms: i64) {
        self.latest_ms = self.latest_ms.max(now_ms);
        let full = self.looks.len() >= VISITORS_MAX;
        if !full && self.latest_ms.saturating_sub(self.swept_ms) < SECOND_LOOK_MS {
            return;
        }
        self.swept_ms = self.latest_ms;
        let oldest = self.latest_ms.saturating_sub(SECOND_LOOK_MS);
        self.looks.retain(|_, looks| looks.last().is_some_and(|look| look.time_ms > oldest));
        // Half is enough to go on with; with less room the next sweeps would follow each other closely.
        if full && self.looks.len() > VISITORS_MAX / 2 {
            self.looks.clear();
        }
    }
}

fn sign(looks: &[Glance], click: &ClickOf<'_>) -> Option<&'static str> {
    let within = |look: &&Glance, window| (0..=window).contains(&click.time_ms.saturating_sub(look.time_ms));
    let is_second = |look: &Glance| look.is_head && look.link == click.link.id;
    if looks.iter().filter(|look| within(look, SECOND_LOOK_MS)).any(is_second) {
        return Some("sequence:head-then-get");
    }
    let others = || looks.iter().filter(|look| look.link != click.link.id && within(look, BURST_MS));
    if is_of_mail(click) && others().filter(|look| look.of_mail).count() + 1 >= LINKS_OF_A_MAIL {
        return Some("sequence:links-of-one-mail");
    }
    let many = click.look.device == Device::Desktop && others().count() + 1 >= LINKS_OF_ANYTHING;
    many.then_some("sequence:many-links")
}

/// A link stands in the list once, with the last look at it.
fn remember(looks: &mut Vec<Glance>, click: &ClickOf<'_>) {
    let look = Glance {
        link: click.link.id,
        time_ms: click.time_ms,
        is_head: click.verdict == Verdict::Head,
        of_mail: is_of_mail(click),
    };
    let was_head = |old: &Glance| old.link == look.link && old.is_head && !look.is_head;
    // The `HEAD` is the better evidence: a checker that comes back again is still one.
    if looks.iter().any(was_head) {
        return;
    }
    looks.retain(|old| old.link != look.link);
    if looks.len() >= LINKS_MAX {
        looks.remove(0);
    }
    looks.push(look);
}

fn is_of_mail(click: &ClickOf<'_>) -> bool {
    let medium = click.link.utm.medium.as_deref().unwrap_or(&click.visitor_utm_medium);
    let is_mail = ["email", "e-mail", "mail", "newsletter"].iter().any(|word| medium.eq_ignore_ascii_case(word));
    click.link.level == Level::Email || is_mail
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::click;
    use super::*;

    /// Looks of one visitor: when, at which link, by `HEAD`.
    fn verdicts(of_mail: bool, looks: &[(i64, u64, bool)]) -> Vec<String> {
        let mut scans = Scans::new();
        let judge = |(time_ms, link, is_head): &(i64, u64, bool)| {
            let mut click = click(LinkId(*link));
            click.time_ms = *time_ms;
            if *is_head {
                (click.verdict, click.reason) = (Verdict::Head, Cow::Owned("method:head".into()));
            }
            if of_mail {
                Arc::make_mut(click.link.to_mut()).level = Level::Email;
            }
            scans.judge(&mut click);
            click.reason.to_string()
        };
        looks.iter().map(judge).collect()
    }

    #[test]
    fn a_get_soon_after_a_head_is_the_second_look_of_a_checker() {
        let found = verdicts(false, &[(0, 1, true), (800, 1, false), (900, 2, false), (25_000, 1, false)]);
        assert_eq!(found, ["method:head", "sequence:head-then-get", "browser", "sequence:head-then-get"]);
        assert_eq!(verdicts(false, &[(0, 1, true), (40_000, 1, false)])[1], "browser");
    }

    #[test]
    fn the_third_link_of_one_mail_within_seconds_is_no_persons() {
        let mail = [(0, 1, false), (500, 2, false), (900, 3, false), (20_000, 4, false)];
        assert_eq!(verdicts(true, &mail), ["browser", "browser", "sequence:links-of-one-mail", "browser"]);
        assert_eq!(verdicts(false, &mail), ["browser"; 4]);
    }

    #[test]
    fn the_same_link_again_is_no_further_link() {
        assert_eq!(verdicts(true, &[(0, 1, false), (1, 1, false), (2, 1, false), (3, 2, false)]), ["browser"; 4]);
    }

    #[test]
    fn many_links_from_one_desk_at_once_are_a_program() {
        let looks: Vec<_> = (0..6_u32).map(|n| (i64::from(n) * 100, u64::from(n), false)).collect();
        assert_eq!(verdicts(false, &looks)[4..], ["browser", "sequence:many-links"]);
    }

    #[test]
    fn people_in_apps_are_left_alone() {
        let mut scans = Scans::new();
        for link in 0..20 {
            let mut click = click(LinkId(link));
            Arc::make_mut(click.look.to_mut()).app = "instagram".into();
            scans.judge(&mut click);
            assert_eq!(click.verdict, Verdict::Human);
        }
    }

    #[test]
    fn memory_is_bounded_by_the_window_and_by_numbers() {
        let mut scans = Scans::new();
        let mut click = click(LinkId(1));
        for visitor in 0..VISITORS_MAX as u64 + 10 {
            click.visitor = Visitor(visitor);
            scans.judge(&mut click);
        }
        assert!(scans.looks.len() <= VISITORS_MAX);
        click.time_ms += 100_000;
        scans.judge(&mut click);
        assert_eq!(scans.looks.len(), 1);
        for link in 0..100 {
            Arc::make_mut(click.link.to_mut()).id = LinkId(link);
            click.verdict = Verdict::Human;
            scans.judge(&mut click);
        }
        assert!(scans.looks.values().all(|looks| looks.len() <= LINKS_MAX));
    }
}
