//! What the numbers mean: one sentence or two for each word, on a page of its own that every number leads to.
//!
//! It must never say something else than the code that counts.

use maud::{Markup, html};

use super::layout::{self, Place};
use super::parts::head;

/// A word that numbers stand under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Click,
    Visitor,
    Hit,
    Verdict,
    Ctr,
    Interval,
    Baseline,
    Impressions,
    AsOf,
    Level,
    Campaign,
    Source,
    SeenOn,
    Country,
    Device,
    Day,
    Before,
}

use Word::{
    AsOf, Baseline, Before, Campaign, Click, Country, Ctr, Day, Device, Hit, Impressions, Interval, Level, SeenOn,
    Source, Verdict, Visitor,
};

/// In the order in which a reader meets them.
const ALL: [Word; 17] = [
    Hit,
    Verdict,
    Click,
    Visitor,
    Source,
    SeenOn,
    Country,
    Device,
    Campaign,
    Day,
    Before,
    Level,
    Impressions,
    Ctr,
    Interval,
    Baseline,
    AsOf,
];

impl Word {
    /// Its name on the page and in addresses.
    fn id(self) -> &'static str {
        match self {
            Click => "click",
            Visitor => "visitor",
            Hit => "hit",
            Verdict => "verdict",
            Ctr => "ctr",
            Interval => "interval",
            Impressions => "impressions",
            AsOf => "as-of",
            Level => "level",
            Source => "source",
            SeenOn => "seen-on",
            Day => "day",
            Before => "before",
            Baseline => "baseline",
            Campaign => "campaign",
            Country => "country",
            Device => "device",
        }
    }

    fn term(self) -> &'static str {
        match self {
            Click => "Click",
            Visitor => "Visitor",
            Hit => "Hit",
            Verdict => "Verdict",
            Ctr => "CTR (click-through rate)",
            Interval => "95 % interval",
            Impressions => "Impressions",
            AsOf => "As of",
            Level => "Level",
            Source => "Source",
            SeenOn => "Seen on",
            Day => "Day",
            Before => "The time before",
            Baseline => "Baseline",
            Campaign => "Campaign",
            Country => "Country",
            Device => "Device",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Click => "A hit with the verdict human: a person followed the link. Each is counted exactly once.",
            Visitor => {
                "A browser in a network on one link and one day. Who comes on two days, or uses two links, counts \
                 twice: the key that tells visitors apart is destroyed, so nobody can know that it was the same person."
            }
            Hit => "Any request for a link, before anybody judges who sent it. All hits are kept.",
            Verdict => {
                "What a hit turned out to be. Only human hits are clicks. The others are shown with their reason: \
                 preview (an app drew a preview card), bot (a crawler or a script), scanner (a mail or link checker), \
                 prefetch (a browser loaded it in advance), head (a HEAD request), duplicate (a double tap), \
                 owner (you)."
            }
            Ctr => {
                "Clicks divided by impressions of the same level, the same posts and the same days. Above 100 % it is \
                 shown as it is and marked, because then the two do not describe the same events."
            }
            Interval => {
                "Where the click-through rate lies if chance is taken into account: 95 of 100 such intervals contain \
                 the true rate. Wilson's interval, or Poisson's where clicks outnumber impressions. Below 100 \
                 impressions or 5 clicks a rate is marked as not enough data."
            }
            Impressions => {
                "How often a platform says that a post was shown, imported from its files. Impressions, views, reach, \
                 profile visits, story views and delivered mails are different kinds and are never added together. \
                 What was not imported is unknown, which is not zero."
            }
            AsOf => "Until when imported numbers hold. Clicks after it are not divided by them.",
            Level => {
                "The kind of place a link stands in. It decides which impressions its clicks may be divided by: clicks \
                 of a profile by profile visits, of a story by story views, of a post by the post's own numbers, of \
                 an email by delivered mails."
            }
            Source => "Who a click is attributed to: what the link declares in utm_source, or else what was observed.",
            SeenOn => "Where a click was observed to come from: an app's own browser, or the referrer.",
            Day => "A day of the report time zone, which stands beside every range of days.",
            Before => {
                "As many days as are shown, right before the first of them, unless you choose others to compare with. While today \
                 is among the days shown it is not over, so the comparison is unfair to it until midnight."
            }
            Baseline => {
                "The band in which click-through rates of such places usually lie, with its source. A rate is called \
                 above or below it only when its whole interval is."
            }
            Campaign => "The links that carry the same utm_campaign, and the clicks on them.",
            Country => {
                "Where the address that clicked is registered, by the geo database that the server was given. It tells \
                 more about networks than about people: a proxy or a company network stands where its operator does."
            }
            Device => "What the browser says it runs on: a phone, a tablet, a desktop, and so on.",
        }
    }
}

/// `text`, leading to what `word` means.
pub(super) fn defined(word: Word, text: &str) -> Markup {
    html! { a.word href={ "/help#" (word.id()) } title=(word.meaning()) { (text) } }
}

pub(super) async fn page() -> Markup {
    let content = html! {
        (head("Help", "What the numbers mean", html! { a.button.plain href="/docs/ctr.md" { "All about rates" } a.button.plain href="/api" { "The API" } }))
        section.card {
            dl.words {
                @for word in ALL { div id=(word.id()) { dt { (word.term()) } dd { (word.meaning()) } } }
            }
        }
    };
    layout::page(Place::Help, "Help: what the numbers mean", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_leads_to_its_place_on_the_page() {
        assert!(defined(Click, "Clicks").into_string().starts_with("<a class=\"word\" href=\"/help#click\""));
        let ids: std::collections::BTreeSet<_> = ALL.iter().map(|word| word.id()).collect();
        assert_eq!(ids.len(), ALL.len());
    }
}
