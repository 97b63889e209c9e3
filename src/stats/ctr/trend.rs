//! Click-through rates over time: a row for each day or week, from numbers of single days and from what was added
//! between two readings of a lifetime number.
//!
//! Pure. It must never put a span on a day that it does not belong to: what is longer than the row is left out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};

use crate::domain::impression::Kind;
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::stats::ctr::clicks::Span;
use crate::stats::ctr::evidence::{Series, Snapshot};
use crate::stats::ctr::groups::{Component, Group, groups};
use crate::stats::ctr::pairing::{Pair, Paired, Piece, add_up};
use crate::stats::ctr::rows::paired_row;
use crate::stats::ctr::{Grouping, Material};
use crate::stats::wire::{Basis, CtrRow};

/// The longest that two readings of a lifetime number may lie apart for what was added to be a day's, or a week's:
/// people do not export at the same minute.
const DAY_MAX: SignedDuration = SignedDuration::from_hours(36);
const WEEK_MAX: SignedDuration = SignedDuration::from_hours(8 * 24);

type Cells = BTreeMap<(Date, Basis), Paired>;

pub(super) fn rows(by: Grouping, material: &Material<'_>, kinds: &BTreeSet<Kind>) -> Vec<CtrRow> {
    let levels = groups(material.links, material.posts, Grouping::Level);
    let of_level = |group: &Group| {
        let of_kind = |kind: &Kind| cells_rows(by, material, group.level, *kind, cells(by, material, group, *kind));
        kinds.iter().flat_map(of_kind).collect::<Vec<_>>()
    };
    levels.iter().flat_map(of_level).collect()
}

fn cells_rows(by: Grouping, material: &Material<'_>, level: Level, kind: Kind, cells: Cells) -> Vec<CtrRow> {
    let row = |((day, basis), paired): ((Date, Basis), Paired)| {
        let group = Group { value: day.to_string(), label: None, level, components: Vec::new() };
        let total = paired.clicks.saturating_add(paired.after_as_of);
        paired_row(material, &group, (kind, basis), &paired, total, by)
    };
    cells.into_iter().map(row).collect()
}

/// The clicks and impressions of all links of a level, by the day or week they belong to.
fn cells(by: Grouping, material: &Material<'_>, group: &Group, kind: Kind) -> Cells {
    let mut cells = Cells::new();
    for component in &group.components {
        let Some((basis, pieces)) = pieces(by, material, component, kind) else { continue };
        let mut of_row: BTreeMap<Date, Vec<Piece>> = BTreeMap::new();
        for piece in pieces {
            if let Some(day) = piece.day {
                of_row.entry(row_day(by, day)).or_default().push(piece);
            }
        }
        for (day, pieces) in of_row {
            material.add_unit(&Pair { links: &component.links, basis, pieces }, cells.entry((day, basis)).or_default());
        }
    }
    cells
}

/// The spans of posts that hang together: of days if all of them have days, else between the readings of a single
/// post; those of several posts were not read at the same instants.
fn pieces(by: Grouping, material: &Material<'_>, component: &Component, kind: Kind) -> Option<(Basis, Vec<Piece>)> {
    let own: Vec<usize> = component.links.iter().filter_map(|link| material.links[*link].own).collect();
    let posts: Vec<usize> = match component.links.len() {
        1 if !own.is_empty() => own,
        _ => component.posts.iter().copied().collect(),
    };
    let metric = Metric::Impressions(kind);
    let all: Option<Vec<&Series>> = posts.iter().map(|post| material.posts[*post].whole.get(&metric)).collect();
    let (all, published) = (all?, material.published(&posts));
    let mut about = Paired::default();
    let days: Vec<Vec<Piece>> =
        all.iter().map(|series| material.pieces(series, published, Basis::Days, &mut about)).collect();
    if !days.is_empty() && days.iter().all(|days| !days.is_empty()) {
        return Some((Basis::Days, add_up(&days, Basis::Days, &mut about.days_incomplete)));
    }
    let [series] = all[..] else { return None };
    Some((Basis::Snapshots, differences(by, material, series, published)))
}

/// What was added between each two readings that lie close enough together. A number that went down counts as nothing
/// added: what was taken back belongs to days before.
fn differences(by: Grouping, material: &Material<'_>, series: &Series, published: Option<Timestamp>) -> Vec<Piece> {
    let longest = if by == Grouping::Day { DAY_MAX } else { WEEK_MAX };
    let birth = published.map(|published| Snapshot { value: 0, as_of: published });
    let readings: Vec<Snapshot> = birth.into_iter().chain(series.lifetime.iter().copied()).collect();
    let piece = |pair: &[Snapshot]| {
        let [from, to] = pair else { return None };
        let long = to.as_of.duration_since(from.as_of);
        let middle = from.as_of.checked_add(long / 2).ok()?;
        let day = middle.to_zoned(material.clicks.zone().clone()).date();
        let is_asked = material.window.is_none_or(|window| window.contains(day));
        let span = Span { start: from.as_of, end: to.as_of };
        (long <= longest && from.as_of < to.as_of && is_asked).then_some(Piece {
            span,
            end: to.as_of,
            day: Some(day),
            count: to.value.saturating_sub(from.value),
            numbers: 1,
            latest: to.as_of,
        })
    };
    readings.windows(2).filter_map(piece).collect()
}

/// The day itself, or the Monday of its week (ISO 8601).
pub(crate) fn row_day(by: Grouping, day: Date) -> Date {
    if by == Grouping::Day {
        return day;
    }
    let past = day.weekday().since(Weekday::Monday);
    day.saturating_sub(jiff::Span::new().days(i64::from(past)))
}
