//! Filling a data folder without a server: the demo's links, hits and impressions go the way of real ones.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

use super::parts::Parts;
use super::{Addresses, DataFolder, admin_runtime};
use crate::admin::{self, CatalogNames};
use crate::cli::demo::places;
use crate::cli::demo::plan::{DemoHit, Plan};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::link::LinkId;
use crate::impressions::child::Parser;
use crate::impressions::import::{self, Upload};
use crate::journal::Journal;
use crate::tally::Tally;

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
    let parser = Parser::new();
    for file in plan.impression_files() {
        let upload =
            Upload { bytes: file.text.into_bytes(), file_name: file.name, as_of: Some(plan.as_of), dry_run: false };
        let names = CatalogNames(&parts.catalog);
        runtime.block_on(import::import(&parser, &*parts.store, &names, &upload, clock.now()))?;
    }
    parts.journal.stop();
    Ok(())
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
