//! Reads hits from a journal and turns them into clicks, with everything that takes: links, salts, places.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;
use tokio::runtime::Runtime;

use super::rollup::{Calendar, Rollup, Values};
use super::stream::Stream;
use super::worker::{Tools, Trouble, shard_of};
use crate::archive::Gathered;
use crate::classify::place::Places;
use crate::domain::click::{Click, ClickIds};
use crate::domain::counter::Delta;
use crate::domain::hit::Hit;
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::position::Position;
use crate::domain::utm::Utm;
use crate::domain::visitor::Salt;

/// Salts kept at hand; hits rarely span more than two days.
const SALTS_MAX: usize = 4;

/// Hits after which a round may be cut short: some 10 ms of work, which take seconds on a machine with nothing to spare.
const PORTION: usize = 2048;

/// Links whose facts are kept at hand from one round to the next.
const FACTS_MAX: usize = 65_536;

/// One read of the journal, judged, added up and put into columns. No click is kept as such: tens of thousands of them
/// would push everything else out of the processor's caches.
pub(super) struct Round {
    pub(super) from: Position,
    pub(super) to: Position,
    /// As many hits were read as one round may hold, or it was cut short.
    pub(super) is_full: bool,
    /// By shard: what the clicks that it has not counted add to it.
    pub(super) deltas: Vec<Vec<Delta>>,
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
    /// Facts of links clicked lately, true as long as no link changes.
    facts: HashMap<LinkId, Arc<LinkFacts>>,
    facts_as_of: u64,
}

/// What judging looks up, once per round each.
struct Session<'a> {
    tools: &'a Tools,
    runtime: &'a Runtime,
    judge: &'a mut Judge,
    places: Arc<Places>,
}

impl Judge {
    pub(super) fn new(tools: &Tools) -> Self {
        Self {
            calendar: Calendar::new(tools.zone.clone()),
            values: Values::default(),
            salts: Vec::new(),
            facts: HashMap::new(),
            facts_as_of: 0,
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
        self.forget_changed_facts(tools);
        self.values.make_room();
        let places = tools.geo.places();
        let mut ids = ClickIds::new(stream.incarnation);
        let mut session = Session { tools, runtime, judge: self, places };
        let (mut rollup, mut clicks, mut hits) = (Rollup::default(), Gathered::default(), 0);
        let mut trouble = None;
        let from = stream.reader.position();
        let Stream { reader, memory, counted, pushed, booked, .. } = stream;
        let mut take = |position: Position, hit: &Hit<'_>| {
            if trouble.is_some() {
                return;
            }
            let mut click = match session.judge(hit, ids.of(hit.time_ms, position)) {
                Ok(click) => click,
                Err(error) => return trouble = Some(error),
            };
            memory.judge(position, &mut click);
            if position >= counted[shard_of(click.link.id, counted.len())] {
                rollup.add(&click, &mut session.judge.calendar, &mut session.judge.values);
            }
            hits += u64::from(position >= *booked);
            if position >= *pushed {
                clicks.add(click);
            }
        };
        let mut room = tools.config.batch_hits_max.max(1);
        let is_full = loop {
            let portion = room.min(PORTION);
            let is_whole = reader.read(upto, portion, &mut take)?.hits >= portion as u64;
            room -= portion;
            if !is_whole || room == 0 || !goes_on() {
                break is_whole;
            }
        };
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let shards = counted.len();
        let deltas = rollup.finish(&mut self.values, shards, |link| shard_of(link, shards));
        Ok(Round { from, to: reader.position(), is_full, deltas, clicks, hits })
    }
}

impl Judge {
    fn forget_changed_facts(&mut self, tools: &Tools) {
        let changes = tools.cache.changes();
        if changes != self.facts_as_of || self.facts.len() > FACTS_MAX {
            self.facts.clear();
            self.facts_as_of = changes;
        }
    }
}

impl Session<'_> {
    fn judge(&mut self, hit: &Hit<'_>, id: uuid::Uuid) -> Result<Click, Trouble> {
        let link = self.link(hit.link)?;
        let salt = self.salt(hit.time_ms)?;
        Ok(self.tools.classifier.classify(hit, id, &link, &salt, &self.places))
    }

    fn link(&mut self, id: LinkId) -> Result<Arc<LinkFacts>, Trouble> {
        if let Some(facts) = self.judge.facts.get(&id) {
            return Ok(facts.clone());
        }
        let facts = match self.tools.cache.cached_facts(id) {
            Some(facts) => facts,
            None => self.runtime.block_on(self.tools.cache.stored_facts(id))?.unwrap_or_else(|| removed(id)),
        };
        let facts = Arc::new(facts);
        self.judge.facts.insert(id, facts.clone());
        Ok(facts)
    }

    fn salt(&mut self, time_ms: i64) -> Result<Salt, Trouble> {
        let day = self.judge.calendar.day(time_ms);
        if let Some((_, salt)) = self.judge.salts.iter().find(|(known, _)| *known == day) {
            return Ok(*salt);
        }
        let salt = self.runtime.block_on(self.tools.store.salt(day))?;
        if self.judge.salts.len() >= SALTS_MAX {
            self.judge.salts.remove(0);
        }
        self.judge.salts.push((day, salt));
        Ok(salt)
    }
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
