//! What each link counted on one day, as far as rates and lists of links need it: packed, in the order of links.
//!
//! A link and day take some hundred bytes, so that all days of a year stay in memory. It must never hold bytes that were not
//! looked at from end to end.

use hashbrown::HashMap;
use jiff::{SignedDuration, Timestamp};

use super::pack::{Reader, put, put_text};
use crate::domain::counter::{Count, DayCounters, Dimension, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::stats::series::parse_hour;

/// Hits by verdict, in the order of [`Verdict::ALL`].
pub(crate) type Verdicts = [u64; Verdict::ALL.len()];

/// The links of one day of the report time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayLinks {
    /// Visitors of each link added up.
    pub(super) visitors: u64,
    pub(super) count: Count,
    /// Names of sources and places, in the order in which `bytes` number them.
    names: Vec<String>,
    /// A record for each link: which verdicts it has, a bit for each; how many hits of each of them; visitors; human clicks
    /// of all hours; how many hours, and of each how many minutes after the one before it began and its clicks; how many places
    /// they were seen on, and of each its number and its clicks; the same of sources.
    bytes: Vec<u8>,
    /// Where the record of each link begins.
    places: Vec<(LinkId, u32)>,
}

/// What one link counted on one day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkDay<'a> {
    pub(crate) link: LinkId,
    pub(crate) verdicts: Verdicts,
    pub(crate) visitors: u64,
    /// Human clicks of all hours.
    pub(crate) by_hour: u64,
    names: &'a [String],
    /// From the number of its hours on.
    rest: Reader<'a>,
}

impl LinkDay<'_> {
    /// What it is made of.
    pub(crate) const COUNTERS: Dimensions =
        Dimensions::of(&[Dimension::Verdict, Dimension::Source, Dimension::SeenOn, Dimension::Hour]);
}

impl<'a> LinkDay<'a> {
    pub(crate) fn count(&self) -> Count {
        let hits = self.verdicts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        Count { clicks: self.verdicts[Verdict::Human as usize], hits }
    }

    /// Human clicks by the instant at which their hour began, in order.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (Timestamp, u64)> + use<'a> {
        let mut rest = self.rest;
        let (number, mut minute) = (rest.number().unwrap_or(0), 0_u64);
        (0..number).map_while(move |_| {
            minute = minute.checked_add(rest.number()?)?;
            Some((at_minute(minute)?, rest.number()?))
        })
    }

    /// Human clicks by where they were observed to come from.
    pub(crate) fn seen_on(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        self.named(1)
    }

    /// Human clicks by source.
    pub(super) fn source(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        self.named(2)
    }

    /// What the list with this number says; the first one has the hours.
    fn named(&self, list: usize) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let (mut rest, names) = (self.rest, self.names);
        let skipped = (0..list).try_for_each(|_| skip(&mut rest));
        let number = skipped.and_then(|()| rest.number()).unwrap_or(0);
        (0..number).map_while(move |_| {
            let name = names.get(usize::try_from(rest.number()?).ok()?)?;
            Some((name.as_str(), rest.number()?))
        })
    }

    /// `None` when the bytes are none of ours. What follows is what other links have.
    fn read(link: LinkId, names: &'a [String], bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let which = reader.take(1)?[0];
        let mut verdicts = Verdicts::default();
        for (_, count) in verdicts.iter_mut().enumerate().filter(|(at, _)| which & 1 << at != 0) {
            *count = reader.number()?;
        }
        let (visitors, by_hour) = (reader.number()?, reader.number()?);
        Some(Self { link, verdicts, visitors, by_hour, names, rest: reader })
    }

    /// What follows it; `None` when a part of it is missing.
    fn end(&self) -> Option<Reader<'a>> {
        let (mut reader, mut minute) = (self.rest, 0_u64);
        for _ in 0..reader.number()? {
            minute = minute.checked_add(reader.number()?)?;
            at_minute(minute)?;
            reader.number()?;
        }
        for _ in [Dimension::SeenOn, Dimension::Source] {
            for _ in 0..reader.number()? {
                self.names.get(usize::try_from(reader.number()?).ok()?)?;
                reader.number()?;
            }
        }
        Some(reader)
    }
}

/// Goes past a list of pairs.
fn skip(reader: &mut Reader<'_>) -> Option<()> {
    let pairs = reader.number()?;
    (0..pairs.checked_mul(2)?).try_for_each(|_| reader.number().map(drop))
}

fn at_minute(minute: u64) -> Option<Timestamp> {
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_mins(i64::try_from(minute).ok()?)).ok()
}

/// Which minute since 1970 it is; hours of all zones begin with one.
fn minute_of(hour: Timestamp) -> Option<u64> {
    u64::try_from(hour.as_second()).ok().map(|second| second / 60)
}

impl DayLinks {
    /// Links in any order; their days are not looked at.
    pub(super) fn of(counters: &[DayCounters]) -> Self {
        let mut sorted: Vec<&DayCounters> = counters.iter().collect();
        sorted.sort_by_key(|counted| counted.link);
        let (mut links, mut minutes) = (Self::default(), HashMap::new());
        for counted in sorted {
            links.begin(counted.link, &verdicts_of(counted), counted.visitors);
            let hours = counted.counters.iter().filter(|(dimension, ..)| *dimension == Dimension::Hour);
            let mut hours: Vec<(u64, u64)> = hours
                .filter_map(|(_, hour, count)| {
                    let minute = minutes.entry_ref(hour).or_insert_with(|| parse_hour(hour).and_then(minute_of));
                    Some(((*minute)?, count))
                })
                .collect();
            hours.sort_unstable();
            links.put_hours(&hours);
            for list in [Dimension::SeenOn, Dimension::Source] {
                let counts = counted.counters.iter().filter(|(dimension, ..)| *dimension == list);
                links.put_named(counts.map(|(_, name, count)| (name, count)).collect());
            }
        }
        links
    }

    /// Those of them that are asked for.
    pub(super) fn only(&self, asked: impl Fn(LinkId) -> bool) -> Self {
        let mut links = Self::default();
        for day in self.iter().filter(|day| asked(day.link)) {
            links.begin(day.link, &day.verdicts, day.visitors);
            let hours: Vec<_> = day.hours().filter_map(|(hour, count)| Some((minute_of(hour)?, count))).collect();
            links.put_hours(&hours);
            links.put_named(day.seen_on().collect());
            links.put_named(day.source().collect());
        }
        links
    }

    fn begin(&mut self, link: LinkId, verdicts: &Verdicts, visitors: u64) {
        let at = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.places.push((link, at));
        let which =
            verdicts.iter().enumerate().filter(|(_, count)| **count > 0).fold(0, |bits, (at, _)| bits | 1_u8 << at);
        self.bytes.push(which);
        verdicts.iter().filter(|count| **count > 0).for_each(|count| put(&mut self.bytes, *count));
        put(&mut self.bytes, visitors);
        self.visitors = self.visitors.saturating_add(visitors);
        let hits = verdicts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        self.count.add(Count { clicks: verdicts[Verdict::Human as usize], hits });
    }

    fn put_hours(&mut self, hours: &[(u64, u64)]) {
        put(&mut self.bytes, hours.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count)));
        put(&mut self.bytes, hours.len() as u64);
        let mut before = 0;
        for (minute, count) in hours {
            put(&mut self.bytes, minute - before);
            put(&mut self.bytes, *count);
            before = *minute;
        }
    }

    fn put_named(&mut self, counts: Vec<(&str, u64)>) {
        put(&mut self.bytes, counts.len() as u64);
        for (name, count) in counts {
            let known = self.names.iter().position(|known| known == name);
            let at = known.unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            });
            put(&mut self.bytes, at as u64);
            put(&mut self.bytes, count);
        }
    }

    /// In the order of links.
    pub(crate) fn iter(&self) -> impl Iterator<Item = LinkDay<'_>> {
        (0..self.places.len()).filter_map(|at| self.at(at))
    }

    /// The link with this number among those of the day, from 0.
    pub(crate) fn at(&self, at: usize) -> Option<LinkDay<'_>> {
        let (link, begin) = *self.places.get(at)?;
        LinkDay::read(link, &self.names, self.bytes.get(begin as usize..)?)
    }

    pub(crate) fn get(&self, link: LinkId) -> Option<LinkDay<'_>> {
        let at = self.places.binary_search_by_key(&link, |(known, _)| *known).ok()?;
        self.at(at)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put(out, self.names.len() as u64);
        self.names.iter().for_each(|name| put_text(out, name));
        put(out, self.places.len() as u64);
        let mut before = 0;
        for (link, _) in &self.places {
            put(out, link.0 - before);
            before = link.0;
        }
        put(out, self.bytes.len() as u64);
        out.extend_from_slice(&self.bytes);
    }

    /// `None` when the bytes are none of ours.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut links = Self::default();
        for _ in 0..reader.number()? {
            links.names.push(reader.text()?.to_owned());
        }
        let (mut ids, mut before) = (Vec::new(), 0_u64);
        for at in 0..reader.number()? {
            let step = reader.number()?;
            if at > 0 && step == 0 {
                return None;
            }
            before = before.checked_add(step)?;
            ids.push(LinkId(before));
        }
        let length = usize::try_from(reader.number()?).ok()?;
        links.bytes = reader.take(length)?.to_vec();
        links.find(&ids)?;
        Some(links)
    }

    /// Walks over all records: where each begins, and what they add up to.
    fn find(&mut self, ids: &[LinkId]) -> Option<()> {
        let (mut rest, mut places) = (Reader(&self.bytes), Vec::with_capacity(ids.len()));
        let (mut visitors, mut sum) = (0_u64, Count::default());
        for id in ids {
            places.push((*id, u32::try_from(self.bytes.len() - rest.0.len()).ok()?));
            let day = LinkDay::read(*id, &self.names, rest.0)?;
            visitors = visitors.saturating_add(day.visitors);
            sum.add(day.count());
            rest = day.end()?;
        }
        if !rest.is_empty() {
            return None;
        }
        (self.places, self.visitors, self.count) = (places, visitors, sum);
        Some(())
    }

    pub(super) fn bytes_held(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len() + size_of::<String>()).sum();
        size_of::<Self>() + self.bytes.len() + self.places.len() * size_of::<(LinkId, u32)>() + names
    }
}

fn verdicts_of(counted: &DayCounters) -> Verdicts {
    Verdict::ALL.map(|verdict| counted.counters.get(Dimension::Verdict, verdict.as_str()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::Counters;

    fn counted(link: u64, human: u64, hours: &[(&str, u64)], seen_on: &[(&str, u64)]) -> DayCounters {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", human);
        counters.add(Dimension::Verdict, "owner", 1);
        hours.iter().for_each(|(hour, count)| counters.add(Dimension::Hour, hour, *count));
        seen_on.iter().for_each(|(name, count)| counters.add(Dimension::SeenOn, name, *count));
        DayCounters { link: LinkId(link), day: date(2026, 11, 21), counters, visitors: human / 2 }
    }

    fn links() -> DayLinks {
        let hours = [("2026-11-21T13:00Z", 3), ("2026-11-21T09:30Z", 2), ("no hour", 7)];
        let mut second = counted(2, u64::MAX, &[], &[]);
        second.visitors = 4;
        DayLinks::of(&[second, counted(1, 5, &hours, &[("x", 4), ("facebook", 1)]), counted(700, 1, &[], &[("x", 1)])])
    }

    #[test]
    fn a_link_is_found_with_what_it_counted() {
        let links = links();
        let first = links.get(LinkId(1)).unwrap();
        assert_eq!((first.count(), first.visitors, first.by_hour), (Count { clicks: 5, hits: 6 }, 2, 5));
        let hours: Vec<_> = first.hours().map(|(hour, count)| (hour.to_string(), count)).collect();
        assert_eq!(hours, [("2026-11-21T09:30:00Z".to_owned(), 2), ("2026-11-21T13:00:00Z".to_owned(), 3)]);
        assert_eq!(first.seen_on().collect::<Vec<_>>(), [("facebook", 1), ("x", 4)]);
        assert_eq!(links.get(LinkId(700)).unwrap().seen_on().collect::<Vec<_>>(), [("x", 1)]);
        assert!(links.get(LinkId(3)).is_none());
        assert_eq!((links.visitors, links.count.clicks, links.iter().count()), (6, u64::MAX, 3));
    }

    #[test]
    fn some_links_of_a_day_are_as_they_were() {
        let some = links().only(|link| link != LinkId(2));
        assert_eq!((some.iter().count(), some.count), (2, Count { clicks: 6, hits: 8 }));
        assert_eq!(some.get(LinkId(1)).unwrap().hours().count(), 2);
        assert_eq!(some, DayLinks::read(&mut Reader(&written(&some))).unwrap());
    }

    fn written(links: &DayLinks) -> Vec<u8> {
        let mut bytes = Vec::new();
        links.write(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_written_is_read_and_cut_or_changed_bytes_are_refused_or_harmless() {
        let bytes = written(&links());
        assert_eq!(DayLinks::read(&mut Reader(&bytes)).unwrap(), links());
        for end in 0..bytes.len() {
            assert!(DayLinks::read(&mut Reader(&bytes[..end])).is_none(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            let Some(links) = DayLinks::read(&mut Reader(&changed)) else { continue };
            links.iter().for_each(|day| {
                day.hours().for_each(drop);
                day.source().for_each(drop);
            });
        }
    }
}
