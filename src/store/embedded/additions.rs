//! Counters on their way into the file, packed once and in the order in which they stand there.

use jiff::civil::Date;

use super::block::Entry;
use super::error::{Reason, Result};
use super::link_day::{Bucket, LinkDay};
use super::packed::{self, Form, Packer};
use crate::domain::counter::{Dimension, Dimensions};
use crate::domain::delta::{DeltaOf, Deltas, Value};
use crate::domain::link::LinkId;
use crate::domain::uniques::{self, Uniques};

/// What a count and its value mostly take, and a little more, so that the bytes mostly have the room they need.
const BYTES_OF_A_COUNT: usize = 4;

/// Packed by whoever made them.
#[derive(Default)]
pub(super) struct Additions {
    bytes: Vec<u8>,
    /// By day and link.
    places: Vec<Place>,
}

/// Where something stands in the bytes, counters before visitors.
pub(super) struct Place {
    day: Date,
    pub(super) link: LinkId,
    begin: usize,
    visitors: usize,
    end: usize,
}

impl Additions {
    pub(super) fn of(deltas: &Deltas) -> Self {
        let mut all = Self::default();
        let (mut packer, mut forms) = (Packer::default(), Forms::of(deltas.values()));
        // Neighbours in the table one after another: each page is found, changed and left once.
        let key = |delta: DeltaOf<'_>| LinkDay::new(delta.link, delta.day);
        let mut sorted: Vec<_> = deltas.iter().map(key).zip(0_usize..).collect();
        sorted.sort_unstable();
        all.places.reserve_exact(sorted.len());
        all.bytes.reserve(deltas.counts_len() * BYTES_OF_A_COUNT);
        for (key, at) in &sorted {
            let delta = deltas.at(*at);
            let day = key.day().unwrap_or(delta.day);
            all.push(day, key.link(), |bytes| {
                packer.pack_each(forms.of_counts(delta.counts, day), bytes);
                let visitors = bytes.len();
                uniques::write_visitors(delta.visitors, bytes);
                visitors
            });
        }
        let is_each_once = sorted.is_sorted_by(|(one, _), (next, _)| one < next);
        if is_each_once { all } else { all.together() }
    }

    /// Each link and day once.
    fn together(&self) -> Self {
        let mut all = Self::default();
        for (day, of_day) in self.days() {
            let unreadable = |_: Entry<'_>, reason: Reason| Err(reason.in_row(String::new));
            let merged = Self::merged(day, of_day.entries().collect(), unreadable);
            let merged = merged.expect("what was packed just now can be read");
            merged.places.iter().for_each(|place| all.push_entry(day, place.entry(&merged.bytes)));
        }
        all
    }

    /// What stands in several rounds for links of one day; the earlier round first, links in any order. An entry that
    /// cannot be read goes to `set_aside`.
    pub(super) fn merged<'e>(
        day: Date,
        mut entries: Vec<Entry<'e>>,
        mut set_aside: impl FnMut(Entry<'_>, Reason) -> Result<()>,
    ) -> Result<Self> {
        // Stable, and quick where lists in order stand one behind another.
        entries.sort_by_key(|entry| entry.link);
        let (mut merged, mut sum) = (Self::default(), Sum::default());
        for same in entries.chunk_by(|one, next| one.link == next.link) {
            let [first, more @ ..] = same else { continue };
            if more.is_empty() {
                merged.push_entry(day, *first);
                continue;
            }
            sum.begin(*first);
            for entry in more {
                match sum.add(*entry, day) {
                    Ok(()) => {}
                    Err(reason) if is_sound(*entry, day) => {
                        set_aside(sum.entry(entry.link), reason)?;
                        sum.begin(*entry);
                    }
                    Err(reason) => set_aside(*entry, reason)?,
                }
            }
            merged.push_entry(day, sum.entry(first.link));
        }
        Ok(merged)
    }

    fn push_entry(&mut self, day: Date, entry: Entry<'_>) {
        self.push(day, entry.link, |bytes| {
            bytes.extend_from_slice(entry.counts);
            let visitors = bytes.len();
            bytes.extend_from_slice(entry.visitors);
            visitors
        });
    }

    /// Days and links come in order; `write` appends counters and visitors and says where the second begin.
    pub(super) fn push(&mut self, day: Date, link: LinkId, write: impl FnOnce(&mut Vec<u8>) -> usize) {
        let begin = self.bytes.len();
        let visitors = write(&mut self.bytes);
        self.places.push(Place { day, link, begin, visitors, end: self.bytes.len() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What stands at this place in their order.
    pub(super) fn entry(&self, at: usize) -> Option<(Date, Entry<'_>)> {
        let place = self.places.get(at)?;
        Some((place.day, place.entry(&self.bytes)))
    }

    /// The days, each with what is of it.
    pub(super) fn days(&self) -> impl Iterator<Item = (Date, OfDay<'_>)> {
        let days = self.places.chunk_by(|one, next| one.day == next.day);
        days.map(|places| (places[0].day, OfDay { bytes: &self.bytes, places }))
    }
}

/// The additions of one day, by link.
#[derive(Clone, Copy)]
pub(super) struct OfDay<'a> {
    bytes: &'a [u8],
    places: &'a [Place],
}

impl Place {
    fn entry<'a>(&self, bytes: &'a [u8]) -> Entry<'a> {
        let (counts, visitors) = (self.begin..self.visitors, self.visitors..self.end);
        Entry { link: self.link, counts: &bytes[counts], visitors: &bytes[visitors] }
    }
}

impl<'a> OfDay<'a> {
    pub(super) const NOTHING: Self = Self { bytes: &[], places: &[] };

    pub(super) fn places(self) -> &'a [Place] {
        self.places
    }

    pub(super) fn entry(self, place: &Place) -> Entry<'a> {
        place.entry(self.bytes)
    }

    pub(super) fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        self.places.iter().map(move |place| self.entry(place))
    }

    /// How many bytes there are of them.
    pub(super) fn len(self) -> usize {
        let ends = self.places.first().zip(self.places.last());
        ends.map_or(0, |(first, last)| last.end - first.begin)
    }

    /// What the row takes that ends before `end`, and what is left.
    pub(super) fn split(self, end: Option<LinkId>) -> (Self, Self) {
        let taken = end.map_or(self.places.len(), |end| self.places.partition_point(|place| place.link < end));
        let (taken, left) = self.places.split_at(taken.max(1));
        (Self { places: taken, ..self }, Self { places: left, ..self })
    }

    /// Each bucket with what is of it.
    pub(super) fn buckets(self) -> impl Iterator<Item = (Bucket, Self)> {
        let of = |place: &Place| Bucket::of(place.link, place.day);
        let buckets = self.places.chunk_by(move |one, next| of(one) == of(next));
        buckets.map(move |places| (of(&places[0]), Self { places, ..self }))
    }
}

/// Entries of one link and day as one.
#[derive(Default)]
pub(super) struct Sum {
    counts: Vec<u8>,
    visitors: Vec<u8>,
    next_counts: Vec<u8>,
    next_visitors: Vec<u8>,
}

impl Sum {
    pub(super) fn begin(&mut self, entry: Entry<'_>) {
        self.counts.clear();
        self.visitors.clear();
        self.counts.extend_from_slice(entry.counts);
        self.visitors.extend_from_slice(entry.visitors);
    }

    /// Adds nothing if one of the two cannot be read.
    pub(super) fn add(&mut self, entry: Entry<'_>, day: Date) -> Result<(), Reason> {
        self.next_counts.clear();
        self.next_visitors.clear();
        packed::merge(&self.counts, entry.counts, day, &mut self.next_counts)?;
        uniques::merge_bytes(&self.visitors, entry.visitors, &mut self.next_visitors)?;
        std::mem::swap(&mut self.counts, &mut self.next_counts);
        std::mem::swap(&mut self.visitors, &mut self.next_visitors);
        Ok(())
    }

    pub(super) fn entry(&self, link: LinkId) -> Entry<'_> {
        Entry { link, counts: &self.counts, visitors: &self.visitors }
    }
}

/// Whether it can be read: of two that cannot be put together, which one it is.
pub(super) fn is_sound(entry: Entry<'_>, day: Date) -> bool {
    packed::decode(entry.counts, day, Dimensions::ALL).is_ok() && Uniques::from_bytes(entry.visitors).is_ok()
}

/// How values are written, found out when one is met first on a day.
struct Forms<'v> {
    day: Date,
    values: &'v [Value],
    known: Vec<Option<Form>>,
}

impl<'v> Forms<'v> {
    fn of(values: &'v [Value]) -> Self {
        Self { day: Date::ZERO, values, known: vec![None; values.len()] }
    }

    fn of_counts(&mut self, counts: &[(u32, u64)], day: Date) -> impl Iterator<Item = (Form, Dimension, &'v str, u64)> {
        if self.day != day {
            self.day = day;
            // The same hour is another number of another day.
            self.known.fill(None);
        }
        counts.iter().map(move |(number, count)| {
            let (dimension, value) = &self.values[*number as usize];
            let form = *self.known[*number as usize].get_or_insert_with(|| packed::form(*dimension, value, day));
            (form, *dimension, value.as_str(), *count)
        })
    }
}
