//! The clicks of links, laid out so that those between two instants are found at once.
//!
//! Pure. It must never guess within an hour: human clicks are known by the hour they happened in, and everything else
//! by the day.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::link::LinkId;
use crate::stats::ctr::Numerator;
use crate::stats::days::{DaySum, LinkDay, Verdicts};
use crate::stats::series::begin;

/// The clicks of every link, by day and by hour. It refers to the days it was given and copies nothing of them but sums.
#[derive(Debug)]
pub(crate) struct ClickLog {
    zone: TimeZone,
    days: Vec<Arc<DaySum>>,
    /// When each of `days` begins and ends.
    bounds: Vec<Span>,
    /// The days of each link, in order.
    links: HashMap<LinkId, Vec<Place>>,
}

/// Where a link's day stands, and what all of its days up to the end of this one add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Which of the days, and which of that day's links.
    day: u32,
    at: u32,
    human: u64,
    visitors: u64,
    hits: u64,
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
        let mut links: HashMap<LinkId, Vec<Place>> = HashMap::new();
        for (day, sum) in (0..).zip(&days) {
            for (at, link) in (0..).zip(sum.links.iter()) {
                let places = links.entry(link.link).or_default();
                let before = places.last().copied().unwrap_or_default();
                places.push(Place { day, at, ..before }.and(&link));
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
            Numerator::Unique => self.by_day(link, span, |place| place.visitors),
            Numerator::All => self.by_day(link, span, |place| place.hits),
        }
    }

    /// A link's hits by verdict on the days that touch `span`.
    pub(crate) fn verdicts(&self, link: LinkId, span: Span) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for day in self.days_in(link, span) {
            verdicts.iter_mut().zip(day.verdicts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
        verdicts
    }

    /// A link's human clicks by where they were observed to come from, on the days that touch `span`.
    pub(crate) fn seen_on(&self, link: LinkId, span: Span) -> impl Iterator<Item = (&str, u64)> {
        self.days_in(link, span).flat_map(|day| day.seen_on())
    }

    fn days_in(&self, link: LinkId, span: Span) -> impl Iterator<Item = LinkDay<'_>> {
        let (_, places) = self.touched(link, span);
        places.iter().filter_map(|place| self.day(*place))
    }

    fn day(&self, place: Place) -> Option<LinkDay<'_>> {
        self.days[place.day as usize].links.at(place.at as usize)
    }

    /// The days of a link that touch `span`, and the one before them, or nothing.
    fn touched(&self, link: LinkId, span: Span) -> (Place, &[Place]) {
        let places = self.links.get(&link).map_or(&[][..], Vec::as_slice);
        let first = places.partition_point(|place| self.bounds[place.day as usize].end <= span.start);
        let end = places.partition_point(|place| self.bounds[place.day as usize].start < span.end);
        let before = first.checked_sub(1).map(|before| places[before]).unwrap_or_default();
        (before, &places[first.min(end)..end])
    }

    /// Days that lie wholly in the span count by their sums; of the first and the last one the hours decide.
    fn human(&self, link: LinkId, span: Span) -> u64 {
        let (mut before, mut days) = self.touched(link, span);
        let mut clicks = 0_u64;
        if let Some((first, rest)) = days.split_first().filter(|(first, _)| self.is_cut(**first, span)) {
            clicks = self.within(*first, span);
            (before, days) = (*first, rest);
        }
        if let Some((last, rest)) = days.split_last().filter(|(last, _)| self.is_cut(**last, span)) {
            clicks = clicks.saturating_add(self.within(*last, span));
            days = rest;
        }
        days.last().map_or(clicks, |last| clicks.saturating_add(last.human - before.human))
    }

    fn by_day(&self, link: LinkId, span: Span, sum: impl Fn(&Place) -> u64) -> Counted {
        let (before, days) = self.touched(link, span);
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Counted::default() };
        let before_last = if days.len() > 1 { days[days.len() - 2] } else { before };
        let has_cut = |day: Place, before: Place| self.is_cut(day, span) && sum(&day) > sum(&before);
        let whole_day = has_cut(*first, before) || has_cut(*last, before_last);
        Counted { clicks: sum(last) - sum(&before), whole_day }
    }

    /// Whether only a part of the day lies in the span.
    fn is_cut(&self, place: Place, span: Span) -> bool {
        let bounds = self.bounds[place.day as usize];
        bounds.start < span.start || span.end < bounds.end
    }

    /// The human clicks of the day's hours that begin in the span.
    fn within(&self, place: Place, span: Span) -> u64 {
        let hours = self.day(place).into_iter().flat_map(|day| day.hours());
        let within = hours.filter(|(hour, _)| span.start <= *hour && *hour < span.end);
        within.fold(0, |sum, (_, count)| sum.saturating_add(count))
    }
}

impl Place {
    fn and(self, day: &LinkDay<'_>) -> Self {
        Self {
            human: self.human.saturating_add(day.by_hour),
            visitors: self.visitors.saturating_add(day.visitors),
            hits: self.hits.saturating_add(day.count().hits),
            ..self
        }
    }
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
