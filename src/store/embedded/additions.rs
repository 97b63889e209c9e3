//! Counters on their way into the file, packed once and in the order in which they stand there.

use std::borrow::Cow;

use jiff::civil::Date;

use super::block::Entry;
use super::error::{Reason, Result};
use super::link_day::{Bucket, LinkDay};
use super::packed::{self, Packer};
use crate::domain::counter::{Delta, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::uniques::{self, Uniques};

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
    pub(super) fn of(deltas: &[Delta]) -> Self {
        let (mut packer, mut additions) = (Packer::new(), Self::default());
        additions.places.reserve_exact(deltas.len());
        // Neighbours in the table one after another: each page is found, changed and left once.
        let mut sorted: Vec<_> = deltas.iter().map(|delta| (LinkDay::new(delta.link, delta.day), delta)).collect();
        sorted.sort_unstable_by_key(|(key, _)| *key);
        for same in sorted.chunk_by(|(one, _), (next, _)| one == next) {
            let (key, delta) = (same[0].0, together(same));
            additions.push(key.day().unwrap_or(delta.day), key.link(), |bytes| {
                packer.pack(&delta.counters, key.day().unwrap_or(delta.day), bytes);
                let visitors = bytes.len();
                uniques::write_visitors(&delta.visitors, bytes);
                visitors
            });
        }
        additions
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

/// Deltas of one link and day as one.
fn together<'d>(same: &[(LinkDay, &'d Delta)]) -> Cow<'d, Delta> {
    let mut sum = Cow::Borrowed(same[0].1);
    for (_, more) in &same[1..] {
        let sum = sum.to_mut();
        sum.counters.merge(&more.counters);
        sum.visitors.extend_from_slice(&more.visitors);
    }
    sum
}
