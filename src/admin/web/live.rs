//! The newest hits as they arrive, clicks and what was filtered, each on one line. The page is whole without a script;
//! with it, the list alone is fetched again every few seconds.
//!
//! It must never read more of the archive than it takes to fill the page: it looks at the last minute first, and further
//! back only while there is room.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use maud::{Markup, html};

use super::help::{Word, defined};
use super::layout::{self, Place};
use super::parts::{empty, head};
use super::text::{at_second, short};
use super::{Refused, filtered};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::archive::{Archive, ArchiveError, ClickQuery};
use crate::domain::click::Click;
use crate::domain::verdict::Verdict;

/// Hits on the page.
const HITS: usize = 50;

/// How far back it looks, in milliseconds, one after the other: a busy server fills the page from the first of them, and
/// on a quiet one the last is soon read. None is much longer than the one before, so that a burst of hits which is over
/// is not read again and again behind the few that came since; and a page that is fetched every few seconds never reads
/// more than a day.
const SPANS_MS: [i64; 7] = [60_000, 600_000, HOUR_MS, 2 * HOUR_MS, 5 * HOUR_MS, 11 * HOUR_MS, HOURS * HOUR_MS];
const HOURS: i64 = 24;
const HOUR_MS: i64 = 3_600_000;

/// How long the page waits for its turn among those who read click files.
const TURN_MAX: Duration = Duration::from_secs(10);

/// Letters of a slug or a source that a line has room for.
const LETTERS: usize = 32;

pub(super) async fn page(State(admin): State<Admin>) -> Result<Markup, Refused> {
    let hits = newest(&admin).await?;
    let about =
        html! { "The last " (HITS) " hits of " (HOURS) " hours, newest first, " (super::overview::zone_name(&admin)) };
    let actions = html! {
        button.plain.scripted type="button" data-pause { "Pause" }
        a.button.plain href="/live" { "Refresh" }
    };
    let content = html! {
        (head("Live", about, actions))
        section.card {
            div data-live="/live/hits" { (list(&admin, &hits)) }
            // Its words change only when somebody pauses, and when the server is away: hits are not read aloud.
            p.hint.scripted role="status" data-live-state { "Refreshes every few seconds." }
        }
    };
    Ok(layout::page(Place::Elsewhere, "Live", &content))
}

/// The list alone.
pub(super) async fn fragment(State(admin): State<Admin>) -> Result<Markup, Refused> {
    let hits = newest(&admin).await?;
    Ok(list(&admin, &hits))
}

async fn newest(admin: &Admin) -> Result<Vec<Click>, Problem> {
    let turn = tokio::time::timeout(TURN_MAX, Arc::clone(&admin.scans).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Problem::unavailable("too many questions read click files just now: try again in a moment"));
    };
    let (archive, now_ms) = (Arc::clone(&admin.archive), admin.clock.now_ms());
    let read = tokio::task::spawn_blocking(move || {
        let found = read(&archive, now_ms);
        drop(turn);
        found
    });
    Ok(read.await.unwrap_or(Err(ArchiveError::Thread))?)
}

fn read(archive: &Archive, now_ms: i64) -> Result<Vec<Click>, ArchiveError> {
    let mut found = Vec::new();
    // The clock of whoever journalled may be ahead of ours: the first span has no end.
    let mut to_ms = None;
    for span in SPANS_MS {
        let from_ms = Some(now_ms.saturating_sub(span));
        let mut of_span = Newest::default();
        archive.clicks(ClickQuery { from_ms, to_ms, ..ClickQuery::default() }, |click| of_span.take(click))?;
        found.extend(of_span.first(HITS - found.len()));
        if found.len() >= HITS {
            break;
        }
        to_ms = from_ms;
    }
    Ok(found)
}

/// The newest of however many clicks come by; it holds no more than twice those.
#[derive(Default)]
struct Newest(Vec<Click>);

impl Newest {
    fn take(&mut self, click: Click) {
        self.0.push(click);
        if self.0.len() >= 2 * HITS {
            self.cut(HITS);
        }
    }

    /// Files of several nodes, and what is still pending, are not in order of time. The id settles what has the same.
    fn cut(&mut self, most: usize) {
        self.0.sort_unstable_by_key(|click| std::cmp::Reverse((click.time_ms, click.id)));
        self.0.truncate(most);
    }

    fn first(mut self, most: usize) -> Vec<Click> {
        self.cut(most);
        self.0
    }
}

fn list(admin: &Admin, hits: &[Click]) -> Markup {
    html! {
        @if hits.is_empty() {
            (empty("No hit in these hours. Open one of your links, and it shows here within two seconds.", Some(("/links", "Links"))))
        } @else {
            table.live {
                thead { tr {
                    th scope="col" { "Time" }
                    th scope="col" { "Link" }
                    th scope="col" { (defined(Word::Source, "Source")) }
                    th.roomy scope="col" { (defined(Word::Country, "Country")) }
                    th.roomy scope="col" { (defined(Word::Device, "Device")) }
                    th scope="col" { (defined(Word::Verdict, "Verdict")) }
                } }
                tbody { @for hit in hits { (line(admin, hit)) } }
            }
        }
    }
}

fn line(admin: &Admin, hit: &Click) -> Markup {
    let at = jiff::Timestamp::from_millisecond(hit.time_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let country = if hit.place.country.is_empty() { "unknown" } else { hit.place.country.as_str() };
    html! {
        tr {
            td { time datetime=(at) { (at_second(at, &admin.report_zone)) } }
            th scope="row" { a href={ "/links/" (hit.link.id) } { (short(&hit.link.slug, LETTERS)) } }
            td { (short(&hit.origin.source, LETTERS)) }
            td.roomy { (country) }
            td.roomy { (hit.look.device.as_str()) }
            td {
                @if hit.verdict == Verdict::Human { (hit.verdict) } @else {
                    a.tag href=(filtered::address(Some(hit.link.id.0), hit.verdict.as_str(), &hit.reason)) { (hit.verdict) }
                    small { (hit.reason) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::{LinkFacts, LinkId};
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;
    use crate::domain::visitor::Visitor;

    #[test]
    fn of_many_clicks_in_any_order_the_newest_stay_newest_first() {
        let mut newest = Newest::default();
        for number in 0..1_000_i64 {
            // 7 and 1,000 have no divisor in common: every time comes once.
            newest.take(at(number * 7 % 1_000));
            assert!(newest.0.len() < 2 * HITS, "what it holds has a bound");
        }
        let times: Vec<i64> = newest.first(3).iter().map(|click| click.time_ms).collect();
        assert_eq!(times, [999, 998, 997]);
    }

    fn at(time_ms: i64) -> Click {
        let link = LinkFacts {
            id: LinkId(1),
            domain: "go.example.com".to_owned(),
            slug: "spring".to_owned(),
            utm: Utm::default(),
            platform: None,
            level: Level::default(),
        };
        Click { time_ms, ..Click::blank(Arc::new(link), Visitor(1)) }
    }
}
