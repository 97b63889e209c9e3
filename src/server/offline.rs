//! Filling a data folder without a server: the demo's links, hits and impressions go the way of real ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::parts::Parts;
use super::{Addresses, DataFolder, admin_runtime};
use crate::admin;
use crate::archive::Gathered;
use crate::classify::{KnownLink, Notes};
use crate::cli::crowd::Crowd;
use crate::cli::crowd::clicks::Clicks;
use crate::cli::demo::places;
use crate::cli::demo::plan::{DemoHit, Plan};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::click::Click;
use crate::domain::delta::Delta;
use crate::domain::link::{Link, LinkFacts, LinkId};
use crate::domain::position::{Incarnation, Position};
use crate::domain::visitor::Salt;
use crate::impressions::import::Upload;
use crate::impressions::options::Options;
use crate::journal::Journal;
use crate::tally::recount::DaySum;
use crate::tally::{Tally, Tools};

/// Rows of a crowd's click files, as `archive.seal_rows` is unless configured otherwise.
const SEAL_ROWS: usize = 50_000;

/// How long click files may take to an object store. What is left is delivered by the server that is started next.
const DELIVER_WITHIN: Duration = Duration::from_secs(30);

/// Makes the links of `plan`, journals and counts its hits, and imports its impressions.
///
/// # Errors
/// When the folder is in use or has links already, or cannot be written.
pub(crate) fn fill(config: &Config, plan: &Plan) -> anyhow::Result<()> {
    let _data = DataFolder::open(&config.data)?;
    admin::open_key(&config.data).context("the admin key")?;
    let clock = Clock::fixed(plan.as_of.as_millisecond());
    let runtime = admin_runtime()?;
    let config = with_demo_places(config, &clock)?;
    let parts = Parts::open(&config, configured(&config), &clock, &runtime)?;
    anyhow::ensure!(
        runtime.block_on(parts.store.links(LinkId(0), 1))?.is_empty(),
        "{} has links already: the demo needs a folder of its own, such as --data ./demo",
        config.data.display()
    );
    let mut ids = Vec::new();
    for (link, made_at) in plan.links.iter().zip(&plan.made_at) {
        clock.set(made_at.as_millisecond());
        ids.push(runtime.block_on(parts.catalog.create(&link.fields()))?.link.id);
    }
    clock.set(plan.as_of.as_millisecond());
    journal_all(&parts.journal, &plan.hits, &ids);
    let tally = Tally::start(parts.tally_tools(&config, &clock)?)?;
    tally.stop();
    parts.archive.stop(DELIVER_WITHIN);
    let imports = admin::imports(parts.store.clone(), parts.catalog.clone());
    for file in plan.impression_files() {
        let options = Options { file_name: file.name, ..Options::default() };
        let upload = Upload { bytes: file.text.into_bytes(), options, as_of: Some(plan.as_of), dry_run: false };
        runtime.block_on(imports.import(upload, clock.now()))?;
    }
    parts.journal.stop();
    Ok(())
}

/// Makes the links of `crowd`, counts their clicks, and imports what is said of its posts.
///
/// # Errors
/// When the folder is in use or cannot be written, or the store cannot count a day anew.
pub(crate) fn fill_with_crowd(config: &Config, crowd: &Crowd) -> anyhow::Result<()> {
    let _data = DataFolder::open(&config.data)?;
    admin::open_key(&config.data).context("the admin key")?;
    let clock = Clock::fixed(crowd.now.as_millisecond());
    let runtime = admin_runtime()?;
    let config = &with_demo_places(config, &clock)?;
    let parts = Parts::open(config, configured(config), &clock, &runtime)?;
    let first = crowd.first_day();
    clock.set(first.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond());
    let mut links = Vec::new();
    for link in 0..crowd.links {
        links.push(runtime.block_on(parts.catalog.create(&crowd.link(link)))?.link);
    }
    let days: Vec<Date> = first.series(Span::new().days(1)).take(crowd.days as usize).collect();
    if crowd.hits > 0 {
        fill_with_hits(&parts, &parts.tally_tools(config, &clock)?, &runtime, crowd, &days, &links)?;
    } else {
        let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
        for day in days {
            count_day(&parts, &runtime, day, &crowd.clicks(day, &ids))?;
        }
    }
    let imports = admin::imports(parts.store.clone(), parts.catalog.clone());
    let options = Options { file_name: "crowd.csv".to_owned(), ..Options::default() };
    let upload = Upload { bytes: crowd.file().into_bytes(), options, as_of: Some(crowd.now), dry_run: false };
    clock.set(crowd.now.as_millisecond());
    runtime.block_on(imports.import(upload, crowd.now))?;
    parts.journal.stop();
    Ok(())
}

fn count_day(parts: &Parts, runtime: &Runtime, day: Date, deltas: &[Delta]) -> anyhow::Result<()> {
    let is_empty = runtime.block_on(parts.store.replace_day(day, &[], deltas))?;
    anyhow::ensure!(is_empty, "the store has counted clicks on {day} already");
    Ok(())
}

/// Writes the hits of `crowd` into click files, as many to a file as a server would, and counts them.
fn fill_with_hits(
    parts: &Parts,
    tools: &Tools,
    runtime: &Runtime,
    crowd: &Crowd,
    days: &[Date],
    links: &[Link],
) -> anyhow::Result<()> {
    let facts: Vec<Arc<LinkFacts>> = links.iter().map(|link| Arc::new(link.facts())).collect();
    let incarnation = Incarnation(u128::from(crowd.now.as_millisecond().cast_unsigned()));
    let mut clicks =
        Clicks::new(&demo_clicks(tools, crowd.begin_of_today(), &links[0].facts().into()), facts, incarnation);
    let mut sealed = clicks.position();
    for (number, day) in days.iter().enumerate() {
        let mut sum = DaySum::new(TimeZone::UTC);
        let hits: Vec<Click> = clicks.of_day(*day, crowd.hits_of(number as u64)).collect();
        for hits in hits.chunks(SEAL_ROWS) {
            let mut gathered = Gathered::default();
            hits.iter().for_each(|click| gathered.add(click));
            parts.archive.push(gathered);
            parts.archive.seal(incarnation, sealed)?;
            sealed = Position(sealed.0 + hits.len() as u64);
        }
        hits.into_iter().for_each(|click| sum.add(click));
        count_day(parts, runtime, *day, &sum.finish())?;
    }
    runtime.block_on(parts.store.set_archived(incarnation, sealed))?;
    parts.archive.stop(DELIVER_WITHIN);
    Ok(())
}

/// The demo's hits as they are judged.
fn demo_clicks(tools: &Tools, now: jiff::Timestamp, link: &KnownLink) -> Vec<Click> {
    let (salt, places) = (Salt([7; 32]), tools.geo.places());
    let mut notes = Notes::default();
    let judge = |hit: &DemoHit| {
        let click = tools.classifier.classify(&hit.hit(link.facts.id), Uuid::nil(), link, &salt, &places, &mut notes);
        click.into_owned()
    };
    Plan::new(now).hits.iter().map(judge).collect()
}

/// The addresses of the documentation networks are in no geo file, so the demo brings its own.
fn with_demo_places(config: &Config, clock: &Clock) -> anyhow::Result<Config> {
    let path = config.data.join("demo-towns.mmdb");
    let built = u64::try_from(clock.now().as_second()).unwrap_or(0);
    std::fs::write(&path, places::database(built)?).with_context(|| format!("cannot write {}", path.display()))?;
    let mut config = config.clone();
    config.classify.geo = vec![path];
    Ok(config)
}

fn configured(config: &Config) -> Addresses {
    let (redirect, admin): (SocketAddr, SocketAddr) = (config.redirect.address, config.admin.address);
    Addresses { redirect, admin }
}

fn journal_all(journal: &Journal, hits: &[DemoHit], ids: &[LinkId]) {
    for hit in hits {
        // A full segment is followed by a fresh one as soon as the keeper has made it.
        while journal.append(&hit.hit(ids[hit.link])).is_err() {
            std::thread::yield_now();
        }
    }
    journal.sync();
}
