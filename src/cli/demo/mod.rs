//! `waypost demo`: fills an empty data folder with a believable campaign, so that a newcomer sees the point at once.
//!
//! What is planned here goes the way of real links, hits and impressions; nothing is written past them.

mod agents;
pub(crate) mod chance;
mod files;
pub(crate) mod links;
pub(crate) mod places;
pub(crate) mod plan;

use super::figures;
use super::serve::{ConfigFile, Settings};
use super::{print, tell};
use plan::Plan;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.file.load_with(&args.settings.flags())?;
    let data = config.data.display().to_string();
    let plan = Plan::new(jiff::Timestamp::now());
    tell(&format!("filling {data} with a made-up campaign …"));
    crate::server::offline::fill(&config, &plan)?;
    Ok(print(&summary(&plan, &data))?)
}

fn summary(plan: &Plan, data: &str) -> String {
    format!(
        "made {}, {} and {} of impressions\n\
         next:\n  waypost serve --data {data}\n  waypost stats --data {data} --by source\n  waypost ctr --data {data}\n  \
         waypost match list --unmatched --data {data}   (one ad waits for somebody to say which link it leads to)\n",
        figures::counted(plan.links.len() as u64, "link", "links"),
        figures::counted(plan.hits.len() as u64, "hit", "hits"),
        figures::counted(plan.impression_rows(), "row", "rows"),
    )
}
