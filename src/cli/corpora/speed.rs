//! What judging one click costs, on the user agents of the corpora. A build without optimisation says nothing here.

use std::path::Path;
use std::time::{Duration, Instant};

use super::cases;
use crate::classify::Classifier;
use crate::classify::place::Places;
use crate::domain::hit::Hit;
use crate::domain::link::LinkId;
use crate::domain::visitor::Salt;

/// Different agents in the mix of traffic; a busy site sees a few thousand.
const AGENTS_OF_TRAFFIC: usize = 2000;

/// Clicks of the mix.
const CLICKS: usize = 1_000_000;

/// One line: a click whose agent was never seen, and a click of a mix in which few agents make most of the traffic.
pub(super) fn measure(classifier: &Classifier, folder: &Path) -> anyhow::Result<String> {
    let mut agents: Vec<String> =
        cases::uap(&folder.join("uap-core/tests/test_device.yaml"))?.into_iter().map(|case| case.user_agent).collect();
    agents.extend(cases::crawlers(&folder.join("crawler-user-agents/crawler-user-agents.json"))?);
    // A tail that nobody else has makes each agent one that is not remembered.
    let unseen: Vec<String> = agents.iter().map(|agent| format!("{agent} unseen/1")).collect();
    let unseen_cost = cost(classifier, unseen.iter().map(String::as_str), unseen.len());
    let seen = mix(&agents).take(CLICKS);
    let seen_cost = cost(classifier, seen, CLICKS);
    Ok(format!(
        "a click costs {seen_cost:.2?} in a mix of {AGENTS_OF_TRAFFIC} agents, {unseen_cost:.2?} with an agent never seen\n"
    ))
}

/// The nth agent comes about 1/n as often as the first, drawn without chance so that runs can be compared.
fn mix(agents: &[String]) -> impl Iterator<Item = &str> {
    let top = agents.len().clamp(1, AGENTS_OF_TRAFFIC) as f64;
    let step = 0.618_033_988_749_895_f64;
    (1_u32..).filter_map(move |n| {
        let part = (f64::from(n) * step).fract();
        agents.get(top.powf(part) as usize - 1).map(String::as_str)
    })
}

fn cost<'a>(classifier: &Classifier, agents: impl Iterator<Item = &'a str>, clicks: usize) -> Duration {
    let (link, salt, places) = (super::super::classify::plain_link(), Salt([0; 32]), Places::default());
    let began = Instant::now();
    for agent in agents {
        let mut hit = Hit::new(LinkId(1), 0);
        hit.take_header("user-agent", agent.as_bytes());
        hit.take_header("referer", b"https://l.instagram.com/?u=https%3A%2F%2Fexample.com");
        hit.take_header("accept-language", b"sv-SE,sv;q=0.9,en;q=0.8");
        hit.take_query("fbclid=PAZXh0bgNhZW0CMTEAAaZ&utm_source=ig&utm_medium=social");
        std::hint::black_box(classifier.classify(&hit, uuid::Uuid::nil(), &link, &salt, &places));
    }
    began.elapsed() / u32::try_from(clicks.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_has_every_agent_in_reach_and_the_first_most_often() {
        let agents: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let drawn: Vec<&str> = mix(&agents).take(20_000).collect();
        let count = |agent: &str| drawn.iter().filter(|drawn| **drawn == agent).count();
        assert!(count("0") > 5 * count("20") && count("48") > 0);
    }
}
