//! The values of counters that clicks move, numbered, so that adding up compares numbers and not texts. Pure.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::{Equivalent, HashMap};

use super::calendar::Calendar;
use crate::domain::click::{ClickOf, Look, Origin, Place};
use crate::domain::counter::{Counters, Dimension, OTHER, UNKNOWN, VALUE_BYTES_MAX, VALUES_MAX};
use crate::domain::delta;
use crate::domain::verdict::Verdict;

/// The word for the referrer of a click that has none.
const NO_REFERRER: &str = "(none)";

/// A person's click has four parts, and one more if something is unfilled; another has one.
pub(super) const PARTS: usize = 5;
/// Where a click has no further part.
pub(super) const NO_PART: u32 = u32::MAX;

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
struct Texts {
    numbers: HashMap<Value, u32>,
    known: Vec<Value>,
    /// Numbers met lately, by what is quickly made of a value: most clicks repeat one of a handful.
    recent: Recent,
    /// The numbers in the order of their values, and of each number its place there, as far as there were values when
    /// they were last ranked.
    ordered: Vec<u32>,
    ranks: Vec<u32>,
    /// The values in that order.
    table: Arc<[delta::Value]>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            numbers: HashMap::new(),
            known: Vec::new(),
            recent: Recent([u32::MAX; RECENT]),
            ordered: Vec::new(),
            ranks: Vec::new(),
            table: Arc::default(),
        };
        // What a link and day with too many values needs.
        for dimension in Dimension::ALL {
            texts.number(dimension, OTHER);
        }
        texts
    }
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

    /// The numbers of a click's parts.
    pub(super) fn parts_of(&mut self, click: &ClickOf<'_>, calendar: &mut Calendar) -> [u32; PARTS] {
        match click.verdict {
            Verdict::Human => self.human(click, calendar),
            _ => [self.judgement(click), NO_PART, NO_PART, NO_PART, NO_PART],
        }
    }

    /// Puts all values in order and gives them, so that what is added up can be told by their ranks.
    pub(super) fn rank(&mut self) -> Arc<[delta::Value]> {
        self.texts.rank();
        Arc::clone(&self.texts.table)
    }

    /// The ranks of a part's values.
    pub(super) fn of_part(&self, part: u32) -> impl Iterator<Item = u32> {
        self.parts[part as usize].iter().map(|number| self.texts.ranks[*number as usize])
    }

    /// Gives counts in the order of their ranks the caps of [`Counters`].
    pub(super) fn cap(&self, counts: &mut Vec<(u32, u64)>) {
        if counts.len() > VALUES_MAX {
            self.texts.cap(counts);
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

    /// The parts of a person's click.
    fn human(&mut self, click: &ClickOf<'_>, calendar: &mut Calendar) -> [u32; PARTS] {
        let unfilled = if click.unfilled.is_empty() { NO_PART } else { self.unfilled(&click.unfilled) };
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
            unfilled,
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
        let value = |number: &u32| &self.known[*number as usize];
        self.table = self.ordered.iter().map(value).map(|value| (value.dimension, value.text.clone())).collect();
    }

    fn cap(&self, counts: &mut Vec<(u32, u64)>) {
        let named = |(rank, count): &(u32, u64)| {
            let (dimension, text) = &self.table[*rank as usize];
            (*dimension, text.clone(), *count)
        };
        let capped = Counters::in_order(counts.iter().map(named));
        counts.clear();
        counts.extend(capped.iter().map(|(dimension, text, count)| {
            let at =
                self.table.binary_search_by(|(of, known)| of.cmp(&dimension).then_with(|| known.as_str().cmp(text)));
            (at.expect("every value is known, and that for the others from the start") as u32, count)
        }));
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
