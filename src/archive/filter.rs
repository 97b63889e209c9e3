//! Which clicks a query asks for: one test for pending and sealed clicks alike, and what it lets a reader leave out.
//!
//! Pure. It must never decide by a file's name or place what only the rows can tell.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt64Type};
use arrow_array::{BooleanArray, RecordBatch, StringArray};
use hashbrown::HashSet;
use jiff::civil::Date;
use uuid::Uuid;

use super::columns::{CAMPAIGN, ID, LINK, TIME, VERDICT};
use super::seal::{DAY_MS, date_of, times_of};
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;

/// Which clicks to read; a field that is `None` admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClickQuery {
    /// Milliseconds since 1970-01-01T00:00:00Z, inclusive.
    pub(crate) from_ms: Option<i64>,
    /// Exclusive.
    pub(crate) to_ms: Option<i64>,
    pub(crate) link: Option<LinkId>,
    /// The link's `utm_campaign`, exactly.
    pub(crate) campaign: Option<String>,
    pub(crate) verdict: Option<Verdict>,
}

impl ClickQuery {
    /// The columns that [`ClickQuery::admits`] looks at.
    pub(super) fn columns(&self) -> Vec<&'static str> {
        let asked = [
            (TIME, self.from_ms.is_some() || self.to_ms.is_some()),
            (LINK, self.link.is_some()),
            (CAMPAIGN, self.campaign.is_some()),
            (VERDICT, self.verdict.is_some()),
        ];
        asked.into_iter().filter_map(|(name, is_asked)| is_asked.then_some(name)).collect()
    }

    /// Tells for each row of `batch` whether it is asked for. `batch` needs only [`ClickQuery::columns`].
    pub(super) fn admits(&self, batch: &RecordBatch) -> BooleanArray {
        let mut admitted = vec![true; batch.num_rows()];
        if self.from_ms.is_some() || self.to_ms.is_some() {
            keep(&mut admitted, times_of(batch).iter().map(|&time_ms| self.admits_time(time_ms)));
        }
        if let Some(link) = self.link {
            let links = batch.column_by_name(LINK).and_then(|column| column.as_primitive_opt::<UInt64Type>());
            keep(&mut admitted, links.into_iter().flat_map(|links| links.values()).map(|&id| id == link.0));
        }
        if let Some(campaign) = &self.campaign {
            keep(&mut admitted, equals(batch, CAMPAIGN, campaign).into_iter());
        }
        if let Some(verdict) = self.verdict {
            keep(&mut admitted, equals(batch, VERDICT, verdict.as_str()).into_iter());
        }
        BooleanArray::from(admitted)
    }

    fn admits_time(&self, time_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| from <= time_ms) && self.to_ms.is_none_or(|to| time_ms < to)
    }

    /// Whether clicks with times in `span` can be asked for.
    pub(super) fn meets(&self, span: &RangeInclusive<i64>) -> bool {
        self.from_ms.is_none_or(|from| from <= *span.end()) && self.to_ms.is_none_or(|to| *span.start() < to)
    }

    /// Whether there may be files of `day`, one of the days asked for, that hold nothing of what is asked for.
    pub(super) fn can_leave_out(&self, day: Date) -> bool {
        let cuts = |bound: i64| bound.rem_euclid(DAY_MS) != 0 && date_of(bound) == day;
        self.link.is_some() || self.from_ms.is_some_and(cuts) || self.to_ms.is_some_and(cuts)
    }

    /// The UTC days asked for.
    pub(super) fn days(&self) -> RangeInclusive<Date> {
        let first = self.from_ms.map_or(Date::MIN, date_of);
        let last = self.to_ms.map_or(Date::MAX, |to| date_of(to.saturating_sub(1)));
        first..=last
    }

    /// The same query without the bounds that every time in `span` keeps anyway.
    pub(super) fn within(&self, span: &RangeInclusive<i64>) -> Self {
        Self {
            from_ms: self.from_ms.filter(|from| from > span.start()),
            to_ms: self.to_ms.filter(|to| to <= span.end()),
            ..self.clone()
        }
    }
}

/// Clears what `test` does not confirm. A column that ends early confirms nothing.
fn keep(admitted: &mut [bool], test: impl Iterator<Item = bool>) {
    let test = test.chain(std::iter::repeat(false));
    for (admitted, confirmed) in admitted.iter_mut().zip(test) {
        *admitted &= confirmed;
    }
}

/// Compares the dictionary's few values instead of every row.
fn equals(batch: &RecordBatch, column: &str, text: &str) -> Vec<bool> {
    let Some(cells) = batch.column_by_name(column).and_then(|column| column.as_dictionary_opt::<Int32Type>()) else {
        return Vec::new();
    };
    let Some(values) = cells.values().as_string_opt::<i32>() else { return Vec::new() };
    let same: Vec<bool> = values.iter().map(|value| value == Some(text)).collect();
    let is_same = |key: i32| usize::try_from(key).ok().and_then(|key| same.get(key)).is_some_and(|same| *same);
    cells.keys().iter().map(|key| key.is_some_and(is_same)).collect()
}

/// The clicks that are pending: where a click file has them too, the pending ones are the ones that count.
///
/// That happens while a seal runs, and after a crash between a seal and the note of it, until the journal's replay
/// has sealed the same file again.
#[derive(Clone)]
pub(super) struct Shadow {
    span: Option<RangeInclusive<i64>>,
    ids: Arc<HashSet<Uuid>>,
}

impl Shadow {
    /// The shadow that `pending` throws on files; ids are collected when the first file needs them.
    pub(super) fn of(pending: &[RecordBatch]) -> Self {
        Self { span: span_of(pending.iter().flat_map(|batch| times_of(batch).iter().copied())), ids: Arc::default() }
    }

    pub(super) fn meets(&self, span: &RangeInclusive<i64>) -> bool {
        self.span.as_ref().is_some_and(|own| own.start() <= span.end() && span.start() <= own.end())
    }

    /// The same shadow with the ids of `pending`, collected once.
    pub(super) fn collect(&mut self, pending: &[RecordBatch]) {
        if self.ids.is_empty() {
            let ids = pending.iter().filter_map(ids_of).flat_map(|ids| ids.iter().filter_map(parse_id));
            self.ids = Arc::new(ids.collect());
        }
    }

    /// Tells for each row of `batch` whether no pending click is the same one.
    pub(super) fn admits(&self, batch: &RecordBatch) -> BooleanArray {
        let is_new = |id| parse_id(id).is_none_or(|id| !self.ids.contains(&id));
        BooleanArray::from(ids_of(batch).map_or_else(Vec::new, |ids| ids.iter().map(is_new).collect()))
    }
}

fn ids_of(batch: &RecordBatch) -> Option<&StringArray> {
    batch.column_by_name(ID)?.as_string_opt::<i32>()
}

fn parse_id(id: Option<&str>) -> Option<Uuid> {
    Uuid::try_parse(id?).ok()
}

/// First and last of `times`.
pub(super) fn span_of(times: impl Iterator<Item = i64>) -> Option<RangeInclusive<i64>> {
    times.fold(None, |span: Option<RangeInclusive<i64>>, time| match span {
        None => Some(time..=time),
        Some(span) => Some(time.min(*span.start())..=time.max(*span.end())),
    })
}
