//! Who a click is attributed to, and where it was seen to come from. Two questions with two answers: a link that
//! was made for a newsletter stays the newsletter's when somebody opens it inside an app.

use compact_str::CompactString;

use crate::domain::link::LinkFacts;

use super::agent::Agent;
use super::names::{Names, lower};
use super::query::Arrival;

/// The word for a click that nothing names.
const DIRECT: &str = "direct";

/// Who a click is attributed to, and the rule that named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribution {
    pub(super) source: CompactString,
    pub(super) rule: &'static str,
}

/// Where a click was seen to come from: the app, the app that embeds the page, the referrer, a click id.
pub(super) fn seen_on(agent: &Agent, referrer: &CompactString, arrival: &Arrival<'_>) -> CompactString {
    [agent.app.as_str(), agent.embedded_by.as_str(), referrer.as_str(), arrival.click_id_source()]
        .into_iter()
        .find(|name| !name.is_empty())
        .map(CompactString::from)
        .unwrap_or_default()
}

/// The first rule that names a source: what the link declares, the visitor's `utm_source`, a click id, the app, the
/// referrer, and `direct` when nobody speaks.
pub(super) fn attribute(
    link: &LinkFacts,
    agent: &Agent,
    referrer: &CompactString,
    arrival: &Arrival<'_>,
    aliases: &Names,
) -> Attribution {
    let declared = link.utm.source.as_deref().or(link.platform.as_deref()).unwrap_or_default();
    let app = if agent.app.is_empty() { &agent.embedded_by } else { &agent.app };
    let rules = [
        ("link", declared),
        ("utm", arrival.utm_source.as_str()),
        ("click-id", arrival.click_id_source()),
        ("app", app.as_str()),
        ("referrer", referrer.as_str()),
    ];
    let first = rules.into_iter().find(|(_, name)| !name.trim().is_empty());
    let (rule, name) = first.unwrap_or((DIRECT, DIRECT));
    Attribution { source: canonical(name, aliases), rule }
}

/// Lower-case, trimmed, and in the one spelling that is used for it.
fn canonical(name: &str, aliases: &Names) -> CompactString {
    let name = lower(name.trim());
    aliases.find(&name).map_or_else(|| name.clone(), CompactString::from)
}
