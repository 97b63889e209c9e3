//! Rolling up: which counters a batch of clicks moves, by how much, and which visitors it adds. Pure.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::{Equivalent, HashMap};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::click::{ClickOf, Look, Origin, Place};
use crate::domain::counter::{Counters, Delta, Dimension, UNKNOWN, VALUE_BYTES_MAX};
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;

/// The word for the referrer of a click that has none.
const NO_REFERRER: &str = "(none)";

const HOUR_MS: i64 = 3_600_000;

/// The day and hour of instants in the report time zone. Clicks come nearly in order, so the last answer is kept.
pub(crate) struct Calendar {
    zone: TimeZone,
    /// `from_ms..to_ms` lies within one local hour.
    from_ms: i64,
    to_ms: i64,
    day: Date,
    hour: CompactString,
}

impl Calendar {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self { zone, from_ms: 0, to_ms: 0, day: Date::ZERO, hour: CompactString::const_new("") }
    }

    pub(crate) fn day(&mut self, time_ms: i64) -> Date {
        self.look_up(time_ms);
        self.day
    }

    /// The instant at which the local hour began, such as `2026-11-21T13:00Z`.
    fn hour(&mut self, time_ms: i64) -> &str {
        self.look_up(time_ms);
        &self.hour
    }

    /// The same in milliseconds.
    fn hour_begins(&mut self, time_ms: i64) -> i64 {
        self.look_up(time_ms);
        self.from_ms
    }

    fn look_up(&mut self, time_ms: i64) {
        if (self.from_ms..self.to_ms).contains(&time_ms) {
            return;
        }
        let instant = jiff::Timestamp::from_millisecond(time_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let local = self.zone.to_datetime(instant);
        let into_hour_ms =
            i64::from(local.minute()) * 60_000 + i64::from(local.second()) * 1000 + i64::from(local.millisecond());
        self.from_ms = instant.as_millisecond() - into_hour_ms;
        // An offset that changes within the hour (Lord Howe Island) ends the answer early.
        let next_change =
            self.zone.following(instant).next().map_or(i64::MAX, |change| change.timestamp().as_millisecond());
        self.to_ms = (self.from_ms + HOUR_MS).min(next_change);
        self.day = local.date();
        let start = jiff::Timestamp::from_millisecond(self.from_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.hour = CompactString::from(start.strftime("%Y-%m-%dT%H:%MZ").to_string());
    }
}

/// Adds up clicks, one at a time, into one delta per link and day. Its room serves one batch after the other.
#[derive(Default)]
pub(crate) struct Rollup {
    index: HashMap<(LinkId, Date), usize>,
    days: Vec<LinkDay>,
}

struct LinkDay {
    link: LinkId,
    day: Date,
    /// The numbers of the parts of every click, as they came.
    parts: Vec<u32>,
    visitors: Vec<Visitor>,
}

impl Rollup {
    /// Drops what was added and not finished.
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.days.clear();
    }

    /// `values` are the same from the first click to [`Self::finish`].
    pub(crate) fn add(&mut self, click: &ClickOf<'_>, calendar: &mut Calendar, values: &mut Values) {
        let key = (click.link.id, calendar.day(click.time_ms));
        let days = &mut self.days;
        let at = *self.index.entry(key).or_insert_with(|| {
            days.push(LinkDay { link: key.0, day: key.1, parts: Vec::with_capacity(8), visitors: Vec::new() });
            days.len() - 1
        });
        let day = &mut self.days[at];
        if click.verdict != Verdict::Human {
            day.parts.push(values.judgement(click));
            return;
        }
        day.parts.extend(values.human(click, calendar));
        if !click.unfilled.is_empty() {
            day.parts.push(values.unfilled(&click.unfilled));
        }
        day.visitors.push(click.visitor);
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
    ) -> Vec<Vec<Delta>> {
        let mut deltas: Vec<Vec<Delta>> = (0..shards).map(|_| Vec::new()).collect();
        values.texts.rank();
        let mut counts = Vec::new();
        self.index.clear();
        for day in self.days.drain(..) {
            deltas[shard_of(day.link)].push(day.into_delta(values, &mut counts));
        }
        deltas
    }
}

impl LinkDay {
    /// Each part is taken apart once, however many clicks had it. `counts` is room to do it in.
    fn into_delta(mut self, values: &Values, counts: &mut Vec<(u32, u32)>) -> Delta {
        let Values { texts, parts, .. } = values;
        self.parts.sort_unstable();
        counts.clear();
        for same in self.parts.chunk_by(|one, next| one == next) {
            let count = u32::try_from(same.len()).expect("a batch has fewer clicks than a u32 counts");
            counts.extend(parts[same[0] as usize].iter().map(|number| (texts.ranks[*number as usize], count)));
        }
        counts.sort_unstable_by_key(|(rank, _)| *rank);
        counts.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            kept.1 += if is_same { next.1 } else { 0 };
            is_same
        });
        let named = |(rank, count): &(u32, u32)| {
            let value = &texts.known[texts.ordered[*rank as usize] as usize];
            (value.dimension, value.text.clone(), u64::from(*count))
        };
        let counters = Counters::in_order(counts.iter().map(named));
        self.visitors.sort_unstable();
        self.visitors.dedup();
        Delta { link: self.link, day: self.day, counters, visitors: self.visitors }
    }
}

/// Values seen, numbered, so that adding up compares numbers and not texts. Kept from batch to batch.
///
/// A part is a group of values that clicks have together, such as all that their look tells. Clicks are added up by their
/// parts.
#[derive(Default)]
pub(crate) struct Values {
    texts: Texts,
    /// The values of each part.
    parts: Vec<Box<[u32]>>,
    judgements: HashMap<Judgement, u32>,
    /// By the instant at which they began.
    hours: HashMap<i64, u32>,
    unfilled: HashMap<CompactString, u32>,
    origins: Shared<Origin>,
    places: Shared<Place>,
    looks: Shared<Look>,
}

/// Every value, each with its number.
#[derive(Default)]
struct Texts {
    numbers: HashMap<Value, u32>,
    known: Vec<Value>,
    /// Numbers met lately, by what is quickly made of a value: most clicks repeat one of a handful.
    recent: Recent,
    /// The numbers in the order of their values, and of each number its place there, as far as there were values when
    /// they were last ranked.
    ordered: Vec<u32>,
    ranks: Vec<u32>,
}

/// The parts that many clicks share, by address: what stands there is kept alive here, so an address means one thing for
/// as long.
struct Shared<T>(HashMap<usize, (Arc<T>, u32)>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Shared<T> {
    fn part(&mut self, one: &Arc<T>, learn: impl FnOnce(&T) -> u32) -> u32 {
        self.0.entry(Arc::as_ptr(one) as usize).or_insert_with(|| (Arc::clone(one), learn(one))).1
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Judgement {
    verdict: Verdict,
    reason: CompactString,
}

/// A judgement that is asked for without being made.
#[derive(Hash)]
struct Given<'a> {
    verdict: Verdict,
    reason: &'a str,
}

impl Equivalent<Judgement> for Given<'_> {
    fn equivalent(&self, judgement: &Judgement) -> bool {
        self.verdict == judgement.verdict && self.reason == judgement.reason
    }
}

fn of_origin(origin: &Origin, texts: &mut Texts) -> [u32; 3] {
    [
        texts.number(Dimension::Source, &origin.source),
        texts.number(Dimension::Channel, &origin.channel),
        texts.number(Dimension::SeenOn, known(&origin.seen_on)),
    ]
}

fn of_place(place: &Place, texts: &mut Texts) -> [u32; 3] {
    [
        texts.number(Dimension::Country, known(&place.country)),
        texts.number(Dimension::Region, &within(&place.country, &place.region)),
        texts.number(Dimension::City, &within(&place.country, &place.city)),
    ]
}

fn of_look(look: &Look, texts: &mut Texts) -> [u32; 5] {
    let referrer = if look.referrer_host.is_empty() { NO_REFERRER } else { &look.referrer_host };
    [
        texts.number(Dimension::Referrer, referrer),
        texts.number(Dimension::Device, look.device.as_str()),
        texts.number(Dimension::Os, known(&look.os)),
        texts.number(Dimension::Browser, known(&look.browser)),
        texts.number(Dimension::Language, known(&look.language)),
    ]
}

const RECENT: usize = 256;

struct Recent([u32; RECENT]);

impl Default for Recent {
    fn default() -> Self {
        Self([u32::MAX; RECENT])
    }
}

impl Recent {
    fn place(dimension: Dimension, text: &str) -> usize {
        let end = |byte: Option<u8>| usize::from(byte.unwrap_or(0));
        let (first, last) = (end(text.bytes().next()), end(text.bytes().next_back()));
        (((dimension as usize) << 4) ^ text.len() ^ first ^ (last << 3)) % RECENT
    }
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Value {
    dimension: Dimension,
    text: CompactString,
}

/// A value that is asked for without being made.
#[derive(Hash)]
struct Asked<'a> {
    dimension: Dimension,
    text: &'a str,
}

impl Equivalent<Value> for Asked<'_> {
    fn equivalent(&self, value: &Value) -> bool {
        self.dimension == value.dimension && self.text == value.text
    }
}

impl Values {
    /// The most values kept from one batch to the next; strangers can make up as many as they like.
    const KEPT_MAX: usize = 100_000;

    /// Forgets everything if that is too much. Between two roll-ups only: their numbers would mean something else. Everything
    /// that is kept has a part or a value of its own.
    pub(crate) fn make_room(&mut self) {
        if self.texts.known.len() > Self::KEPT_MAX || self.parts.len() > Self::KEPT_MAX {
            *self = Self::default();
        }
    }

    /// The part of a click that is nobody's: its verdict and the reason.
    fn judgement(&mut self, click: &ClickOf<'_>) -> u32 {
        let Self { texts, parts, judgements, .. } = self;
        let given = Given { verdict: click.verdict, reason: &click.reason };
        if let Some(part) = judgements.get(&given) {
            return *part;
        }
        let verdict = click.verdict.as_str();
        let reason = texts.number(Dimension::Reason, &joined(verdict, ':', &click.reason));
        let part = learn(parts, [texts.number(Dimension::Verdict, verdict), reason]);
        judgements.insert(Judgement { verdict: click.verdict, reason: click.reason.clone().into_owned() }, part);
        part
    }

    /// The parts that every click of a person has.
    fn human(&mut self, click: &ClickOf<'_>, calendar: &mut Calendar) -> [u32; 4] {
        let Self { texts, parts, hours, origins, places, looks, .. } = self;
        let hour = hours.entry(calendar.hour_begins(click.time_ms)).or_insert_with(|| {
            let hour = texts.number(Dimension::Hour, calendar.hour(click.time_ms));
            learn(parts, [texts.number(Dimension::Verdict, Verdict::Human.as_str()), hour])
        });
        [
            *hour,
            origins.part(&click.origin, |origin| learn(parts, of_origin(origin, texts))),
            places.part(&click.place, |place| learn(parts, of_place(place, texts))),
            looks.part(&click.look, |look| learn(parts, of_look(look, texts))),
        ]
    }

    /// `names` as [`ClickOf::unfilled`] has them.
    fn unfilled(&mut self, names: &CompactString) -> u32 {
        let Self { texts, parts, unfilled, .. } = self;
        *unfilled.entry_ref(names).or_insert_with(|| {
            let names = names.split(',').filter(|name| !name.is_empty());
            learn(parts, names.map(|name| texts.number(Dimension::Unfilled, name)))
        })
    }
}

/// Numbers a part.
fn learn(parts: &mut Vec<Box<[u32]>>, values: impl IntoIterator<Item = u32>) -> u32 {
    parts.push(values.into_iter().collect());
    u32::try_from(parts.len() - 1).expect("a batch has at most batch_hits_max times 5 parts")
}

impl Texts {
    fn number(&mut self, dimension: Dimension, text: &str) -> u32 {
        let text = &text[..text.floor_char_boundary(VALUE_BYTES_MAX)];
        let asked = Asked { dimension, text };
        let place = Recent::place(dimension, text);
        let recent = self.recent.0[place];
        if self.known.get(recent as usize).is_some_and(|known| asked.equivalent(known)) {
            return recent;
        }
        let number = self.numbers.get(&asked).copied().unwrap_or_else(|| self.learn(dimension, text));
        self.recent.0[place] = number;
        number
    }

    /// Puts the values that are new since the last time in their places. What was in order stays so, so that this is one
    /// walk through them, and deltas are put in order without a look at a text.
    fn rank(&mut self) {
        if self.ranks.len() == self.known.len() {
            return;
        }
        let number_of = |at: usize| u32::try_from(at).expect("there are no more values than numbers");
        self.ordered.extend((self.ordered.len()..self.known.len()).map(number_of));
        self.ordered.sort_by(|one, other| self.known[*one as usize].cmp(&self.known[*other as usize]));
        self.ranks.resize(self.known.len(), 0);
        for (rank, number) in self.ordered.iter().enumerate() {
            self.ranks[*number as usize] = number_of(rank);
        }
    }

    fn learn(&mut self, dimension: Dimension, text: &str) -> u32 {
        let number = u32::try_from(self.known.len()).expect("a batch has at most batch_hits_max times 14 values");
        let value = Value { dimension, text: CompactString::from(text) };
        self.known.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}

fn known(value: &str) -> &str {
    if value.is_empty() { UNKNOWN } else { value }
}

fn within(country: &str, place: &str) -> CompactString {
    if place.is_empty() { CompactString::const_new(UNKNOWN) } else { joined(known(country), '/', place) }
}

/// What `format!` would make, in a third of the time.
fn joined(first: &str, sign: char, second: &str) -> CompactString {
    let mut text = CompactString::from(first);
    text.push(sign);
    text.push_str(second);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str) -> Calendar {
        Calendar::new(TimeZone::get(zone).unwrap())
    }

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_day_and_its_hours_are_those_of_the_report_time_zone() {
        let mut stockholm = calendar("Europe/Stockholm");
        assert_eq!(stockholm.day(ms("2026-11-20T23:30:00Z")).to_string(), "2026-11-21");
        assert_eq!(stockholm.hour(ms("2026-11-20T23:30:00Z")), "2026-11-20T23:00Z");
        assert_eq!(stockholm.day(ms("2026-11-20T22:59:59.999Z")).to_string(), "2026-11-20");
        let mut kolkata = calendar("Asia/Kolkata");
        assert_eq!(kolkata.hour(ms("2026-11-21T13:10:00Z")), "2026-11-21T12:30Z");
    }

    #[test]
    fn the_hour_that_comes_twice_in_autumn_is_two_hours() {
        let mut stockholm = calendar("Europe/Stockholm");
        assert_eq!(stockholm.hour(ms("2026-10-25T00:30:00Z")), "2026-10-25T00:00Z");
        assert_eq!(stockholm.hour(ms("2026-10-25T01:30:00Z")), "2026-10-25T01:00Z");
        assert_eq!(stockholm.day(ms("2026-10-25T01:30:00Z")).to_string(), "2026-10-25");
    }

    #[test]
    fn half_an_hour_of_daylight_saving_does_not_confuse_the_hours() {
        let mut lord_howe = calendar("Australia/Lord_Howe");
        let change = ms("2026-04-04T15:00:00Z");
        assert_eq!(lord_howe.hour(change - 60_000), "2026-04-04T14:00Z");
        assert_eq!(lord_howe.hour(change + 60_000), "2026-04-04T14:30Z");
    }
}
