//! The clicks of links, laid out so that those between two instants are found at once.
//!
//! Pure. It must never guess within an hour: human clicks are known by the hour they happened in, and everything else
//! by the day.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::link::LinkId;
use crate::stats::ctr::Numerator;
use crate::stats::days::{DaySum, LinkDay, Verdicts};
use crate::stats::series::begin;

/// The clicks of every link, by day and by hour. It refers to the days it was given and copies nothing of them.
#[derive(Debug)]
pub(crate) struct ClickLog {
    zone: TimeZone,
    days: Vec<Arc<DaySum>>,
    /// When each of `days` begins and ends.
    bounds: Vec<Span>,
    /// For each link the places where it stands: which day, and which of that day's links; in order.
    links: HashMap<LinkId, Vec<(u32, u32)>>,
}

/// Clicks between two instants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) clicks: u64,
    /// Whether a day that lies only partly in the span was counted whole.
    pub(crate) whole_day: bool,
}

/// Instants from `start` on and before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Span {
    pub(crate) const ALWAYS: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// From the hour in which `instant` lies on, to the end of time.
    pub(crate) fn from_hour_of(instant: Timestamp) -> Self {
        let within = jiff::SignedDuration::from_hours(1) - jiff::SignedDuration::from_nanos(1);
        Self { start: instant.checked_sub(within).unwrap_or(Timestamp::MIN), end: Timestamp::MAX }
    }

    /// The part of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }
}

impl ClickLog {
    /// `zone` is the report time zone, in whose days clicks are counted; the days are in order.
    pub(crate) fn new(zone: TimeZone, days: Vec<Arc<DaySum>>) -> Self {
        let bound = |day: &Arc<DaySum>| Span {
            start: begin(day.day, &zone),
            end: begin(day.day.tomorrow().unwrap_or(day.day), &zone),
        };
        let bounds = days.iter().map(bound).collect();
        let mut links: HashMap<LinkId, Vec<(u32, u32)>> = HashMap::new();
        for (day, sum) in (0..).zip(&days) {
            for (at, link) in (0..).zip(&sum.links) {
                links.entry(link.link).or_default().push((day, at));
            }
        }
        Self { zone, days, bounds, links }
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A link's clicks in `span`. Human clicks count where their hour begins, so that none counts in two spans that
    /// meet; others count with their whole day.
    pub(crate) fn count(&self, link: LinkId, numerator: Numerator, span: Span) -> Counted {
        if span.start >= span.end {
            return Counted::default();
        }
        match numerator {
            Numerator::Human => Counted { clicks: self.human(link, span), whole_day: false },
            Numerator::Unique => self.by_day(link, span, |day| day.visitors),
            Numerator::All => self.by_day(link, span, |day| sum(&day.verdicts)),
        }
    }

    /// A link's hits by verdict on the days that touch `span`.
    pub(crate) fn verdicts(&self, link: LinkId, span: Span) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for (_, day) in self.days_in(link, span) {
            verdicts.iter_mut().zip(day.verdicts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
        verdicts
    }

    /// A link's human clicks by where they were observed to come from, on the days that touch `span`.
    pub(crate) fn seen_on(&self, link: LinkId, span: Span) -> impl Iterator<Item = (&str, u64)> {
        let days = self.days_in(link, span);
        days.flat_map(|(_, day)| day.seen_on.iter().map(|(place, count)| (place.as_str(), *count)))
    }

    /// The days of a link that touch `span`, each with when it begins and ends.
    fn days_in(&self, link: LinkId, span: Span) -> impl Iterator<Item = (Span, &LinkDay)> {
        let places = self.links.get(&link).map_or(&[][..], Vec::as_slice);
        let first = places.partition_point(|(day, _)| self.bounds[*day as usize].end <= span.start);
        let end = places.partition_point(|(day, _)| self.bounds[*day as usize].start < span.end);
        let place =
            |(day, at): &(u32, u32)| (self.bounds[*day as usize], &self.days[*day as usize].links[*at as usize]);
        places[first.min(end)..end].iter().map(place)
    }

    fn human(&self, link: LinkId, span: Span) -> u64 {
        let hours = |(bounds, day): (Span, &LinkDay)| match span.start <= bounds.start && bounds.end <= span.end {
            true => day.by_hour,
            false => {
                let within = day.hours.iter().filter(|(hour, _)| span.start <= *hour && *hour < span.end);
                within.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count))
            }
        };
        self.days_in(link, span).map(hours).fold(0, u64::saturating_add)
    }

    fn by_day(&self, link: LinkId, span: Span, count: impl Fn(&LinkDay) -> u64) -> Counted {
        let mut counted = Counted::default();
        for (bounds, day) in self.days_in(link, span) {
            let of_day = count(day);
            counted.clicks = counted.clicks.saturating_add(of_day);
            counted.whole_day |= (bounds.start < span.start || span.end < bounds.end) && of_day > 0;
        }
        counted
    }
}

fn sum(verdicts: &Verdicts) -> u64 {
    verdicts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::{Counters, DayCounters, Dimension};
    use crate::domain::verdict::Verdict;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Link 1: 5 people at 08:00, 7 at 10:00 and 3 on the next day at 10:00; as many bots; visitors 10 and 3.
    fn log() -> ClickLog {
        let mut days = Vec::new();
        for (day, hours, visitors) in [(3, &[("08", 5), ("10", 7)][..], 10), (4, &[("10", 3)], 3)] {
            let mut counters = Counters::new();
            for (hour, count) in hours {
                counters.add(Dimension::Verdict, "human", *count);
                counters.add(Dimension::Verdict, "bot", *count);
                counters.add(Dimension::Hour, &format!("2026-11-0{day}T{hour}:00Z"), *count);
            }
            days.push(DayCounters { link: LinkId(1), day: date(2026, 11, day), counters, visitors });
        }
        ClickLog::new(TimeZone::UTC, DaySum::of_all(days))
    }

    fn count(numerator: Numerator, start: &str, end: &str) -> (u64, bool) {
        let counted = log().count(LinkId(1), numerator, Span { start: at(start), end: at(end) });
        (counted.clicks, counted.whole_day)
    }

    #[test]
    fn human_clicks_count_where_their_hour_begins() {
        for (start, end, clicks) in [
            ("2026-11-03T00:00:00Z", "2026-11-05T00:00:00Z", 15),
            ("2026-11-03T08:00:00Z", "2026-11-03T10:00:00Z", 5),
            ("2026-11-03T08:01:00Z", "2026-11-03T10:00:01Z", 7),
            ("2026-11-03T11:00:00Z", "2026-11-04T10:00:00Z", 0),
            ("2026-11-05T00:00:00Z", "2026-11-03T00:00:00Z", 0),
        ] {
            assert_eq!(count(Numerator::Human, start, end), (clicks, false), "{start} {end}");
        }
        let since = |instant| log().count(LinkId(1), Numerator::Human, Span::from_hour_of(at(instant))).clicks;
        assert_eq!((since("2026-11-03T08:59:59Z"), since("2026-11-03T09:00:00Z")), (15, 10));
        assert_eq!(log().count(LinkId(1), Numerator::Human, Span::ALWAYS).clicks, 15);
        assert_eq!(log().count(LinkId(2), Numerator::Human, Span::ALWAYS).clicks, 0);
    }

    #[test]
    fn visitors_and_hits_count_with_their_whole_day_and_say_so() {
        let (first, second) = ("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z");
        assert_eq!(count(Numerator::Unique, first, second), (10, false));
        assert_eq!(count(Numerator::All, first, second), (24, false));
        assert_eq!(count(Numerator::Unique, first, "2026-11-04T01:00:00Z"), (13, true));
        assert_eq!(count(Numerator::All, "2026-11-03T23:59:59Z", second), (24, true));
        let verdicts = log().verdicts(LinkId(1), Span { start: at(first), end: at(second) });
        assert_eq!((verdicts[Verdict::Human as usize], verdicts[Verdict::Bot as usize]), (12, 12));
    }
}
