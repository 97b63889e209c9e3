//! Which agents are programs: the named ones, then those that show it by a word or by their shape.
//!
//! The order is the rule. Names are specific and go first; an app's own browser comes before every word and shape,
//! because people in apps send the strangest user agents; shapes come last.

use compact_str::{CompactString, format_compact};

use crate::domain::verdict::Verdict;

use super::Agents;
use super::hints::Hints;
use super::tokens::{Class, Found};

/// What `words.tsv` says of a word that convicts handsets too.
const ALL: &str = "all";

/// What a row of `bots.tsv` says; a row that says anything else counts as a bot.
pub(super) fn verdict_of_row(text: &str) -> Verdict {
    Verdict::parse(text).unwrap_or(Verdict::Bot)
}

/// The verdict and the reason if the agent is a program, nothing if it may be a person.
pub(super) fn program(
    user_agent: &str,
    found: &Found,
    hints: &Hints,
    agents: &Agents,
) -> Option<(Verdict, CompactString)> {
    if user_agent.trim().is_empty() {
        return Some((Verdict::Bot, CompactString::const_new("user-agent:missing")));
    }
    if let Some((verdict, family)) = name(found, agents) {
        return Some((verdict, format_compact!("user-agent:{family}")));
    }
    if found.app.is_some() {
        return None;
    }
    let sign = word(found, hints, agents).or_else(|| shape(user_agent, found, agents))?;
    Some((Verdict::Bot, format_compact!("user-agent:{sign}")))
}

/// A row that says `human` stands for a person's program and excuses from all rows below it.
fn name<'a>(found: &Found, agents: &'a Agents) -> Option<(Verdict, &'a str)> {
    let (verdict, family) = &agents.bots[usize::from(found.bot?)];
    (*verdict != Verdict::Human).then_some((*verdict, family))
}

fn word<'a>(found: &Found, hints: &Hints, agents: &'a Agents) -> Option<&'a str> {
    let said = found.word.map(|row| &agents.words[usize::from(row)]);
    match said {
        Some([word, convicts]) if convicts == ALL || !found.is(Class::Handset) => Some(word),
        _ => hints.headless.then_some("headless"),
    }
}

/// What only programs look like. Phones from before smartphones, televisions and consoles are excused: they send
/// anything.
fn shape(user_agent: &str, found: &Found, agents: &Agents) -> Option<&'static str> {
    if [Class::Handset, Class::Tv, Class::Console].iter().any(|class| found.is(*class)) {
        return None;
    }
    let mozilla = starts_with(user_agent, "mozilla/");
    let desktop = matches!(agents.system(found), "Linux" | "Windows" | "macOS");
    match (found.browser, found.system) {
        (None, _) if !mozilla && desktop => Some("not-a-browser"),
        (Some(_), _) if !mozilla && desktop && contains(user_agent, " mozilla/5") => Some("not-a-browser"),
        // "compatible;" is how programs have introduced themselves since 1996; of the browsers only old ones say it.
        (None, _) if contains(user_agent, "compatible;") => Some("compatible"),
        (Some(_), _) if contains(user_agent, "gecko; compatible") => Some("compatible"),
        (None, None) if mozilla => Some("no-platform"),
        (None, None) => Some("not-a-browser"),
        _ => None,
    }
}

fn starts_with(text: &str, lower: &str) -> bool {
    text.as_bytes().get(..lower.len()).is_some_and(|head| head.eq_ignore_ascii_case(lower.as_bytes()))
}

fn contains(text: &str, lower: &str) -> bool {
    text.as_bytes().windows(lower.len()).any(|part| part.eq_ignore_ascii_case(lower.as_bytes()))
}
