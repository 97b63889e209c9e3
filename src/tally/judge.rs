//! Reads hits from a journal and turns them into clicks, with everything that takes: links, salts, places.

use jiff::civil::Date;
use tokio::runtime::Runtime;

use super::calendar::Calendar;
use super::rollup::{Rollup, Spot};
use super::stream::Stream;
use super::values::Values;
use super::worker::{Tools, Trouble, shard_of};
use crate::archive::Gathered;
use crate::classify::{KnownLink, Notes};
use crate::domain::click::ClickIds;
use crate::domain::delta::Deltas;
use crate::domain::hit::RawHit;
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::position::Position;
use crate::domain::utm::Utm;
use crate::domain::visitor::Salt;
use crate::journal::Reader;

/// Salts kept at hand; hits rarely span more than two days.
const SALTS_MAX: usize = 4;

/// Hits after which a round may be cut short: a few milliseconds of work, which take a second on a machine with nothing to
/// spare. The facts of their links are fetched together, and have to fit into a processor's cache until each is used.
const PORTION: usize = 512;

/// Links and days after which a round ends where a store has several shards, which are Redis: each adds its part of a round up
/// in one script, and answers nobody meanwhile. Else a round has [`super::Config::batch_hits_max`] hits: the more of them, the
/// less it costs to write down what they add to neighbouring links.
const LINK_DAYS_MAX: usize = 100_000;

/// Places for links whose facts are kept at hand from one round to the next.
pub(super) const NEAR_MAX: usize = 16_384;

/// One read of the journal, judged, added up and put into columns. No click is kept as such: tens of thousands of them
/// would push everything else out of the processor's caches.
pub(super) struct Round {
    pub(super) from: Position,
    pub(super) to: Position,
    /// As many hits were read as one round may hold, or it was cut short.
    pub(super) is_full: bool,
    /// By shard: what the clicks that it has not counted add to it.
    pub(super) deltas: Vec<Deltas>,
    /// The clicks that the archive does not have.
    pub(super) clicks: Gathered,
    /// Hits that the books do not have.
    hits: u64,
}

impl Round {
    pub(super) fn is_empty(&self) -> bool {
        self.to == self.from
    }

    /// Hits at or after `booked`, which is where the books stood when this was read, and positions there that cannot be
    /// read. Each existed.
    pub(super) fn booked_from(&self, booked: Position) -> (u64, u64) {
        (self.hits, self.to.0.saturating_sub(self.from.max(booked).0) - self.hits)
    }
}

/// What judging keeps at hand from one round to the next.
pub(super) struct Judge {
    pub(super) calendar: Calendar,
    pub(super) values: Values,
    salts: Vec<(Date, Salt)>,
    links: Links,
    notes: Notes,
    rollup: Rollup,
}

/// Facts of links clicked lately, true as long as no link changes.
struct Links {
    /// A link has one place, whoever had it before: where links are many, a new one takes the memory that another left.
    near: Box<[Option<Near>]>,
    as_of: u64,
    /// Room for those that are not at hand.
    unknown: Vec<LinkId>,
}

impl Judge {
    pub(super) fn new(tools: &Tools) -> Self {
        Self {
            calendar: Calendar::new(tools.zone.clone()),
            values: Values::default(),
            salts: Vec::new(),
            links: Links::new(),
            notes: Notes::default(),
            rollup: Rollup::default(),
        }
    }

    /// Reads and judges up to one batch of hits below `upto`, as long as it `goes_on`, which is asked between portions.
    pub(super) fn read(
        &mut self,
        tools: &Tools,
        runtime: &Runtime,
        stream: &mut Stream,
        upto: Position,
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Round, Trouble> {
        let Self { calendar, values, salts, links, notes, rollup } = self;
        rollup.clear();
        links.forget_what_changed(tools);
        values.make_room();
        let places = tools.geo.places();
        let mut ids = ClickIds::new(stream.incarnation);
        let (mut clicks, mut hits) = (Gathered::default(), 0);
        let from = stream.reader.position();
        let Stream { reader, memory, counted, pushed, booked, .. } = stream;
        let mut room = tools.config.batch_hits_max;
        let link_days_max = if counted.len() > 1 { LINK_DAYS_MAX } else { usize::MAX };
        let is_full = loop {
            let portion = room.min(PORTION);
            links.fetch(reader, upto, portion, tools);
            let mut judge = |position: Position, hit: &RawHit<'_>| -> Result<usize, Trouble> {
                let (id, salt) =
                    (ids.of(hit.time_ms, position), salt(salts, calendar.day(hit.time_ms), tools, runtime)?);
                let Near { link, spot } = links.facts_of(hit.link, tools, runtime)?;
                let mut click = tools.classifier.classify(hit, id, link, &salt, &places, notes);
                memory.judge(position, &mut click);
                if position >= counted[shard_of(hit.link, counted.len())] {
                    rollup.add(&click, spot, calendar, values);
                }
                hits += u64::from(position >= *booked);
                if position >= *pushed {
                    clicks.add(&click);
                }
                Ok(rollup.link_days())
            };
            let (mut link_days, mut trouble) = (0, None);
            let take = |position: Position, hit: &RawHit<'_>| {
                if trouble.is_none() {
                    match judge(position, hit) {
                        Ok(so_far) => link_days = so_far,
                        Err(error) => trouble = Some(error),
                    }
                }
            };
            let is_whole = reader.read(upto, portion, take)?.hits >= portion as u64;
            if let Some(trouble) = trouble {
                return Err(trouble);
            }
            room -= portion;
            if link_days >= link_days_max || !is_whole || room == 0 || !goes_on() {
                break is_whole;
            }
        };
        let shards = counted.len();
        let deltas = rollup.finish(values, shards, |link| shard_of(link, shards));
        Ok(Round { from, to: reader.position(), is_full, deltas, clicks, hits })
    }
}

/// A link whose facts are at hand.
struct Near {
    link: KnownLink,
    spot: Spot,
}

impl Near {
    fn new(facts: LinkFacts) -> Self {
        Self { link: facts.into(), spot: Spot::default() }
    }

    fn is(&self, id: LinkId) -> bool {
        self.link.facts.id == id
    }
}

impl Links {
    fn new() -> Self {
        Self { near: (0..NEAR_MAX).map(|_| None).collect(), as_of: 0, unknown: Vec::new() }
    }

    fn forget_what_changed(&mut self, tools: &Tools) {
        let changes = tools.cache.changes();
        if changes != self.as_of {
            self.near.fill_with(|| None);
            self.as_of = changes;
        }
    }

    /// Brings the facts of the links near that are about to be asked for. Where links are many, each is far away in memory.
    fn fetch(&mut self, reader: &mut Reader, upto: Position, hits: usize, tools: &Tools) {
        let Self { near, unknown, .. } = self;
        unknown.clear();
        reader.coming(upto, hits, |id| match &near[place_of(id)] {
            Some(near) if near.is(id) => near.link.fetch(),
            _ => unknown.push(id),
        });
        tools.cache.cached_facts_of_all(unknown, |new| {
            let place = place_of(new.id);
            near[place] = Some(Near::new(new));
        });
    }

    fn facts_of(&mut self, id: LinkId, tools: &Tools, runtime: &Runtime) -> Result<&mut Near, Trouble> {
        let place = &mut self.near[place_of(id)];
        let near = match place.take().filter(|near| near.is(id)) {
            Some(near) => near,
            None => Near::new(match tools.cache.cached_facts(id) {
                Some(facts) => facts,
                None => runtime.block_on(tools.cache.stored_facts(id))?.unwrap_or_else(|| removed(id)),
            }),
        };
        Ok(place.insert(near))
    }
}

fn place_of(id: LinkId) -> usize {
    id.0 as usize % NEAR_MAX
}

fn salt(known: &mut Vec<(Date, Salt)>, day: Date, tools: &Tools, runtime: &Runtime) -> Result<Salt, Trouble> {
    if let Some((_, salt)) = known.iter().find(|(of, _)| *of == day) {
        return Ok(*salt);
    }
    let salt = runtime.block_on(tools.store.salt(day))?;
    if known.len() >= SALTS_MAX {
        known.remove(0);
    }
    known.push((day, salt));
    Ok(salt)
}

/// A link that was removed between the click and its counting. The click counts all the same.
fn removed(id: LinkId) -> LinkFacts {
    LinkFacts {
        id,
        domain: String::new(),
        slug: String::new(),
        utm: Utm::default(),
        platform: None,
        level: Level::Other,
    }
}
