//! Which clicks belong to which impressions: the same links, the same days, up to the same instant.
//!
//! Pure. It must never add numbers of two kinds, take a missing number for 0, or count a click of a day without
//! impressions.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::counter::DayCounters;
use crate::domain::impression::{Kind, StoredImpression, Subject};
use crate::domain::link::LinkId;
use crate::domain::permalink;
use crate::stats::ctr::Numerator;
use crate::stats::ctr::groups::{Component, Group};
use crate::stats::query::Window;
use crate::stats::series::{Totals, begin, clicks_by_hour};

/// The clicks of links by day, and by hour on the days that an import ended in.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClickDays {
    days: HashMap<LinkId, BTreeMap<Date, DayClicks>>,
}

#[derive(Clone, Debug, Default)]
struct DayClicks {
    totals: Totals,
    hours: Vec<(Timestamp, u64)>,
}

impl ClickDays {
    /// Takes one link's day in; its hours only where `with_hours`, because they are most of the bytes.
    pub(crate) fn add(&mut self, counters: &DayCounters, with_hours: bool) {
        let day = self.days.entry(counters.link).or_default().entry(counters.day).or_default();
        day.totals.add(Totals::of(counters));
        if with_hours {
            day.hours.extend(clicks_by_hour(counters));
        }
    }

    /// All clicks of a link in the window.
    fn of_link(&self, link: LinkId, numerator: Numerator, window: Window) -> u64 {
        let days = self.days.get(&link).into_iter().flat_map(|days| days.range(window.first()..=window.last()));
        days.fold(0, |sum: u64, (_, day)| sum.saturating_add(numerator.of(day.totals)))
    }

    fn of_day(&self, link: LinkId, day: Date) -> Option<&DayClicks> {
        self.days.get(&link)?.get(&day)
    }
}

/// The imported numbers in force, by kind and subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    numbers: BTreeMap<Kind, HashMap<Subject, BTreeMap<Date, Number>>>,
}

/// What a platform said about one subject and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) count: u64,
    pub(crate) as_of: Timestamp,
}

impl Book {
    /// Of two numbers for one subject, day and kind the newer wins.
    pub(crate) fn new<'a>(impressions: impl IntoIterator<Item = &'a StoredImpression>) -> Self {
        let mut book = Self::default();
        for stored in impressions {
            let impression = &stored.impression;
            let subject = match &impression.subject {
                Subject::Post(post) => Subject::Post(permalink::canonical(post)),
                link @ Subject::Link(_) => link.clone(),
            };
            let days = book.numbers.entry(impression.kind).or_default().entry(subject).or_default();
            let number = Number { count: impression.count, as_of: stored.as_of };
            let kept = days.entry(impression.day).or_insert(number);
            if kept.as_of <= number.as_of {
                *kept = number;
            }
        }
        book
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.numbers.keys().copied()
    }

    /// Every subject of a kind with its days.
    pub(crate) fn subjects(&self, kind: Kind) -> impl Iterator<Item = (&Subject, &BTreeMap<Date, Number>)> {
        self.numbers.get(&kind).into_iter().flatten()
    }

    fn days(&self, kind: Kind, subject: &Subject) -> Option<&BTreeMap<Date, Number>> {
        self.numbers.get(&kind)?.get(subject)
    }
}

/// The days on which an import ended, whose clicks are therefore needed by the hour.
pub(crate) fn days_cut(impressions: &[StoredImpression], zone: &TimeZone) -> std::collections::BTreeSet<Date> {
    let cut = |stored: &&StoredImpression| stored.as_of < day_end(stored.impression.day, zone);
    impressions.iter().filter(cut).map(|stored| stored.impression.day).collect()
}

fn day_end(day: Date, zone: &TimeZone) -> Timestamp {
    begin(day.tomorrow().unwrap_or(day), zone)
}

/// Clicks and impressions of one group and kind that describe the same events, and what had to be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paired {
    pub(crate) clicks: u64,
    pub(crate) impressions: u64,
    /// How many imported numbers `impressions` is the sum of.
    pub(crate) numbers: usize,
    /// How many sets of links and posts were pooled.
    pub(crate) pooled: usize,
    /// The latest instant until which the numbers hold.
    pub(crate) as_of: Option<Timestamp>,
    /// Clicks after the as-of of their day.
    pub(crate) after_as_of: u64,
    /// Days left out because a post that has numbers before has none there.
    pub(crate) days_incomplete: usize,
    /// Posts of these links without any number of this kind: their clicks are among `clicks`.
    pub(crate) missing: Vec<Subject>,
    /// Whether the clicks of a day that an import ended in are counted whole.
    pub(crate) whole_day: bool,
    /// Whether single links have numbers that their posts' numbers were preferred to.
    pub(crate) links_unused: bool,
}

/// Pairs the clicks of a group with its impressions of one kind; `None` when nothing was imported for it.
pub(crate) fn pair(group: &Group, kind: Kind, book: &Book, days: &Days<'_>) -> Option<Paired> {
    let mut paired = Paired::default();
    for component in &group.components {
        for unit in units(component, kind, book, &mut paired) {
            days.add_unit(&unit, &mut paired);
        }
    }
    (paired.pooled > 0).then_some(paired)
}

/// Links whose clicks are divided together, with the numbers of each day.
struct Unit<'a> {
    links: &'a [LinkId],
    days: BTreeMap<Date, DayNumbers>,
}

/// The sum of one day's numbers. Where they hold until different instants, the earliest cuts the clicks.
#[derive(Clone, Copy, Debug)]
struct DayNumbers {
    count: u64,
    numbers: usize,
    earliest: Timestamp,
    latest: Timestamp,
}

impl DayNumbers {
    fn of(number: Number) -> Self {
        Self { count: number.count, numbers: 1, earliest: number.as_of, latest: number.as_of }
    }

    fn and(self, number: Number) -> Self {
        Self {
            count: self.count.saturating_add(number.count),
            numbers: self.numbers + 1,
            earliest: self.earliest.min(number.as_of),
            latest: self.latest.max(number.as_of),
        }
    }
}

/// A link's own numbers are about that link alone, so they win for a single link; links that share posts can
/// only be counted against the posts, unless nothing but their own numbers is there.
fn units<'a>(component: &'a Component, kind: Kind, book: &Book, paired: &mut Paired) -> Vec<Unit<'a>> {
    let own: Vec<_> = component.links.chunks(1).filter_map(|link| own_unit(link, kind, book)).collect();
    if component.links.len() == 1 && !own.is_empty() {
        return own;
    }
    match posts_unit(component, kind, book, paired) {
        Some(unit) => {
            paired.links_unused |= !own.is_empty();
            vec![unit]
        }
        None => own,
    }
}

fn own_unit<'a>(link: &'a [LinkId], kind: Kind, book: &Book) -> Option<Unit<'a>> {
    let numbers = book.days(kind, &Subject::Link(*link.first()?))?;
    Some(Unit { links: link, days: numbers.iter().map(|(day, number)| (*day, DayNumbers::of(*number))).collect() })
}

fn posts_unit<'a>(component: &'a Component, kind: Kind, book: &Book, paired: &mut Paired) -> Option<Unit<'a>> {
    let (known, missing): (Vec<_>, Vec<_>) =
        component.posts.iter().map(|post| (post, book.days(kind, post))).partition(|(_, days)| days.is_some());
    if known.is_empty() {
        return None;
    }
    paired.missing.extend(missing.into_iter().map(|(post, _)| post.clone()));
    let posts: Vec<_> = known.into_iter().filter_map(|(_, days)| days).collect();
    let days = complete_days(&posts, &mut paired.days_incomplete);
    Some(Unit { links: &component.links, days })
}

/// The days on which every post has a number that had one on that day or before. A post that comes later was
/// not there yet; one that stops has an unknown number, which is not 0.
fn complete_days(posts: &[&BTreeMap<Date, Number>], incomplete: &mut usize) -> BTreeMap<Date, DayNumbers> {
    let mut sums: BTreeMap<Date, DayNumbers> = BTreeMap::new();
    for (day, number) in posts.iter().flat_map(|days| days.iter()) {
        let sum = sums.get(day).map_or_else(|| DayNumbers::of(*number), |sum| sum.and(*number));
        sums.insert(*day, sum);
    }
    let mut starts: Vec<_> = posts.iter().filter_map(|days| days.keys().next().copied()).collect();
    starts.sort_unstable();
    let all = sums.len();
    sums.retain(|day, sum| sum.numbers == starts.partition_point(|start| start <= day));
    *incomplete += all - sums.len();
    sums
}

/// The clicks to pair with, how to count them, and where days begin.
pub(crate) struct Days<'a> {
    pub(crate) clicks: &'a ClickDays,
    pub(crate) numerator: Numerator,
    pub(crate) zone: &'a TimeZone,
    pub(crate) window: Window,
}

impl Days<'_> {
    /// All clicks of a group in the window, whether or not there are impressions for them.
    pub(crate) fn total(&self, group: &Group) -> u64 {
        let of_link = |link| self.clicks.of_link(link, self.numerator, self.window);
        group.links().map(of_link).fold(0, u64::saturating_add)
    }

    fn add_unit(&self, unit: &Unit<'_>, paired: &mut Paired) {
        paired.pooled += 1;
        for (day, numbers) in unit.days.iter().filter(|(day, _)| self.window.contains(**day)) {
            paired.impressions = paired.impressions.saturating_add(numbers.count);
            paired.numbers += numbers.numbers;
            paired.as_of = paired.as_of.max(Some(numbers.latest));
            let cut = numbers.earliest < day_end(*day, self.zone);
            for clicks in unit.links.iter().filter_map(|link| self.clicks.of_day(*link, *day)) {
                self.add_clicks(clicks, *day, cut.then_some(numbers.earliest), paired);
            }
        }
    }

    /// Adds one link's clicks of a day, up to `cut` if the numbers end within or before it.
    fn add_clicks(&self, clicks: &DayClicks, day: Date, cut: Option<Timestamp>, paired: &mut Paired) {
        let all = self.numerator.of(clicks.totals);
        let before = match (cut, self.numerator) {
            (None, _) => all,
            (Some(cut), Numerator::Human) => hours_before(&clicks.hours, cut).min(all),
            (Some(cut), _) if cut <= begin(day, self.zone) => 0,
            (Some(_), _) => {
                paired.whole_day |= all > 0;
                all
            }
        };
        paired.clicks = paired.clicks.saturating_add(before);
        paired.after_as_of = paired.after_as_of.saturating_add(all - before);
    }
}

/// Clicks of the hours that began before `cut`.
fn hours_before(hours: &[(Timestamp, u64)], cut: Timestamp) -> u64 {
    hours.iter().filter(|(hour, _)| *hour < cut).fold(0, |sum, (_, count)| sum.saturating_add(*count))
}
