//! The clicks of links, laid out so that those between two instants are found at once.
//!
//! Pure. It must never guess within an hour: human clicks are known by the hour they happened in, and everything else
//! by the day.

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::link::LinkId;
use crate::stats::ctr::Numerator;
use crate::stats::days::{LinkDay, Verdicts};
use crate::stats::series::begin;

/// The clicks of every link, by day and by hour.
#[derive(Debug)]
pub(crate) struct ClickLog {
    zone: TimeZone,
    links: HashMap<LinkId, LinkClicks>,
    /// When the days of the report time zone begin: asked of the zone once for each day, not for each link.
    begins: BTreeMap<Date, Timestamp>,
}

#[derive(Debug, Default)]
struct LinkClicks {
    /// In order.
    days: Vec<DayClicks>,
    /// When an hour began, and the human clicks up to its end; in order.
    hours: Vec<(Timestamp, u64)>,
}

#[derive(Debug)]
struct DayClicks {
    start: Timestamp,
    end: Timestamp,
    verdicts: Verdicts,
    visitors: u64,
    /// Human clicks by where they were observed to come from.
    seen_on: Vec<(CompactString, u64)>,
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
    /// `zone` is the report time zone, in whose days clicks are counted.
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self { zone, links: HashMap::new(), begins: BTreeMap::new() }
    }

    /// Takes one link's day in; days of one link come in order.
    pub(crate) fn add(&mut self, day: Date, counted: &LinkDay) {
        let (start, end) = (self.begin(day), self.begin(day.tomorrow().unwrap_or(day)));
        let seen_on = counted.seen_on.clone();
        let (verdicts, visitors) = (counted.verdicts, counted.visitors);
        let link = self.links.entry(counted.link).or_default();
        link.days.push(DayClicks { start, end, verdicts, visitors, seen_on });
        let mut sum = link.hours.last().map_or(0, |(_, sum)| *sum);
        for (began, count) in &counted.hours {
            sum = sum.saturating_add(*count);
            link.hours.push((*began, sum));
        }
    }

    fn begin(&mut self, day: Date) -> Timestamp {
        *self.begins.entry(day).or_insert_with(|| begin(day, &self.zone))
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A link's clicks in `span`. Human clicks count where their hour begins, so that none counts in two spans that
    /// meet; others count with their whole day.
    pub(crate) fn count(&self, link: LinkId, numerator: Numerator, span: Span) -> Counted {
        let Some(clicks) = self.links.get(&link).filter(|_| span.start < span.end) else { return Counted::default() };
        match numerator {
            Numerator::Human => Counted { clicks: clicks.human(span), whole_day: false },
            Numerator::Unique => clicks.by_day(span, |day| day.visitors),
            Numerator::All => clicks.by_day(span, |day| sum(&day.verdicts)),
        }
    }

    /// A link's hits by verdict on the days that touch `span`.
    pub(crate) fn verdicts(&self, link: LinkId, span: Span) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for day in self.links.get(&link).into_iter().flat_map(|clicks| clicks.days_in(span)) {
            verdicts.iter_mut().zip(day.verdicts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
        verdicts
    }

    /// A link's human clicks by where they were observed to come from, on the days that touch `span`.
    pub(crate) fn seen_on(&self, link: LinkId, span: Span) -> impl Iterator<Item = (&str, u64)> {
        let days = self.links.get(&link).into_iter().flat_map(move |clicks| clicks.days_in(span));
        days.flat_map(|day| day.seen_on.iter().map(|(place, count)| (place.as_str(), *count)))
    }
}

impl LinkClicks {
    fn human(&self, span: Span) -> u64 {
        let until = |at: usize| at.checked_sub(1).map_or(0, |at| self.hours[at].1);
        let first = self.hours.partition_point(|(hour, _)| *hour < span.start);
        let end = self.hours.partition_point(|(hour, _)| *hour < span.end);
        until(end).saturating_sub(until(first.min(end)))
    }

    fn days_in(&self, span: Span) -> &[DayClicks] {
        let first = self.days.partition_point(|day| day.end <= span.start);
        let end = self.days.partition_point(|day| day.start < span.end);
        &self.days[first.min(end)..end]
    }

    fn by_day(&self, span: Span, count: impl Fn(&DayClicks) -> u64) -> Counted {
        let days = self.days_in(span);
        let is_partly_in = |day: &DayClicks| (day.start < span.start || span.end < day.end) && count(day) > 0;
        Counted {
            clicks: days.iter().fold(0, |sum, day| sum.saturating_add(count(day))),
            whole_day: days.iter().any(is_partly_in),
        }
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
        let mut log = ClickLog::new(TimeZone::UTC);
        for (day, hours, visitors) in [(3, &[("08", 5), ("10", 7)][..], 10), (4, &[("10", 3)], 3)] {
            let mut counters = Counters::new();
            for (hour, count) in hours {
                counters.add(Dimension::Verdict, "human", *count);
                counters.add(Dimension::Verdict, "bot", *count);
                counters.add(Dimension::Hour, &format!("2026-11-0{day}T{hour}:00Z"), *count);
            }
            let day = DayCounters { link: LinkId(1), day: date(2026, 11, day), counters, visitors };
            log.add(day.day, &LinkDay::of(&day));
        }
        log
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
