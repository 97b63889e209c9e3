//! Rolling up: which counters a batch of clicks moves, by how much, and which visitors it adds. Pure.

use std::sync::Arc;

use jiff::civil::Date;

use super::calendar::Calendar;
use super::values::{NO_PART, PARTS, Values};
use crate::by_number::ByNumber;
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
    /// Each link and day that clicks are noted for; some more than once.
    days: Vec<LinkAndDay>,
    noted: Vec<Noted>,
}

type LinkAndDay = (LinkId, Date);

/// Where a link's clicks were last noted. Kept with what else is at hand of the link, it saves a search among all of the batch;
/// any other spot is as right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot(u32);

/// A click, as far as it moves counters.
#[derive(Clone, Copy)]
struct Noted {
    /// Its link and day.
    spot: Spot,
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
        self.days.clear();
        self.noted.clear();
    }

    /// `values` are the same from the first click to [`Self::finish`].
    pub(crate) fn add(&mut self, click: &ClickOf<'_>, spot: &mut Spot, calendar: &mut Calendar, values: &mut Values) {
        let day = (click.link.id, calendar.day(click.time_ms));
        if self.days.get(spot.0 as usize) != Some(&day) {
            *spot = Spot(number(self.days.len()));
            self.days.push(day);
        }
        self.noted.push(Noted { spot: *spot, parts: values.parts_of(click, calendar), visitor: click.visitor });
    }

    /// No fewer than there are links and days to add to.
    pub(crate) fn link_days(&self) -> usize {
        self.days.len()
    }

    /// The deltas, each in the list of the shard that `shard_of` says its link is in, in the order of links. Nothing is left.
    pub(crate) fn finish(
        &mut self,
        values: &mut Values,
        shards: usize,
        shard_of: impl Fn(LinkId) -> usize,
    ) -> Vec<Deltas> {
        let (days, order) = self.by_day();
        let table = values.rank();
        let (links, clicks) = (days.len().div_ceil(shards), order.len().div_ceil(shards));
        let room = |_| Deltas::with_room(Arc::clone(&table), links, clicks);
        let mut deltas: Vec<Deltas> = (0..shards).map(room).collect();
        let (mut link_day, mut begin) = (LinkDay::default(), 0);
        for ((link, day), end) in days {
            let noted = order[begin..end as usize].iter().map(|place| &self.noted[*place as usize]);
            link_day.put_into(&mut deltas[shard_of(link)], (link, day), noted, values);
            begin = end as usize;
        }
        self.clear();
        deltas
    }

    /// The links and days in order, each once and with the end of its own among the second: the places of what is noted, those
    /// of the first link and day first and so on.
    fn by_day(&self) -> (Vec<(LinkAndDay, u32)>, Vec<u32>) {
        let mut spots: Vec<_> = self.days.iter().copied().zip(0_u32..).collect();
        spots.sort_unstable();
        let (mut days, mut places) = (Vec::with_capacity(spots.len()), vec![0; spots.len()]);
        for (day, spot) in spots {
            if days.last().is_none_or(|(last, _)| *last != day) {
                days.push((day, 0));
            }
            places[spot as usize] = days.len() - 1;
        }
        let place = |noted: &Noted| places[noted.spot.0 as usize];
        self.noted.iter().for_each(|noted| days[place(noted)].1 += 1);
        let mut sum = 0;
        for (_, end) in &mut days {
            (*end, sum) = (sum, sum + *end);
        }
        // Each is where its own begin so far, and moves on with every one that is put there.
        let mut order = vec![0; self.noted.len()];
        for (at, noted) in (0..).zip(&self.noted) {
            let (_, end) = &mut days[place(noted)];
            order[*end as usize] = at;
            *end += 1;
        }
        (days, order)
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("a batch has at most batch_hits_max links and days")
}

/// One link and day being put together, and room for the next.
#[derive(Default)]
struct LinkDay {
    /// By the ranks of the values.
    sums: ByNumber,
    counts: Vec<(u32, u64)>,
    visitors: Vec<Visitor>,
}

impl LinkDay {
    fn put_into<'n>(
        &mut self,
        deltas: &mut Deltas,
        (link, day): LinkAndDay,
        noted: impl Iterator<Item = &'n Noted>,
        values: &Values,
    ) {
        let Self { sums, counts, visitors } = self;
        counts.clear();
        visitors.clear();
        for click in noted {
            let parts = click.parts.iter().filter(|part| **part != NO_PART);
            parts.flat_map(|part| values.of_part(*part)).for_each(|rank| sums.add(rank, 1));
            visitors.extend(click.is_of_a_person().then_some(click.visitor));
        }
        sums.take_each(|rank, count| counts.push((rank, count)));
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
        let mut spots = [Spot::default(); 6];
        // With a spot for each link and day, for each link alone, and again, each time with those of the round before.
        for (round, (kept, noted_for)) in [(6, 6), (3, 60), (6, 6)].into_iter().enumerate() {
            for number in 0..60 {
                let mut click = click_on(number % 3);
                click.time_ms = DAY_MS * (number % 2).cast_signed();
                click.visitor = Visitor(number % 5);
                click.verdict = if number % 3 == 2 { Verdict::Bot } else { Verdict::Human };
                rollup.add(&click, &mut spots[(number % kept) as usize], &mut utc, &mut values);
            }
            assert_eq!(rollup.link_days(), noted_for, "round {round} begins anew");
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
            rollup.add(&click, &mut Spot::default(), &mut utc, &mut values);
        }
        let deltas = rollup.finish(&mut values, 1, |_| 0);
        let delta = deltas[0].iter().next().unwrap().to_owned();
        let referrers = delta.counters.iter().filter(|(dimension, ..)| *dimension == Dimension::Referrer);
        assert_eq!(referrers.count(), VALUES_MAX + 1);
        assert_eq!(delta.counters.get(Dimension::Referrer, OTHER), 200);
        assert_eq!((delta.counters.hits(), delta.visitors.len()), (VALUES_MAX as u64 + 200, 1));
    }
}
