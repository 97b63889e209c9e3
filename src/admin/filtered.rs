//! The latest hits that were no clicks, newest first: what pages and the API answer "why was this one filtered?" with.
//!
//! It reads the archive day by day, from today back, and stops as soon as it has enough.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Admin;
use super::api::EXPORTS_MAX;
use super::api::problem::Problem;
use crate::archive::{Archive, ArchiveError, ClickQuery};
use crate::domain::click::Click;
use crate::domain::filter::ClickFilter;
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;

/// How far back it looks, in days, and the most hits of one answer.
pub(super) const DAYS: i64 = 28;
pub(super) const LIMIT_MAX: usize = 500;

const DAY_MS: i64 = 86_400_000;

/// Which hits are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) link: Option<LinkId>,
    pub(super) verdict: Option<Verdict>,
    /// The whole reason, such as `user-agent:curl`.
    pub(super) reason: Option<String>,
    pub(super) limit: usize,
}

impl Wanted {
    fn filter(&self) -> ClickFilter {
        let of_verdict = self.verdict.map_or_else(ClickFilter::default, ClickFilter::of_verdict);
        match self.link {
            Some(link) => of_verdict.on(link),
            None => of_verdict,
        }
    }

    fn has(&self, click: &Click) -> bool {
        click.verdict != Verdict::Human && self.reason.as_ref().is_none_or(|reason| *reason == *click.reason)
    }
}

/// # Errors
/// When the archive cannot be read, or too many read it.
pub(super) async fn latest(admin: &Admin, wanted: Wanted) -> Result<Vec<Click>, Problem> {
    let busy = |_| Problem::unavailable(format!("{EXPORTS_MAX} exports are under way: try again when one is done"));
    let turn = Arc::clone(&admin.exports).try_acquire_owned().map_err(busy)?;
    let (archive, now_ms) = (Arc::clone(&admin.archive), admin.clock.now_ms());
    let read = tokio::task::spawn_blocking(move || {
        let found = read(&archive, &wanted, now_ms);
        drop(turn);
        found
    });
    let found =
        read.await.map_err(|error| error.to_string()).and_then(|found| found.map_err(|error| error.to_string()));
    found.map_err(|error| {
        tracing::error!("the archive cannot be read: {error}");
        Problem::internal("the archive cannot be read: the server's log says why")
    })
}

fn read(archive: &Archive, wanted: &Wanted, now_ms: i64) -> Result<Vec<Click>, ArchiveError> {
    let limit = wanted.limit.clamp(1, LIMIT_MAX);
    let today = now_ms.div_euclid(DAY_MS);
    let mut found = Vec::new();
    for day in (today - DAYS + 1..=today).rev() {
        let mut of_day: VecDeque<Click> = VecDeque::new();
        // The clock of whoever journalled may be ahead of ours: today has no end.
        let query = ClickQuery {
            from_ms: Some(day * DAY_MS),
            to_ms: (day < today).then_some((day + 1) * DAY_MS),
            filter: wanted.filter(),
        };
        archive.clicks(query, |click| {
            if wanted.has(&click) {
                if of_day.len() >= LIMIT_MAX {
                    of_day.pop_front();
                }
                of_day.push_back(click);
            }
        })?;
        // Files of several nodes and what is still pending follow each other, but are not in order of time.
        let mut newest_first: Vec<Click> = of_day.into_iter().rev().collect();
        newest_first.sort_by_key(|click| std::cmp::Reverse(click.time_ms));
        found.extend(newest_first);
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}
