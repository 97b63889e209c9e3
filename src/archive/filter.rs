//! Which clicks a query asks for: one test for pending and sealed clicks alike, and what it lets a reader leave out.
//!
//! Pure. It must never decide by a file's name or place what only the rows can tell.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{BooleanArray, RecordBatch, StringArray};
use hashbrown::HashSet;
use jiff::civil::Date;
use uuid::Uuid;

use super::chunk::Chunk;
use super::columns::{ID, LINK, TIME};
use super::facets;
use super::seal::{DAY_MS, date_of, times_of};
use crate::domain::facet::ClickFacet;
use crate::domain::filter::{Choice, ClickFilter, LinkSet};
use crate::domain::link::LinkId;

/// Which clicks to read; a field that is `None` admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClickQuery {
    /// Milliseconds since 1970-01-01T00:00:00Z, inclusive.
    pub(crate) from_ms: Option<i64>,
    /// Exclusive.
    pub(crate) to_ms: Option<i64>,
    pub(crate) filter: ClickFilter,
}

impl ClickQuery {
    /// The columns that [`ClickQuery::admits`] looks at.
    pub(super) fn columns(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        names.extend(self.cuts_time().then_some(TIME));
        names.extend((!self.filter.links.is_all()).then_some(LINK));
        names.extend(self.filter.choices.iter().flat_map(|(facet, _)| facets::columns(*facet)));
        names
    }

    /// Tells for each row of `batch` whether it is asked for. `batch` needs only [`ClickQuery::columns`].
    pub(super) fn admits(&self, batch: &RecordBatch) -> BooleanArray {
        BooleanArray::from(self.admitted(batch))
    }

    /// The same, unpacked.
    pub(super) fn admitted(&self, batch: &RecordBatch) -> Vec<bool> {
        let mut admitted = vec![true; batch.num_rows()];
        if self.cuts_time() {
            keep(&mut admitted, times_of(batch).iter().map(|&time_ms| self.admits_time(time_ms)));
        }
        if !self.filter.links.is_all() {
            keep_links(&mut admitted, links_of(batch), &self.filter.links);
        }
        for (facet, choice) in &self.filter.choices {
            keep_shown(&mut admitted, batch, *facet, choice);
        }
        admitted
    }

    fn cuts_time(&self) -> bool {
        self.from_ms.is_some() || self.to_ms.is_some()
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
        !self.filter.links.is_all() || self.from_ms.is_some_and(cuts) || self.to_ms.is_some_and(cuts)
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
            filter: self.filter.clone(),
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

/// Clicks of one link come in bursts, so the answer for the last one is kept.
fn keep_links(admitted: &mut [bool], links: &[u64], set: &LinkSet) {
    let mut last = (0, set.holds(LinkId(0)));
    let test = |&id: &u64| {
        if last.0 != id {
            last = (id, set.holds(LinkId(id)));
        }
        last.1
    };
    keep(admitted, links.iter().map(test));
}

/// Compares the few texts instead of every row.
fn keep_shown(admitted: &mut [bool], batch: &RecordBatch, facet: ClickFacet, choice: &Choice) {
    let shown = facets::shown(facet, batch);
    let texts: Vec<bool> = shown.texts.iter().map(|text| choice.admits_any(facets::values(facet, text))).collect();
    keep(admitted, shown.rows.iter().map(|text| texts[*text as usize]));
}

/// The links of the clicks in `batch`; none if it has no such column.
pub(super) fn links_of(batch: &RecordBatch) -> &[u64] {
    let column = batch.column_by_name(LINK).and_then(|column| column.as_primitive_opt::<UInt64Type>());
    column.map_or(&[], |links| links.values())
}

/// The clicks that are pending: where a click file has them too, the pending ones are the ones that count.
///
/// That happens while a seal runs, and after a crash between a seal and the note of it, until the journal's replay
/// has sealed the same file again.
#[derive(Clone)]
pub(super) struct Shadow {
    span: Option<RangeInclusive<i64>>,
    pending: Arc<[Arc<Chunk>]>,
    /// Collected when the first file needs them.
    ids: Arc<OnceLock<HashSet<Uuid>>>,
}

impl Shadow {
    /// The shadow that `pending` throws on files.
    pub(super) fn of(pending: &[Arc<Chunk>]) -> Self {
        let span = span_of(pending.iter().flat_map(|chunk| chunk.times.iter().copied()));
        Self { span, pending: pending.into(), ids: Arc::default() }
    }

    pub(super) fn meets(&self, span: &RangeInclusive<i64>) -> bool {
        self.span.as_ref().is_some_and(|own| own.start() <= span.end() && span.start() <= own.end())
    }

    /// Tells for each row of `batch` whether no pending click is the same one.
    pub(super) fn admits(&self, batch: &RecordBatch) -> BooleanArray {
        let ids = self.ids.get_or_init(|| self.pending.iter().flat_map(|chunk| chunk.ids.iter().copied()).collect());
        let is_new = |id| parse_id(id).is_none_or(|id| !ids.contains(&id));
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
