//! Ads by the words that people gave to their campaigns: equal once case, spaces, `_` and `-` are folded. Pure.
//!
//! It must never match across platforms, nor an ad to a link that names another ad of the same campaign.

use std::collections::{BTreeSet, HashMap};

use super::{Candidate, Found, Hint, Proposed, Rule};
use crate::domain::placement::Level;
use crate::impressions::reading::PlatformPost;

/// What people write into `utm_source`, and whose ads are bought together.
const SOURCES: [(&str, &str); 14] = [
    ("facebook", "facebook"),
    ("fb", "facebook"),
    ("ig", "instagram"),
    ("insta", "instagram"),
    ("instagram", "instagram"),
    ("linkedin", "linkedin"),
    ("li", "linkedin"),
    ("pinterest", "pinterest"),
    ("tiktok", "tiktok"),
    ("tt", "tiktok"),
    ("twitter", "x"),
    ("x", "x"),
    ("youtube", "youtube"),
    ("yt", "youtube"),
];

/// Platforms whose ads are bought at one place; the first name is the place.
const BOUGHT_TOGETHER: [(&str, &[&str]); 2] = [
    ("meta", &["facebook", "instagram", "messenger", "threads", "whatsapp", "meta"]),
    ("google", &["google", "youtube", "google-ads"]),
];

/// The platform that a `utm_source` names.
pub(super) fn platform_of(source: &str) -> Option<String> {
    let word = source.trim().to_lowercase();
    let known = SOURCES.iter().find(|(source, _)| *source == word).map(|(_, platform)| (*platform).to_owned());
    let is_bought = BOUGHT_TOGETHER.iter().any(|(_, platforms)| platforms.contains(&word.as_str()));
    known.or_else(|| is_bought.then_some(word))
}

/// Where ads of this platform are bought.
fn shop(platform: &str) -> &str {
    let together = BOUGHT_TOGETHER.iter().find(|(_, platforms)| platforms.contains(&platform));
    together.map_or(platform, |(shop, _)| shop)
}

/// A name without case and with one kind of gap.
pub(super) fn fold(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Links by their campaign.
pub(super) struct Campaigns<'a> {
    links: HashMap<String, Vec<&'a Candidate>>,
}

/// What an export calls an ad and what it belongs to, folded.
struct Ad {
    campaigns: BTreeSet<String>,
    /// The ad itself, the set it is in, and their ids.
    names: BTreeSet<String>,
}

impl Ad {
    fn of(post: &PlatformPost) -> Option<Self> {
        let folded = |names: &[&Option<String>]| names.iter().filter_map(|name| name.as_deref()).map(fold).collect();
        let mut campaigns: BTreeSet<String> = folded(&[&post.campaign]);
        let mut names: BTreeSet<String> = folded(&[&post.ad, &post.ad_set]);
        names.extend(post.ids.iter().map(|id| fold(id)));
        campaigns.extend(post.ids.iter().map(|id| fold(id)));
        names.remove("");
        campaigns.remove("");
        (!campaigns.is_empty()).then_some(Self { campaigns, names })
    }
}

impl<'a> Campaigns<'a> {
    pub(super) fn new(links: &'a [Candidate]) -> Self {
        let mut by_name: HashMap<String, Vec<&Candidate>> = HashMap::new();
        for link in links {
            let names = [&link.utm.campaign, &link.utm.id];
            let names: BTreeSet<String> = names.into_iter().flatten().map(|name| fold(name)).collect();
            names.into_iter().for_each(|name| by_name.entry(name).or_default().push(link));
        }
        Self { links: by_name }
    }

    /// The links of an ad: those that name it, else those that name its campaign and no ad.
    pub(super) fn of(&self, post: &PlatformPost) -> (Vec<Found<'a>>, Vec<Proposed<'a>>) {
        let Some(ad) = Ad::of(post) else { return (Vec::new(), Vec::new()) };
        let mut links: Vec<_> =
            ad.campaigns.iter().filter_map(|name| self.links.get(name)).flatten().copied().collect();
        links.sort_unstable_by_key(|link| link.id);
        links.dedup_by_key(|link| link.id);
        let (mut of_ad, mut of_campaign, mut other) = (Vec::new(), Vec::new(), Vec::new());
        for link in links {
            match fit(link, post, &ad) {
                Fit::Ad => of_ad.push((link, Rule::Utm, evidence(link))),
                Fit::Campaign => of_campaign.push((link, Rule::Utm, evidence(link))),
                Fit::Perhaps => other.push((link, Hint::Campaign, evidence(link))),
                Fit::Elsewhere => {}
            }
        }
        let found = if of_ad.is_empty() { of_campaign } else { of_ad };
        (found, other)
    }
}

enum Fit {
    /// It names the ad or the set.
    Ad,
    /// It names the campaign and nothing below it, and is no link of something else in this campaign.
    Campaign,
    Perhaps,
    /// It is for another platform.
    Elsewhere,
}

fn fit(link: &Candidate, post: &PlatformPost, ad: &Ad) -> Fit {
    let Some(platform) = &link.platform else { return Fit::Perhaps };
    if shop(platform) != shop(&post.platform) {
        return Fit::Elsewhere;
    }
    let parts = [&link.utm.content, &link.utm.term];
    let below: Vec<String> = parts.into_iter().flatten().map(|name| fold(name)).collect();
    let has_its_id = link.utm.id.as_deref().is_some_and(|id| ad.names.contains(&fold(id)));
    match below.iter().any(|name| ad.names.contains(name)) {
        true => Fit::Ad,
        false if below.is_empty() && (has_its_id || is_of_level(link.level, post.level)) => Fit::Campaign,
        false => Fit::Perhaps,
    }
}

fn is_of_level(link: Level, post: Level) -> bool {
    link == post || link == Level::Other || post == Level::Other
}

fn evidence(link: &Candidate) -> String {
    let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let utm = &link.utm;
    let parts = [part("utm_campaign", &utm.campaign), part("utm_id", &utm.id), part("utm_content", &utm.content)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
