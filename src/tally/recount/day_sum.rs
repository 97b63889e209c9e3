//! What the clicks of a day add up to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::tz::TimeZone;

use crate::domain::click::Click;
use crate::domain::delta::{Delta, Deltas};
use crate::domain::link::LinkId;
use crate::tally::calendar::Calendar;
use crate::tally::rollup::{Rollup, Spot};
use crate::tally::values::Values;

/// Clicks of a day that are rolled up at once.
const PORTION: usize = 8192;

/// Adds up the clicks of a day, a portion at a time: a roll-up is made for the few values of a batch.
pub(crate) struct DaySum {
    calendar: Calendar,
    values: Values,
    waiting: Vec<Click>,
    links: BTreeMap<LinkId, Delta>,
}

impl DaySum {
    pub(crate) fn new(zone: TimeZone) -> Self {
        let (values, waiting) = (Values::default(), Vec::with_capacity(PORTION));
        Self { calendar: Calendar::new(zone), values, waiting, links: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, click: Click) {
        self.waiting.push(click);
        if self.waiting.len() >= PORTION {
            self.roll_up();
        }
    }

    fn roll_up(&mut self) {
        self.values.make_room();
        let (mut rollup, mut spot) = (Rollup::default(), Spot::default());
        for click in self.waiting.drain(..) {
            rollup.add(&click, &mut spot, &mut self.calendar, &mut self.values);
        }
        for delta in rollup.finish(&mut self.values, 1, |_| 0).iter().flat_map(Deltas::iter) {
            match self.links.entry(delta.link) {
                Entry::Vacant(free) => drop(free.insert(delta.to_owned())),
                Entry::Occupied(mut sum) => {
                    let Delta { counters, visitors, .. } = sum.get_mut();
                    delta.named().for_each(|(dimension, value, count)| counters.add(dimension, value, count));
                    visitors.extend_from_slice(delta.visitors);
                }
            }
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Delta> {
        self.roll_up();
        let mut deltas: Vec<Delta> = self.links.into_values().collect();
        for delta in &mut deltas {
            delta.visitors.sort_unstable();
            delta.visitors.dedup();
        }
        deltas
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::hits;
    use super::*;
    use crate::domain::link::LinkFacts;
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;
    use crate::domain::visitor::Visitor;

    #[test]
    fn a_day_of_many_portions_adds_up_to_one_delta_per_link_and_no_visitor_twice() {
        let link = |id| LinkFacts {
            id: LinkId(id),
            domain: String::new(),
            slug: String::new(),
            utm: Utm::default(),
            platform: None,
            level: Level::Other,
        };
        let links = [Arc::new(link(1)), Arc::new(link(2))];
        let mut sum = DaySum::new(TimeZone::UTC);
        for n in 0..3 * PORTION + 1 {
            sum.add(Click::blank(Arc::clone(&links[n % 2]), Visitor(n as u64 % 5)));
        }
        let deltas = sum.finish();
        let found = deltas.iter().map(|delta| (delta.link.0, hits(delta.counters.iter()), delta.visitors.len()));
        assert_eq!(found.collect::<Vec<_>>(), [(1, 12_289, 5), (2, 12_288, 5)]);
    }
}
