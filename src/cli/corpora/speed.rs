//! `waypost measure-classify`: what judging one click costs (`benches/run classify`). A build without optimisation says
//! nothing here.
//!
//! Reads user agents, one per line, and makes a mix of traffic of them: few agents make most of it, and what comes along
//! with them differs.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use crate::classify::place::Places;
use crate::classify::{Classifier, Notes};
use crate::cli::print;
use crate::config::Config;
use crate::domain::hit::Hit;
use crate::domain::link::LinkId;
use crate::domain::visitor::Salt;

/// What a click may cost: in the mix on average, and with an agent that was never seen.
const MIX_MAX: Duration = Duration::from_micros(2);
const UNSEEN_MAX: Duration = Duration::from_micros(30);

/// The most user agents that are read, in bytes; a busy site sees a few thousand agents.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Clicks of the mix, and rounds of which the fastest counts: what else the machine does only makes rounds slower.
const CLICKS: u32 = 500_000;
const ROUNDS: usize = 5;

const LANGUAGES: [&[u8]; 6] = [b"en-US,en;q=0.9", b"sv-SE,sv;q=0.9,en;q=0.8", b"de", b"pt-BR,pt;q=0.9", b"ja", b""];
const REFERRERS: [&[u8]; 5] = [
    b"",
    b"https://l.instagram.com/?u=https%3A%2F%2Fexample.com",
    b"https://www.google.com/",
    b"https://t.co/AbCdEf",
    b"https://www.some-blog.example.co.uk/2026/11/post",
];
const QUERIES: [&str; 4] = [
    "",
    "fbclid=PAZXh0bgNhZW0CMTEAAaZ1x2c3v4b5n6m7&utm_source=ig&utm_medium=social",
    "gclid=Cj0KCQiA-abc_DEF123456789&gad_source=1",
    "utm_source=newsletter&utm_medium=email&utm_campaign=spring-sale&mc_cid=12ab&mc_eid=34cd",
];

/// # Errors
/// When nothing can be read, or a click costs more than it may.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let agents = read(BufReader::new(std::io::stdin().lock()))?;
    anyhow::ensure!(!agents.is_empty(), "no user agent was read; give one on each line of standard input");
    let classifier = crate::tally::rules::classifier(&config.classify)?;
    let mix = fastest(|| cost(&classifier, mix(&agents).take(CLICKS as usize)));
    // A tail that nobody else has makes each agent one that is not remembered, in every round again.
    let mut tail = 0;
    let unseen = fastest(|| {
        tail += 1;
        let agents: Vec<String> = agents.iter().map(|agent| format!("{agent} unseen/{tail}")).collect();
        cost(&classifier, agents.iter().map(String::as_str))
    });
    let line =
        |what: &str, cost: Duration, max: Duration| format!("{what:<32} {cost:>8.2?} a click (at most {max:?})\n");
    print(&format!(
        "{}{}",
        line(&format!("a mix of {} agents", agents.len()), mix, MIX_MAX),
        line("an agent that was never seen", unseen, UNSEEN_MAX)
    ))?;
    anyhow::ensure!(mix <= MIX_MAX && unseen <= UNSEEN_MAX, "a click costs more than it may");
    Ok(())
}

fn read(input: impl BufRead) -> anyhow::Result<Vec<String>> {
    let lines = input.take(INPUT_BYTES_MAX).lines();
    let lines = lines.filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The nth agent comes about 1/n as often as the first, drawn without chance so that runs can be compared.
fn mix(agents: &[String]) -> impl Iterator<Item = &str> {
    let top = agents.len().max(1) as f64;
    let step = 0.618_033_988_749_895_f64;
    (1_u32..).filter_map(move |n| {
        let part = (f64::from(n) * step).fract();
        agents.get(top.powf(part) as usize - 1).map(String::as_str)
    })
}

fn fastest(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

/// How long this thread has had a processor: what other programs take of the machine is not part of a click's cost.
fn worked() -> Duration {
    let worked = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(worked.tv_sec), u32::try_from(worked.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// What a click costs on average.
fn cost<'a>(classifier: &Classifier, agents: impl Iterator<Item = &'a str>) -> Duration {
    let (link, salt, places) = (crate::cli::classify::plain_link(), Salt([0; 32]), Places::default());
    let (mut clicks, mut notes) = (0_u32, Notes::default());
    let began = worked();
    for agent in agents {
        let turn = clicks as usize;
        clicks += 1;
        let mut hit = Hit::new(LinkId(1), 0);
        hit.take_header("user-agent", agent.as_bytes());
        hit.take_header("referer", REFERRERS[turn % REFERRERS.len()]);
        hit.take_header("accept-language", LANGUAGES[turn / REFERRERS.len() % LANGUAGES.len()]);
        hit.take_query(QUERIES[turn % QUERIES.len()]);
        std::hint::black_box(classifier.classify(&hit, uuid::Uuid::nil(), &link, &salt, &places, &mut notes));
    }
    worked().saturating_sub(began) / clicks.max(1)
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

    #[test]
    fn agents_are_read_one_from_each_line_that_is_not_blank() {
        assert_eq!(read(&b"a\n\n b \n"[..]).unwrap(), ["a", " b "]);
    }
}
