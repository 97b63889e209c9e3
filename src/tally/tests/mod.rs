//! The tally and the journal in a simulated world: many lives of a node, each ended somewhere by a kill, a power cut or
//! an order, under a store that goes away, goes back and loses its answers, and a past that is judged again. After the last
//! one everything must add up.
//!
//! `WAYPOST_SEED=7 cargo test --lib tally::tests` plays one world again; `WAYPOST_SEEDS=20000` plays so many.

mod nodes;
mod store;
mod world;

use std::collections::HashMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use self::store::Store;
use self::world::{Answered, End, Rule, Shared, Simulated, World, lock, syncing};
use super::memory::Rule as Judging;
use super::recount::DaySum;
use super::worker::Worker;
use super::{Accounts, Tools, verify};
use crate::archive::{Archive, ClickQuery};
use crate::classify::Classifier;
use crate::domain::click::{Click, ClickIds};
use crate::domain::link::LinkId;
use crate::domain::position::Incarnation;
use crate::journal::Journal;
use crate::links::Domains;
use crate::links::cache::Cache;
use crate::tally::geo::Geo;

/// Small enough that hits fill several of them.
const SEGMENT_BYTES: usize = 4096;

/// Worlds of an ordinary test run, some seconds; `tests/run faults` plays 20,000, optimised.
const SEEDS: u64 = 150;

/// What a simulation was about, so that one that tests nothing is noticed.
#[derive(Default)]
struct Played {
    answered: AtomicU64,
    ends: AtomicU64,
    /// Hits that were judged again.
    judged_again: AtomicU64,
}

/// Everything that does not change from one world to the next.
struct Parts {
    classifier: Arc<Classifier>,
    cache: Arc<Cache>,
    config: crate::config::Config,
    /// Click files are in a folder here, so nothing runs on it.
    runtime: tokio::runtime::Runtime,
}

fn parts() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(|| {
        let mut config = crate::config::Config::default_values();
        config.tally.interval_ms = 500;
        config.archive.seal_minutes = 1;
        let nowhere = ([127, 0, 0, 1], 1).into();
        let domains = Arc::new(Domains::new(&[], nowhere, nowhere).unwrap());
        let store = Arc::new(crate::links::fake_store::FakeStore::default());
        let cache = Arc::new(Cache::new(store, domains, &config.links));
        let classifier = Arc::new(super::rules::classifier(&config.classify).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Parts { classifier, cache, config, runtime }
    })
}

fn archive(world: &World, config: &crate::config::Config) -> Archive {
    Archive::open(&config.archive, &world.folder, parts().runtime.handle()).unwrap()
}

/// One world from its beginning to its end; what is wrong with it in the end.
fn play(seed: u64, rule: Rule, played: &Played) -> Result<(), String> {
    let home = if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(home).unwrap();
    let world: Shared = Arc::new(std::sync::Mutex::new(World::new(seed, folder.path().to_owned(), rule)));
    let lives = 2 + lock(&world).chance.below(5);
    let shards = 1 + lock(&world).chance.below(3) as u16;
    let mut books = Ok(());
    for life in 1..=lives {
        books = live(&world, shards, life == lives);
    }
    let world = lock(&world);
    if number_in("WAYPOST_SEED") == Some(seed) {
        println!("{}", world.story.join("\n"));
    }
    played.ends.fetch_add(lives, Ordering::Relaxed);
    played.answered.fetch_add(world.answered.len() as u64, Ordering::Relaxed);
    let judged_again = unmoved(&world)?;
    played.judged_again.fetch_add(judged_again, Ordering::Relaxed);
    books.and_then(|()| judge(&world))
}

/// Hits that were judged again, none of which may have become another click: the rules are what they were.
fn unmoved(world: &World) -> Result<u64, String> {
    let recounts = world.recounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let reports = || recounts.iter().filter_map(|recounted| recounted.as_ref().ok());
    match reports().find(|report| report.changed > 0 || report.files_left_out > 0) {
        Some(report) => Err(format!("judging again moved what it must not: {report:?}")),
        None => Ok(reports().map(|report| report.hits).sum()),
    }
}

/// One process from its start to its end, however it comes.
fn live(world: &Shared, shards: u16, is_last: bool) -> Result<(), String> {
    let parts = parts();
    let (tools, journal) = {
        let mut world_now = lock(world);
        let mut config = parts.config.clone();
        config.journal.keep_hours = if world_now.keeps { 100_000 } else { 0 };
        config.archive.seal_rows = 10 + world_now.chance.below(40) as usize;
        config.tally.batch_hits_max = 5 + world_now.chance.below(30) as usize;
        let incarnation = Incarnation(u128::from(world_now.chance.next()) << 64 | u128::from(world_now.chance.next()));
        let folder = world_now.folder.join("journal");
        let (clock, sync) = (world_now.clock.clone(), syncing(&world_now.disk));
        let journal = Journal::unattended(&folder, &config.journal, &clock, incarnation, SEGMENT_BYTES, sync).unwrap();
        let journal = Arc::new(journal);
        world_now.begin_life(journal.clone(), is_last);
        world_now.tell(format!("life {:.4} begins", incarnation.to_string()));
        let archive = Arc::new(archive(&world_now, &config));
        let tools = Tools {
            classify: config.classify.clone(),
            memory: Judging { double_tap_ms: config.classify.duplicate_ms, stretch: world_now.stretch },
            config: config.tally,
            zone: TimeZone::UTC,
            folder,
            journal: journal.clone(),
            cache: parts.cache.clone(),
            store: Arc::new(Store(world.clone(), shards)),
            archive,
            classifier: parts.classifier.clone(),
            geo: Arc::new(Geo::new(Vec::new())),
            misses: Arc::default(),
            accounts: Arc::default(),
            clock,
        };
        (tools, journal)
    };
    let accounts = tools.accounts.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let worker = Worker::new(tools, runtime, Box::new(Simulated(world.clone())));
    let (surveyed, _survey) = sync_channel(1);
    match catch_unwind(AssertUnwindSafe(|| worker.run(&surveyed))) {
        Ok(()) => {
            journal.stop();
            lock(world).sync();
            lock(world).journal = None;
            books(&accounts, &journal)
        }
        Err(thrown) => {
            let mut world = lock(world);
            world.journal = None;
            drop(journal);
            match thrown.downcast::<End>() {
                Ok(end) if matches!(*end, End::PowerCut) => world.cut_power(),
                Ok(_) => {}
                Err(defect) => std::panic::resume_unwind(defect),
            }
            Ok(())
        }
    }
}

/// received + recovered = counted + damaged + in the journal.
fn books(accounts: &Accounts, journal: &Journal) -> Result<(), String> {
    let into = journal.end().0 + accounts.recovered();
    let (counted, damaged, left) = (accounts.counted(), accounts.damaged(), accounts.in_journal(journal.end()));
    if into == counted + damaged + left && left == 0 {
        return Ok(());
    }
    Err(format!("the books: {into} came in, {counted} counted, {damaged} damaged, {left} left"))
}

fn judge(world: &World) -> Result<(), String> {
    let archive = archive(world, &parts().config);
    let mut clicks: Vec<Click> = Vec::new();
    archive.clicks(ClickQuery::default(), |click| clicks.push(click)).map_err(|error| error.to_string())?;
    let recorded: HashMap<Uuid, LinkId> = clicks.iter().map(|click| (click.id, click.link.id)).collect();
    if recorded.len() < clicks.len() {
        return Err(format!("{} clicks are in the click files twice", clicks.len() - recorded.len()));
    }
    let id = |hit: &Answered| ClickIds::new(hit.incarnation).of(hit.time_ms, hit.position);
    let lost: Vec<_> = world.answered.iter().filter(|hit| !hit.at_risk && !recorded.contains_key(&id(hit))).collect();
    if let Some(first) = lost.first() {
        let (incarnation, position) = (first.incarnation.to_string(), first.position);
        let (lost, all) = (lost.len(), world.answered.len());
        return Err(format!("{lost} of {all} hits are lost, first {position} of {incarnation:.4}"));
    }
    if number_in("WAYPOST_SEED").is_some() {
        let missing = world.answered.iter().filter(|hit| !recorded.contains_key(&id(hit)));
        missing.for_each(|hit| println!("not in a click file: {} of {:.4}", hit.position, hit.incarnation.to_string()));
    }
    let answered: HashMap<Uuid, LinkId> = world.answered.iter().map(|hit| (id(hit), hit.link)).collect();
    let unasked = recorded.keys().filter(|id| !answered.contains_key(id)).count();
    if unasked > 0 {
        return Err(format!("{unasked} clicks are recorded that nobody made"));
    }
    let elsewhere = recorded.iter().filter(|(id, link)| answered.get(id) != Some(link)).count();
    if elsewhere > 0 {
        return Err(format!("{elsewhere} clicks are recorded on a link that they were not made on"));
    }
    match &differences(world, clicks)[..] {
        [] => Ok(()),
        all => Err(format!("counters and click files differ: {:#?}", &all[..all.len().min(5)])),
    }
}

fn differences(world: &World, clicks: Vec<Click>) -> Vec<verify::Difference> {
    let mut days: std::collections::BTreeMap<Date, DaySum> = std::collections::BTreeMap::new();
    for day in world.store.counters(Date::MIN, Date::MAX) {
        days.entry(day.day).or_insert_with(|| DaySum::new(TimeZone::UTC));
    }
    for click in clicks {
        let day = jiff::Timestamp::from_millisecond(click.time_ms).unwrap().to_zoned(TimeZone::UTC).date();
        days.entry(day).or_insert_with(|| DaySum::new(TimeZone::UTC)).add(click);
    }
    let mut differences = Vec::new();
    for (day, sum) in days {
        differences.extend(verify::compare(&world.store.counters(day, day), &sum.finish()));
    }
    differences
}

/// Worlds that may fail before the rest is not played any more.
const FAILED_MAX: usize = 10;

/// Plays worlds on all processors, until `failed_max` of them fail; those, by their numbers.
fn play_all(seeds: std::ops::Range<u64>, rule: Rule, failed_max: usize) -> (Vec<(u64, String)>, Played) {
    let (next, failed, played) = (AtomicU64::new(seeds.start), std::sync::Mutex::new(Vec::new()), Played::default());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end || failed.lock().unwrap().len() >= failed_max {
            return;
        }
        if let Err(wrong) = play(seed, rule, &played) {
            failed.lock().unwrap().push((seed, wrong));
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    (failed.into_inner().unwrap(), played)
}

fn number_in(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The figures for the table of `tests/run faults`.
fn tell(worlds: u64, failed: usize, lives: u64, hits: u64) {
    let Some(table) = std::env::var_os("WAYPOST_FAULTS_TABLE") else { return };
    let mut table = std::fs::File::options().append(true).create(true).open(table).unwrap();
    let failed = failed as u64;
    for (what, figure) in [("worlds", worlds), ("worlds that failed", failed), ("lives", lives), ("hits", hits)] {
        writeln!(table, "R36\t{what}\t{figure}").unwrap();
    }
}

#[test]
fn whatever_happens_to_a_node_every_hit_is_counted_once_and_in_one_click_file() {
    let seeds = match number_in("WAYPOST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_in("WAYPOST_SEEDS").unwrap_or(SEEDS),
    };
    let number = seeds.end - seeds.start;
    let (failed, played) = play_all(seeds, Rule::Equal, FAILED_MAX);
    for (seed, wrong) in &failed {
        println!("world {seed}: {wrong}\nplay it again: WAYPOST_SEED={seed} cargo test --lib tally::tests");
    }
    let (answered, ends) = (played.answered.into_inner(), played.ends.into_inner());
    tell(number, failed.len(), ends, answered);
    assert!(failed.is_empty(), "{} worlds failed", failed.len());
    let judged_again = played.judged_again.into_inner();
    println!("{number} worlds, {ends} lives, {answered} hits: none lost, none twice; {judged_again} judged again");
    assert!(answered > 20 * number && ends >= 2 * number, "{answered} hits in {ends} lives");
    assert!(judged_again > 10 * number || number == 1, "{judged_again} hits judged again");
}

#[test]
fn a_store_that_takes_what_is_newer_than_its_watermark_is_found_out() {
    let (failed, _) = play_all(0..SEEDS, Rule::Newer, 1);
    assert!(!failed.is_empty());
}

#[test]
fn a_store_that_takes_every_batch_is_found_out() {
    let (failed, _) = play_all(0..SEEDS, Rule::Blind, 1);
    assert!(!failed.is_empty());
}
