//! What is allowed about a link but probably not meant, said to its owner when it is saved.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::domain::destination::Destination;
use crate::domain::link::LinkSpec;
use crate::domain::utm::{UtmField, is_macro};

use super::policy::UtmPolicy;
use super::spelling::nearest;

/// One sentence for each doubt, in the order of the fields.
pub(super) fn warnings(spec: &LinkSpec, policy: &UtmPolicy, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(destination_warnings(&spec.destination));
    found.extend(utm_warnings(spec, policy));
    found.extend(rule_warnings(spec, now));
    found
}

fn destination_warnings(destination: &Destination) -> Vec<String> {
    let (host, _) = destination.host_and_port();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_private = bare.parse::<IpAddr>().is_ok() || !bare.trim_end_matches('.').contains('.');
    let mut found = Vec::new();
    if is_private {
        found.push(format!("{host} is not a public host name: visitors elsewhere may not reach it"));
    }
    if destination.is_plain_http() && !is_private {
        found.push("the destination is plain http: it can be read and changed on the way, use https".to_owned());
    }
    let text = destination.as_str();
    if text.contains("{{") || text.contains("%7B%7B") || text.contains("%7b%7b") {
        found.push("the destination holds a {{macro}} that nobody fills in on a plain link".to_owned());
    }
    found
}

fn utm_warnings(spec: &LinkSpec, policy: &UtmPolicy) -> Vec<String> {
    let mut found = Vec::new();
    // A value that the configuration lists is meant as it is.
    for (field, value) in spec.utm.iter().filter(|(field, value)| !policy.names(*field, value)) {
        let names_a_group = matches!(field, UtmField::Source | UtmField::Medium | UtmField::Campaign);
        if names_a_group && !value.contains("{{") && value.chars().any(char::is_uppercase) {
            let key = field.key();
            found.push(format!("{key} {value:?} has capitals: reports tell it from {:?}", value.to_lowercase()));
        }
        found.extend(value_warnings(field, value));
    }
    let query = spec.destination.parts().query.unwrap_or_default();
    let keys = query.split('&').filter_map(|pair| pair.split('=').next());
    for key in keys.filter(|key| key.to_ascii_lowercase().starts_with("utm_") && *key != key.to_ascii_lowercase()) {
        found.push(format!("the destination spells {key} with capitals: analytics tools may not read it"));
    }
    found
}

/// Spellings that reports of other tools do not bring together, and what they call it.
const SPELLINGS: [(UtmField, &str, &str); 20] = [
    (UtmField::Source, "fb", "facebook"),
    (UtmField::Source, "facebook.com", "facebook"),
    (UtmField::Source, "ig", "instagram"),
    (UtmField::Source, "insta", "instagram"),
    (UtmField::Source, "instagram.com", "instagram"),
    (UtmField::Source, "meta", "facebook or instagram"),
    (UtmField::Source, "yt", "youtube"),
    (UtmField::Source, "tt", "tiktok"),
    (UtmField::Source, "li", "linkedin"),
    (UtmField::Source, "tw", "twitter"),
    (UtmField::Medium, "mail", "email"),
    (UtmField::Medium, "e-mailing", "email"),
    (UtmField::Medium, "newsletter", "email"),
    (UtmField::Medium, "mailing", "email"),
    (UtmField::Medium, "socials", "social"),
    (UtmField::Medium, "organic-social", "social"),
    (UtmField::Medium, "organic_social", "social"),
    (UtmField::Medium, "ads", "paid"),
    (UtmField::Medium, "ad", "paid"),
    (UtmField::Medium, "push-message", "push"),
];

/// What is unusual about one value: a spelling, blanks, a person's address, a macro of an advertising tool.
fn value_warnings(field: UtmField, value: &str) -> Vec<String> {
    let key = field.key();
    let lower = value.to_lowercase();
    let mut found = Vec::new();
    if let Some((.., usual)) = SPELLINGS.iter().find(|(of, spelling, _)| *of == field && *spelling == lower) {
        found.push(format!("{key} {value:?} is not what analytics tools group by: the usual word is {usual}"));
    } else if let Some(meant) = misspelt(field, &lower) {
        found.push(format!("{key} {value:?} looks like a slip: did you mean {meant}?"));
    }
    let names_a_group = matches!(field, UtmField::Source | UtmField::Medium | UtmField::Campaign);
    if names_a_group && value.contains(char::is_whitespace) {
        found.push(format!("{key} {value:?} has blanks, which arrive as + or %20: use - or _"));
    }
    if value.contains('@') && value.rsplit('@').next().is_some_and(|domain| domain.contains('.')) {
        found.push(format!("{key} looks like an e-mail address: it would reach every tool on the page it leads to"));
    }
    if is_macro(value) && !value.contains("{{") {
        found.push(format!("{key} {value:?} is a macro that nobody fills in on a plain link"));
    }
    found
}

/// Words that most links use, and that are long enough for a slip to be told from another word.
const USUAL_SOURCES: [&str; 16] = [
    "facebook",
    "instagram",
    "linkedin",
    "twitter",
    "tiktok",
    "youtube",
    "pinterest",
    "snapchat",
    "whatsapp",
    "telegram",
    "newsletter",
    "google",
    "threads",
    "bluesky",
    "mastodon",
    "reddit",
];
const USUAL_MEDIUMS: [&str; 12] = [
    "email",
    "social",
    "referral",
    "organic",
    "affiliate",
    "display",
    "banner",
    "video",
    "paid_social",
    "influencer",
    "podcast",
    "print",
];

/// The usual word that `value` (lower-case) probably was meant to be, if it is not one itself.
fn misspelt(field: UtmField, value: &str) -> Option<&'static str> {
    let usual: &[&'static str] = match field {
        UtmField::Source => &USUAL_SOURCES,
        UtmField::Medium => &USUAL_MEDIUMS,
        _ => return None,
    };
    // `paid-social` is as good a word as `paid_social`, so only letters count.
    let letters = |word: &str| word.replace(['-', '_', ' '], "");
    nearest(value, usual.iter().copied()).filter(|word| letters(word) != letters(value) && value.len() > 4)
}

fn rule_warnings(spec: &LinkSpec, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    if spec.rules.status.is_permanent() {
        let code = spec.rules.status.code();
        found.push(format!("{code} is permanent: browsers keep it, so repeat clicks are not seen and a later edit may not reach everybody"));
    }
    if spec.rules.expires_at.is_some_and(|at| at <= now) {
        found.push("the link has expired already".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_reports_would_split_or_that_names_a_person_is_doubted() {
        for (field, value, words) in [
            (UtmField::Source, "FB", "the usual word is facebook"),
            (UtmField::Source, "meta", "facebook or instagram"),
            (UtmField::Medium, "newsletter", "the usual word is email"),
            (UtmField::Campaign, "spring sale", "use - or _"),
            (UtmField::Content, "jane@example.com", "e-mail address"),
            (UtmField::Campaign, "__CAMPAIGN_NAME__", "a macro"),
            (UtmField::Term, "{keyword}", "a macro"),
            (UtmField::Source, "instgram", "did you mean instagram?"),
            (UtmField::Medium, "emial", "did you mean email?"),
        ] {
            let found = value_warnings(field, value);
            assert!(found.len() == 1 && found[0].contains(words), "{value}: {found:?}");
        }
    }

    #[test]
    fn usual_values_are_not_doubted() {
        for value in
            ["facebook", "spring-sale_2026", "email", "a@b", "{{campaign.name}}", "[a", "__", "poster", "spring"]
        {
            assert_eq!(value_warnings(UtmField::Source, value), Vec::<String>::new(), "{value}");
        }
    }
}
