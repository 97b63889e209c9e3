//! Agents by the hundred, as tables in `tests/fixtures/agents`: a new case is a new line.

use std::sync::LazyLock;

use super::*;
use crate::domain::link::LinkId;

static AGENTS: LazyLock<Agents> = LazyLock::new(|| Agents::compile(&Tables::built_in()));

fn read(user_agent: &str) -> Agent {
    AGENTS.read(&Hit { user_agent, ..Hit::new(LinkId(1), 0) })
}

/// The cells of each row of a fixture.
fn rows<const CELLS: usize>(fixture: &'static str) -> impl Iterator<Item = [&'static str; CELLS]> {
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.split('\t').collect();
        cells.try_into().unwrap_or_else(|_| panic!("{line:?} has not {CELLS} cells"))
    };
    fixture.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row)
}

/// Fails with all that is wrong at once.
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn people_are_people_and_their_devices_systems_browsers_and_apps_are_named() {
    let mut wrong = Vec::new();
    for [device, os, browser, app, user_agent] in rows(include_str!("../../../tests/fixtures/agents/people.tsv")) {
        let agent = read(user_agent);
        let human = ("verdict", "human", agent.verdict.as_str());
        let named = [
            human,
            ("device", device, agent.device.as_str()),
            ("system", os, &agent.os),
            ("browser", browser, &agent.browser),
            ("app", app, &agent.app),
        ];
        let differ = named.into_iter().filter(|(_, expected, found)| *expected != "-" && expected != found);
        wrong.extend(differ.map(|(what, expected, found)| format!("{what} {found:?}, not {expected:?}: {user_agent}")));
    }
    none(&wrong);
}

#[test]
fn programs_are_programs_of_their_kind() {
    let mut wrong = Vec::new();
    for [verdict, user_agent] in rows(include_str!("../../../tests/fixtures/agents/programs.tsv")) {
        let agent = read(user_agent);
        if agent.verdict.as_str() != verdict {
            wrong.push(format!("{} ({}), not {verdict}: {user_agent}", agent.verdict, agent.reason));
        }
    }
    none(&wrong);
}

#[test]
fn hints_are_kept_as_sent_and_nothing_is_kept_of_none() {
    let mut hit = Hit { user_agent: "x", ..Hit::new(LinkId(1), 0) };
    assert_eq!(joined(&hit), "");
    hit.take_header("sec-ch-ua-mobile", b"?1");
    assert_eq!(joined(&hit), "|?1|||");
}
