//! `waypost corpora DIR`: how often classification is right on public corpora, as a table (`tests/run corpora DIR`).
//!
//! Reads the folder it is given and nothing else; no corpus is part of Waypost. Its rules must never be made by
//! copying a line from there: the next corpus holds other lines.

mod cases;
mod families;
pub(super) mod speed;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use self::cases::Case;
use self::families::Kind;
use super::print;
use super::table::{Left, Right, Table};
use crate::classify::place::Places;
use crate::classify::{Classifier, Notes};
use crate::config::Config;
use crate::domain::click::{Click, Device};
use crate::domain::hit::Hit;
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Salt;

/// How many families of a corpus are compared by name: those with the most cases.
const FAMILIES_MAX: usize = 40;

/// The most misses that `--misses` lists of one line.
const MISSES_SHOWN: usize = 200;

/// What real in-app browsers send, one per line (public facts; the platforms' own formats).
const IN_APP: &str = include_str!("in_app.txt");

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder with `crawler-user-agents` and `uap-core` in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Also list the cases that were judged wrongly
    #[arg(long)]
    misses: bool,
}

/// One line of the table.
struct Score {
    name: &'static str,
    /// In per cent, at least; for people taken for bots, at most.
    bound: f64,
    at_most: bool,
    cases: usize,
    /// The wrong ones, or of people taken for bots, those.
    misses: Vec<String>,
}

impl Score {
    fn at_least(name: &'static str, bound: f64, cases: usize, misses: Vec<String>) -> Self {
        Self { name, bound, at_most: false, cases, misses }
    }

    fn at_most(name: &'static str, bound: f64, cases: usize, misses: Vec<String>) -> Self {
        Self { name, bound, at_most: true, cases, misses }
    }

    /// In per cent.
    fn reached(&self) -> f64 {
        let hits = if self.at_most { self.misses.len() } else { self.cases - self.misses.len() };
        100.0 * hits as f64 / self.cases.max(1) as f64
    }

    fn holds(&self) -> bool {
        self.cases > 0 && if self.at_most { self.reached() <= self.bound } else { self.reached() >= self.bound }
    }
}

/// # Errors
/// When a corpus cannot be read, or a bound is not reached.
pub(crate) fn run(args: &Args, config: &Config) -> anyhow::Result<()> {
    let reader = Reader(crate::tally::rules::classifier(&config.classify)?);
    let scores = scores(&reader, &args.folder)?;
    print(&render(&scores))?;
    if args.misses {
        print(&misses(&scores))?;
    }
    let short = scores.iter().filter(|score| !score.holds()).count();
    anyhow::ensure!(short == 0, "{short} of the bounds are not reached");
    Ok(())
}

fn scores(reader: &Reader, folder: &Path) -> anyhow::Result<Vec<Score>> {
    let crawlers = cases::crawlers(&folder.join("crawler-user-agents/crawler-user-agents.json"))?;
    let tests = folder.join("uap-core/tests");
    let read = |name: &str| cases::uap(&tests.join(name));
    let (browsers, systems, devices) = (read("test_ua.yaml")?, read("test_os.yaml")?, read("test_device.yaml")?);
    let (bots, people) = bots_and_people(&devices);
    Ok(vec![
        recall(reader, "bots: crawler-user-agents", &crawlers),
        recall(reader, "bots: uap-core", &bots),
        Score::at_most("people taken for bots: uap-core", 0.2, people.len(), reader.programs(&people)),
        in_app(reader),
        named(reader, "system: uap-core", 98.5, Kind::System, &systems),
        named(reader, "browser: uap-core", 98.0, Kind::Browser, &browsers),
        handheld_or_desktop(reader, &systems, &devices),
    ])
}

/// The user agents of uap-core's devices, each once: those whose device is a `Spider`, and those that a person holds.
///
/// Its browser and system tests are no truth about people: they name libraries, crawlers and browsers alike.
fn bots_and_people(devices: &[Case]) -> (Vec<&str>, Vec<&str>) {
    let is_bot: BTreeMap<&str, bool> =
        devices.iter().map(|case| (case.user_agent.as_str(), case.family == "Spider")).collect();
    let of = |wanted: bool| is_bot.iter().filter(|(_, bot)| **bot == wanted).map(|(agent, _)| *agent).collect();
    (of(true), of(false))
}

fn recall(reader: &Reader, name: &'static str, agents: &[impl AsRef<str>]) -> Score {
    let human = |agent: &&str| reader.read(agent).verdict == Verdict::Human;
    let misses = agents.iter().map(AsRef::as_ref).filter(human).map(str::to_owned).collect();
    Score::at_least(name, 99.0, agents.len(), misses)
}

fn in_app(reader: &Reader) -> Score {
    let agents: Vec<&str> = IN_APP.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    Score::at_most("people taken for bots: in-app", 0.0, agents.len(), reader.programs(&agents))
}

/// Compares the name of the system or the browser with what the corpus says, on its largest families.
fn named(reader: &Reader, name: &'static str, bound: f64, kind: Kind, cases: &[Case]) -> Score {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for case in cases.iter().filter(|case| families::is_comparable(&case.family)) {
        *counts.entry(&case.family).or_default() += 1;
    }
    let mut largest: Vec<(&str, usize)> = counts.into_iter().collect();
    largest.sort_by_key(|(family, count)| (std::cmp::Reverse(*count), *family));
    let largest: HashSet<&str> = largest.into_iter().take(FAMILIES_MAX).map(|(family, _)| family).collect();
    let compared: Vec<&Case> = cases.iter().filter(|case| largest.contains(case.family.as_str())).collect();
    let misses = compared.iter().filter_map(|case| {
        let click = reader.read(&case.user_agent);
        let ours = if kind == Kind::System { &click.look.os } else { &click.look.browser };
        let same = families::same(kind, &case.family, ours);
        (!same).then(|| format!("{} <> {:?}: {}", case.family, ours.as_str(), case.user_agent))
    });
    Score::at_least(name, bound, compared.len(), misses.collect())
}

fn handheld_or_desktop(reader: &Reader, systems: &[Case], devices: &[Case]) -> Score {
    let of_device: HashMap<&str, &Case> = devices.iter().map(|case| (case.user_agent.as_str(), case)).collect();
    let by_device = devices.iter().filter_map(|case| Some((case, families::is_handheld_device(case)?)));
    let unknown = systems.iter().filter(|case| !of_device.contains_key(case.user_agent.as_str()));
    let by_system = unknown.filter_map(|case| Some((case, families::is_handheld_system(&case.family)?)));
    let derived: Vec<(&Case, bool)> = by_device.chain(by_system).collect();
    let misses = derived.iter().filter_map(|(case, handheld)| {
        let device = reader.read(&case.user_agent).look.device;
        let right =
            if *handheld { matches!(device, Device::Mobile | Device::Tablet) } else { device == Device::Desktop };
        (!right).then(|| format!("{} <> {}: {}", case.family, device.as_str(), case.user_agent))
    });
    Score::at_least("handheld or desktop: uap-core", 98.5, derived.len(), misses.collect())
}

/// Reads a user agent as a hit that shows nothing else.
struct Reader(Classifier);

impl Reader {
    fn read(&self, user_agent: &str) -> Click {
        let mut hit = Hit::new(LinkId(1), 0);
        hit.take_header("user-agent", user_agent.as_bytes());
        let (link, salt, places) = (super::classify::plain_link(), Salt([0; 32]), Places::default());
        self.0.classify(&hit, Uuid::nil(), &link, &salt, &places, &mut Notes::default()).into_owned()
    }

    /// Those that are taken for programs, with the reason.
    fn programs(&self, agents: &[&str]) -> Vec<String> {
        let program = |agent: &&str| {
            let click = self.read(agent);
            (click.verdict != Verdict::Human).then(|| format!("{}:{}: {agent}", click.verdict, click.reason))
        };
        agents.iter().filter_map(program).collect()
    }
}

fn render(scores: &[Score]) -> String {
    let mut table =
        Table::new([("what", Left), ("cases", Right), ("wrong", Right), ("reached", Right), ("bound", Right)]);
    for score in scores {
        let sign = if score.at_most { "<=" } else { ">=" };
        table.row([
            score.name.to_owned(),
            score.cases.to_string(),
            score.misses.len().to_string(),
            format!("{:.2} %", score.reached()),
            format!("{sign} {:.1} %{}", score.bound, if score.holds() { "" } else { " (!)" }),
        ]);
    }
    table.render()
}

fn misses(scores: &[Score]) -> String {
    let listed = scores.iter().flat_map(|score| {
        let head = format!("\n{}\n", score.name);
        let lines = score.misses.iter().take(MISSES_SHOWN).map(|miss| format!("  {}\n", super::table::shown(miss)));
        std::iter::once(head).chain(lines)
    });
    listed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_corpus_is_measured_and_a_bound_that_is_missed_is_shown() {
        let reader = Reader(Classifier::new(&Config::default_values().classify, &[]).unwrap());
        let case = |user_agent: &str, family: &str| Case {
            user_agent: user_agent.to_owned(),
            family: family.to_owned(),
            brand: String::new(),
        };
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
        let scores = [
            recall(&reader, "a", &["curl/8.5.0", firefox]),
            named(&reader, "b", 98.0, Kind::Browser, &[case(firefox, "Firefox")]),
            in_app(&reader),
        ];
        assert_eq!((scores[0].misses.len(), scores[0].holds()), (1, false));
        assert!(scores[1].holds());
        assert!(scores[2].holds(), "{:?}", scores[2].misses);
        assert!(render(&scores).contains("50.00 %"));
    }
}
