//! Rolling up: which counters a batch of clicks moves, by how much, and which visitors it adds. Pure.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;

use super::calendar::Calendar;
use super::values::{NO_PART, PARTS, Values};
use crate::domain::click::ClickOf;
use crate::domain::delta::Deltas;
use crate::domain::link::LinkId;
use crate::domain::visitor::Visitor;

/// Adds up clicks, one at a time, into one delta per link and day. Its room serves one batch after the other.
///
/// A click is only noted when it comes, behind the one before it: what its link and day have so far is far away in memory,
/// and looking there for every click was an eighth of what counting costs. They are put together at the end.
#[derive(Default)]
pub(crate) struct Rollup {
    index: HashMap<(LinkId, Date), u32>,
    days: Vec<(LinkId, Date)>,
    noted: Vec<Noted>,
}

/// A click, as far as it moves counters.
#[derive(Clone, Copy)]
struct Noted {
    /// Its link and day, as a place in [`Rollup::days`].
    at: u32,
    /// The numbers of its parts, and [`NO_PART`] where it has fewer.
    parts: [u32; PARTS],
    /// Nobody's clicks have one too, which does not count.
    visitor: Visitor,
}

/// Half a line of the processor's cache, in which it is fetched at the end.
const _: () = assert!(size_of::<Noted>() == 32);

impl Noted {
    fn is_of_a_person(&self) -> bool {
        self.parts[1] != NO_PART
    }
}

impl Rollup {
    /// Drops what was added and not finished.
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.days.clear();
        self.noted.clear();
    }

    /// `values` are the same from the first click to [`Self::finish`].
    pub(crate) fn add(&mut self, click: &ClickOf<'_>, calendar: &mut Calendar, values: &mut Values) {
        let key = (click.link.id, calendar.day(click.time_ms));
        let days = &mut self.days;
        let at = *self.index.entry(key).or_insert_with(|| {
            days.push(key);
            u32::try_from(days.len() - 1).expect("a batch has at most batch_hits_max links and days")
        });
        self.noted.push(Noted { at, parts: values.parts_of(click, calendar), visitor: click.visitor });
    }

    /// How many links and days there are to add to.
    pub(crate) fn link_days(&self) -> usize {
        self.days.len()
    }

    /// The deltas, each in the list of the shard that `shard_of` says its link is in. Nothing is left.
    pub(crate) fn finish(
        &mut self,
        values: &mut Values,
        shards: usize,
        shard_of: impl Fn(LinkId) -> usize,
    ) -> Vec<Deltas> {
        let table = values.rank();
        let (links, clicks) = (self.days.len().div_ceil(shards), self.noted.len().div_ceil(shards));
        let room = |_| Deltas::with_room(Arc::clone(&table), links, clicks);
        let mut deltas: Vec<Deltas> = (0..shards).map(room).collect();
        let (order, ends) = self.by_day();
        let (mut link_day, mut begin) = (LinkDay::default(), 0);
        for ((link, day), end) in self.days.iter().zip(ends) {
            let noted = order[begin..end as usize].iter().map(|place| &self.noted[*place as usize]);
            link_day.put_into(&mut deltas[shard_of(*link)], (*link, *day), noted, values);
            begin = end as usize;
        }
        self.clear();
        deltas
    }

    /// The places of what is noted, those of the first link and day first and so on, and where each one's end.
    fn by_day(&self) -> (Vec<u32>, Vec<u32>) {
        let mut ends = vec![0_u32; self.days.len()];
        self.noted.iter().for_each(|noted| ends[noted.at as usize] += 1);
        let mut sum = 0;
        for end in &mut ends {
            (*end, sum) = (sum, sum + *end);
        }
        // Each is where its own begin so far, and moves on with every one that is put there.
        let mut order = vec![0_u32; self.noted.len()];
        for (place, noted) in (0..).zip(&self.noted) {
            let end = &mut ends[noted.at as usize];
            order[*end as usize] = place;
            *end += 1;
        }
        (order, ends)
    }
}

/// One link and day being put together, and room for the next.
#[derive(Default)]
struct LinkDay {
    parts: Vec<u32>,
    counts: Vec<(u32, u64)>,
    visitors: Vec<Visitor>,
}

impl LinkDay {
    /// Each part is taken apart once, however many clicks had it.
    fn put_into<'n>(
        &mut self,
        deltas: &mut Deltas,
        (link, day): (LinkId, Date),
        noted: impl Iterator<Item = &'n Noted>,
        values: &Values,
    ) {
        let Self { parts, counts, visitors } = self;
        parts.clear();
        counts.clear();
        visitors.clear();
        for click in noted {
            parts.extend(click.parts.iter().filter(|part| **part != NO_PART));
            visitors.extend(click.is_of_a_person().then_some(click.visitor));
        }
        parts.sort_unstable();
        for same in parts.chunk_by(|one, next| one == next) {
            let count = same.len() as u64;
            counts.extend(values.of_part(same[0]).map(|rank| (rank, count)));
        }
        counts.sort_unstable_by_key(|(rank, _)| *rank);
        counts.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            kept.1 += if is_same { next.1 } else { 0 };
            is_same
        });
        values.cap(counts);
        visitors.sort_unstable();
        visitors.dedup();
        deltas.push(link, day, counts.iter().copied(), visitors);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use compact_str::format_compact;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::click::{Click, Look};
    use crate::domain::counter::{Dimension, OTHER, VALUES_MAX};
    use crate::domain::link::LinkFacts;
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;
    use crate::domain::verdict::Verdict;

    fn click_on(id: u64) -> Click {
        let (domain, slug, utm) = (String::new(), String::new(), Utm::default());
        let link = LinkFacts { id: LinkId(id), domain, slug, utm, platform: None, level: Level::Post };
        Click::blank(Arc::new(link), Visitor(1))
    }

    #[test]
    fn clicks_that_come_mixed_add_to_their_own_link_and_day_and_only_people_are_visitors() {
        const DAY_MS: i64 = 86_400_000;
        let (mut rollup, mut values, mut utc) = (Rollup::default(), Values::default(), Calendar::new(TimeZone::UTC));
        for round in 1..3 {
            for number in 0..60 {
                let mut click = click_on(number % 3);
                click.time_ms = DAY_MS * (number % 2).cast_signed();
                click.visitor = Visitor(number % 5);
                click.verdict = if number % 3 == 2 { Verdict::Bot } else { Verdict::Human };
                rollup.add(&click, &mut utc, &mut values);
            }
            assert_eq!(rollup.link_days(), 6, "round {round} begins anew");
            let deltas: Vec<Deltas> = rollup.finish(&mut values, 2, |link| link.0 as usize % 2);
            let told = |deltas: &Deltas| {
                let each = deltas.iter().map(|delta| {
                    let counters = delta.to_owned().counters;
                    (
                        delta.link.0,
                        delta.day.day(),
                        counters.hits(),
                        counters.get(Dimension::Verdict, "bot"),
                        delta.visitors.len(),
                    )
                });
                let mut each: Vec<_> = each.collect();
                each.sort_unstable();
                each
            };
            let even = [(0, 1, 10, 0, 5), (0, 2, 10, 0, 5), (2, 1, 10, 10, 0), (2, 2, 10, 10, 0)];
            assert_eq!((told(&deltas[0]), told(&deltas[1])), (even.into(), vec![(1, 1, 10, 0, 5), (1, 2, 10, 0, 5)]));
        }
    }

    #[test]
    fn a_link_and_day_with_too_many_values_keeps_as_many_as_counters_do() {
        let mut click = click_on(1);
        let (mut rollup, mut values, mut utc) = (Rollup::default(), Values::default(), Calendar::new(TimeZone::UTC));
        for number in 0..VALUES_MAX + 200 {
            let look = Look { referrer_host: format_compact!("{number}.example"), ..Look::clone(&click.look) };
            click.look = Cow::Owned(Arc::new(look));
            rollup.add(&click, &mut utc, &mut values);
        }
        let deltas = rollup.finish(&mut values, 1, |_| 0);
        let delta = deltas[0].iter().next().unwrap().to_owned();
        let referrers = delta.counters.iter().filter(|(dimension, ..)| *dimension == Dimension::Referrer);
        assert_eq!(referrers.count(), VALUES_MAX + 1);
        assert_eq!(delta.counters.get(Dimension::Referrer, OTHER), 200);
        assert_eq!((delta.counters.hits(), delta.visitors.len()), (VALUES_MAX as u64 + 200, 1));
    }
}
