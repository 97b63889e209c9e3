//! The channel group of a click, by the rules that Google publishes for the default channel group of Analytics 4.
//!
//! The 19 rules are tried in Google's order and the first that fits names the channel. Formulas are those of the help
//! page "Default channel group" (support.google.com/analytics/answer/9756891); case is ignored, as it says there.
//! Pure. It must never look at the verdict or at who clicked.

use compact_str::CompactString;

use crate::domain::link::LinkFacts;
use crate::domain::placement::Level;

use super::names::{Names, lower};
use super::source::Attribution;

/// The three values that the rules look at. Empty means not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags<'a> {
    pub(super) source: &'a str,
    pub(super) medium: &'a str,
    pub(super) campaign: &'a str,
}

/// The name of the channel, as Google spells it. `sites` says which sources are search, social, shopping or video.
pub(super) fn group(tags: Tags<'_>, sites: &Names) -> &'static str {
    let [source, medium, campaign] = [tags.source, tags.medium, tags.campaign].map(|text| lower(text.trim()));
    let facts = Facts { site: site(&source, sites), source: &source, medium: &medium, campaign: &campaign };
    let found = RULES.iter().find(|(_, fits)| fits(&facts));
    found.map_or("Unassigned", |(name, _)| name)
}

/// What one click shows to the rules, in lower case.
struct Facts<'a> {
    source: &'a str,
    medium: &'a str,
    campaign: &'a str,
    /// `search`, `social`, `shopping`, `video` or empty.
    site: &'a str,
}

type Rule = (&'static str, fn(&Facts<'_>) -> bool);

/// In Google's order; what none of them takes is "Unassigned", the nineteenth.
const RULES: [Rule; 18] = [
    ("Direct", |f| f.source == "(direct)" && matches!(f.medium, "" | "(none)" | "(not set)")),
    ("Cross-network", |f| f.campaign.contains("cross-network")),
    ("Paid Shopping", |f| (f.site == "shopping" || sells(f.campaign)) && is_paid(f.medium)),
    ("Paid Search", |f| f.site == "search" && is_paid(f.medium)),
    ("Paid Social", |f| f.site == "social" && is_paid(f.medium)),
    ("Paid Video", |f| f.site == "video" && is_paid(f.medium)),
    ("Display", |f| matches!(f.medium, "display" | "banner" | "expandable" | "interstitial" | "cpm")),
    ("Paid Other", |f| is_paid(f.medium)),
    ("Organic Shopping", |f| f.site == "shopping" || sells(f.campaign)),
    ("Organic Social", |f| f.site == "social" || is_social(f.medium)),
    ("Organic Video", |f| f.site == "video" || f.medium.contains("video")),
    ("Organic Search", |f| f.site == "search" || f.medium == "organic"),
    ("Referral", |f| matches!(f.medium, "referral" | "app" | "link")),
    ("Email", |f| is_email(f.source) || is_email(f.medium)),
    ("Affiliates", |f| f.medium == "affiliate"),
    ("Audio", |f| f.medium == "audio"),
    ("SMS", |f| f.source == "sms" || f.medium == "sms"),
    ("Mobile Push Notifications", |f| {
        f.medium.ends_with("push")
            || f.medium.contains("mobile")
            || f.medium.contains("notification")
            || f.source == "firebase"
    }),
];

/// `^(.*cp.*|ppc|retargeting|paid.*)$`
fn is_paid(medium: &str) -> bool {
    medium.contains("cp") || medium == "ppc" || medium == "retargeting" || medium.starts_with("paid")
}

/// `^(.*(([^a-df-z]|^)shop|shopping).*)$`: "shop" at the start, or after an `e` or what is no letter.
fn sells(campaign: &str) -> bool {
    let may_precede = |letter: char| letter == 'e' || !letter.is_ascii_lowercase();
    let shop = |(at, _): (usize, &str)| campaign[..at].chars().next_back().is_none_or(may_precede);
    campaign.contains("shopping") || campaign.match_indices("shop").any(shop)
}

fn is_social(medium: &str) -> bool {
    matches!(medium, "social" | "social-network" | "social-media" | "sm" | "social network" | "social media")
}

fn is_email(text: &str) -> bool {
    matches!(text, "email" | "e-mail" | "e_mail" | "e mail")
}

/// A source is a name or a host; what lies below a host that is known is known too.
fn site<'s>(source: &str, sites: &'s Names) -> &'s str {
    sites.find_host(source).unwrap_or_default()
}

/// What the rules see of a click: its source, and the medium that is declared or that follows from how it was found.
pub(super) fn of_click(
    attribution: &Attribution,
    link: &LinkFacts,
    visitor_medium: &str,
    click_ids: &str,
    sites: &Names,
) -> CompactString {
    let source = if attribution.rule == "direct" { "(direct)" } else { &attribution.source };
    let declared = link.utm.medium.as_deref().unwrap_or_default();
    let medium = [declared, visitor_medium, of_level(link.level)].into_iter().find(|medium| !medium.trim().is_empty());
    let medium = medium.unwrap_or_else(|| of_rule(attribution.rule, click_ids));
    let campaign = link.utm.campaign.as_deref().unwrap_or_default();
    CompactString::const_new(group(Tags { source, medium, campaign }, sites))
}

/// A placement says of itself what it is where its owner set no `utm_medium`.
fn of_level(level: Level) -> &'static str {
    match level {
        Level::Ad => "paid",
        Level::Email => "email",
        Level::Post | Level::Profile | Level::Story | Level::Other => "",
    }
}

/// What Analytics itself fills in: a click id of an ad is a paid click, a referrer a referral.
fn of_rule(rule: &str, click_ids: &str) -> &'static str {
    const PAID: [&str; 8] = ["gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id"];
    match rule {
        "click-id" if click_ids.split(',').any(|name| PAID.contains(&name)) => "cpc",
        "app" | "referrer" | "click-id" => "referral",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::tables::Tables;
    use super::*;

    static SITES: LazyLock<Names> = LazyLock::new(|| Names::of(Tables::built_in().channels()));

    fn channel(source: &str, medium: &str, campaign: &str) -> &'static str {
        group(Tags { source, medium, campaign }, &SITES)
    }

    #[test]
    fn each_of_the_nineteen_rules_names_its_channel() {
        for (source, medium, campaign, name) in [
            ("(direct)", "(none)", "", "Direct"),
            ("(direct)", "(not set)", "", "Direct"),
            ("google", "cpc", "summer cross-network 2026", "Cross-network"),
            ("amazon", "cpc", "", "Paid Shopping"),
            ("example.org", "paid", "e-shop", "Paid Shopping"),
            ("google", "cpc", "", "Paid Search"),
            ("facebook", "paid_social", "", "Paid Social"),
            ("youtube", "cpv-cpm", "", "Paid Video"),
            ("example.org", "banner", "", "Display"),
            ("example.org", "retargeting", "", "Paid Other"),
            ("etsy.com", "", "", "Organic Shopping"),
            ("instagram", "bio", "", "Organic Social"),
            ("newsletter", "social media", "", "Organic Social"),
            ("vimeo.com", "", "", "Organic Video"),
            ("someone", "in-video", "", "Organic Video"),
            ("duckduckgo", "", "", "Organic Search"),
            ("someone", "organic", "", "Organic Search"),
            ("example.org", "referral", "", "Referral"),
            ("newsletter", "email", "", "Email"),
            ("e-mail", "", "", "Email"),
            ("partner", "affiliate", "", "Affiliates"),
            ("podcast", "audio", "", "Audio"),
            ("sms", "", "", "SMS"),
            ("app", "web-push", "", "Mobile Push Notifications"),
            ("firebase", "", "", "Mobile Push Notifications"),
            ("poster", "print", "", "Unassigned"),
            ("", "", "", "Unassigned"),
        ] {
            assert_eq!(channel(source, medium, campaign), name, "{source} / {medium} / {campaign}");
        }
    }

    #[test]
    fn the_order_of_the_rules_decides_where_several_fit() {
        assert_eq!(channel("facebook", "cpm", ""), "Paid Social");
        assert_eq!(channel("unknown.example", "cpm", ""), "Display");
        assert_eq!(channel("facebook", "email", ""), "Organic Social");
        assert_eq!(channel("facebook", "cpc", "my shop"), "Paid Shopping");
    }

    #[test]
    fn case_is_ignored_and_a_host_below_a_known_one_is_known() {
        assert_eq!(channel("Facebook", "CPC", ""), "Paid Social");
        assert_eq!(channel("m.facebook.com", "", ""), "Organic Social");
        assert_eq!(channel("notfacebook.com", "", ""), "Unassigned");
    }

    #[test]
    fn a_campaign_sells_by_the_word_shop_and_not_by_its_letters() {
        for (campaign, sells_something) in [
            ("shop", true),
            ("e-shop", true),
            ("eshop", true),
            ("spring shopping", true),
            ("windowshopping", true),
            ("2shop", true),
            ("workshop", false),
            ("bishop", false),
            ("", false),
        ] {
            assert_eq!(sells(campaign), sells_something, "{campaign}");
        }
    }
}
