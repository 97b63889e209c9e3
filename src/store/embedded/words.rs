//! The values that most counters have, each with a number of one byte that stands for it in a file.
//!
//! Files hold the numbers, so none may ever mean something else: new words come after the last one, and nothing else
//! is ever changed. A test holds their order.

use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::domain::counter::Dimension;

/// Words of one dimension after those of another; the number of a word is its place among all.
const LISTS: [(Dimension, &str); 12] = [
    (Dimension::Verdict, "human|preview|bot|scanner|prefetch|head|duplicate|owner"),
    (
        Dimension::Source,
        "direct|instagram|facebook|threads|x|linkedin|tiktok|youtube|pinterest|reddit|snapchat|whatsapp|telegram|bluesky|\
         mastodon|google|bing|duckduckgo|yahoo|hackernews|email|newsletter|messenger|discord|slack|wechat|line|qr",
    ),
    (
        Dimension::SeenOn,
        "(unknown)|instagram|facebook|threads|x|linkedin|tiktok|youtube|pinterest|reddit|snapchat|whatsapp|telegram|\
         bluesky|google|bing|messenger|discord|wechat|line",
    ),
    (
        Dimension::Referrer,
        "(none)|l.instagram.com|www.instagram.com|l.facebook.com|lm.facebook.com|m.facebook.com|www.facebook.com|\
         l.threads.com|www.threads.com|t.co|www.linkedin.com|lnkd.in|www.tiktok.com|www.youtube.com|www.pinterest.com|\
         www.reddit.com|out.reddit.com|go.bsky.app|www.google.com|www.bing.com|duckduckgo.com",
    ),
    (Dimension::Country, "(unknown)|US|GB|DE|FR|ES|IT|NL|BE|CH|AT|SE|NO|DK|FI|PL|IE|PT|CA|AU|BR|MX|IN|JP|TR"),
    (Dimension::Region, "(unknown)"),
    (Dimension::City, "(unknown)"),
    (Dimension::Device, "mobile|tablet|desktop|tv|console|wearable|other"),
    (Dimension::Os, "(unknown)|iOS|iPadOS|Android|Windows|macOS|Linux|ChromeOS|HarmonyOS|tvOS"),
    (
        Dimension::Browser,
        "(unknown)|Chrome|Safari|Firefox|Edge|Samsung Internet|Opera|Opera Mini|Brave|Vivaldi|DuckDuckGo|\
         Android Browser|UC Browser|MIUI Browser|Huawei Browser|Yandex Browser|Instagram|Facebook|Messenger|Threads|X|\
         LinkedIn|TikTok|YouTube|Pinterest|Reddit|Snapchat|Google",
    ),
    (
        Dimension::Language,
        "(unknown)|en|en-US|en-GB|en-CA|en-AU|en-IN|de|de-DE|fr|fr-FR|es|es-ES|es-MX|it|it-IT|pt-PT|pt-BR|nl|nl-NL|sv|\
         sv-SE|nb-NO|da-DK|fi-FI|pl-PL|cs-CZ|uk-UA|ru-RU|tr-TR|ar|hi-IN|id-ID|ja-JP|ko-KR|zh-CN|zh-TW",
    ),
    (
        Dimension::Channel,
        "Direct|Cross-network|Paid Shopping|Paid Search|Paid Social|Paid Video|Display|Paid Other|Organic Shopping|\
         Organic Social|Organic Video|Organic Search|Referral|Email|Affiliates|Audio|SMS|Mobile Push Notifications|\
         Unassigned",
    ),
];

/// Words in this order are by dimension, then by text. 0 for the number of none.
pub(super) fn rank(number: u8) -> u8 {
    WORDS.ranks.get(usize::from(number)).copied().unwrap_or(0)
}

/// How many there are.
pub(super) const TOTAL: u8 = 205;

/// The most words of one dimension.
pub(super) const OF_A_DIMENSION_MAX: usize = 64;

struct Words {
    known: Vec<(Dimension, &'static str)>,
    /// Of each word its place among all, by dimension and text.
    ranks: Vec<u8>,
    numbers: HashMap<(Dimension, &'static str), u8>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let known: Vec<_> = LISTS.iter().flat_map(|(of, list)| list.split('|').map(|word| (*of, word))).collect();
    let numbers: HashMap<_, _> = known.iter().copied().zip(0..).collect();
    let place = |word: &(Dimension, &str)| known.iter().filter(|other| *other < word).count() as u8;
    let ranks = known.iter().map(place).collect();
    Words { known, ranks, numbers }
});

pub(super) fn number(of: Dimension, word: &str) -> Option<u8> {
    WORDS.numbers.get(&(of, word)).copied()
}

pub(super) fn word(number: u8) -> Option<(Dimension, &'static str)> {
    WORDS.known.get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that there were when files were first written with them. It may grow and must never change otherwise.
    const FIRST: u8 = 205;

    #[test]
    fn no_number_ever_changes_its_meaning() {
        let known = (0..FIRST).flat_map(|number| {
            let (of, word) = word(number).unwrap();
            [of as u8].into_iter().chain(word.bytes()).chain([0])
        });
        let hash =
            known.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        assert_eq!(hash, 0xe727_2cb0_44ba_0fbc);
    }

    #[test]
    fn ranks_are_the_order_of_dimensions_and_texts() {
        let mut numbers: Vec<u8> = (0..TOTAL).collect();
        numbers.sort_by_key(|number| rank(*number));
        assert!(numbers.is_sorted_by(|one, next| word(*one) < word(*next)));
        // They stand between others when counters are unpacked, which counts on this.
        assert!(numbers.iter().all(|number| word(*number).unwrap().0 != Dimension::Hour));
    }

    #[test]
    fn every_word_has_one_number_and_no_dimension_too_many() {
        assert_eq!(word(TOTAL), None);
        for at in 0..TOTAL {
            let (of, text) = word(at).unwrap();
            assert_eq!(number(of, text), Some(at), "{text}");
        }
        for of in Dimension::ALL {
            let words = (0..TOTAL).filter(|at| word(*at).unwrap().0 == of).count();
            assert!(words <= OF_A_DIMENSION_MAX);
        }
    }
}
