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
    }
    let query = spec.destination.parts().query.unwrap_or_default();
    let keys = query.split('&').filter_map(|pair| pair.split('=').next());
    for key in keys.filter(|key| key.to_ascii_lowercase().starts_with("utm_") && *key != key.to_ascii_lowercase()) {
        found.push(format!("the destination spells {key} with capitals: analytics tools may not read it"));
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
