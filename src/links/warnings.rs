//! What is allowed about a link but probably not meant, said to its owner when it is saved.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::domain::destination::Destination;
use crate::domain::link::LinkSpec;
use crate::domain::utm::UtmField;

/// One sentence for each doubt, in the order of the fields.
pub(super) fn warnings(spec: &LinkSpec, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(destination_warnings(&spec.destination));
    found.extend(utm_warnings(spec));
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
    if destination.as_str().contains("{{") {
        found.push("the destination holds a {{macro}} that nobody fills in on a plain link".to_owned());
    }
    found
}

fn utm_warnings(spec: &LinkSpec) -> Vec<String> {
    let mut found = Vec::new();
    for (field, value) in spec.utm.iter() {
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
    }
    let names_a_group = matches!(field, UtmField::Source | UtmField::Medium | UtmField::Campaign);
    if names_a_group && value.contains(char::is_whitespace) {
        found.push(format!("{key} {value:?} has blanks, which arrive as + or %20: use - or _"));
    }
    if value.contains('@') && value.rsplit('@').next().is_some_and(|domain| domain.contains('.')) {
        found.push(format!("{key} looks like an e-mail address: it would reach every tool on the page it leads to"));
    }
    let is_macro = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close) && value.len() > 4;
    if (is_macro("__", "__") || is_macro("{", "}") || is_macro("[", "]")) && !value.starts_with("{{") {
        found.push(format!("{key} {value:?} is a macro that nobody fills in on a plain link"));
    }
    found
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
        ] {
            let found = value_warnings(field, value);
            assert!(found.len() == 1 && found[0].contains(words), "{value}: {found:?}");
        }
    }

    #[test]
    fn usual_values_are_not_doubted() {
        for value in ["facebook", "spring-sale_2026", "email", "a@b", "{{campaign.name}}", "[a", "__"] {
            assert_eq!(value_warnings(UtmField::Source, value), Vec::<String>::new(), "{value}");
        }
    }
}
