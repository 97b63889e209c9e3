//! Classification: a named list of pure steps that turns a hit into a click. The raw address ends here.
//!
//! Nothing under here does IO, waits, reads a clock or keeps state that changes an answer. The steps, in order:
//! the agent is read, the query and the referrer are taken apart, the verdict is given, the source is attributed,
//! the place is looked up and the visitor is hashed. `past` judges afterwards, because it needs the clicks before.

mod agent;
mod burst;
mod channel;
mod double_tap;
mod language;
mod look;
mod names;
mod origin;
pub(crate) mod past;
pub(crate) mod place;
mod query;
mod referrer;
mod scan;
mod source;
pub(crate) mod tables;
mod verdict;
mod visitor;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use compact_str::CompactString;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::click::{Click, ClickOf, Look, Origin, Place};
use crate::domain::hit::{self, Hit, HitOf, Method};
use crate::domain::link::LinkFacts;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::{Salt, Visitor};

use agent::{Agent, Agents};
use look::Looks;
use names::Names;
use origin::{Declared, Origins};
use place::Places;
use query::Arrival;
use referrer::Referrer;
use tables::{RuleError, RuleFile, Tables};
use verdict::{Judgement, Networks};

/// Grows with every change of a rule or a table that changes what a hit becomes; every click carries it.
pub(crate) const RULES_VERSION: u32 = 3;

/// Bits of a version that hold [`RULES_VERSION`]; the rest are the owner's tables'.
const BUILT_IN_BITS: u32 = 12;
const _: () = assert!(RULES_VERSION < 1 << BUILT_IN_BITS);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) geo: Vec<PathBuf>,
    pub(crate) geo_poll_s: u64,
    pub(crate) duplicate_ms: i64,
    pub(crate) own_networks: Vec<ipnet::IpNet>,
    /// The folder of the owner's own tables; empty is none.
    pub(crate) rules: PathBuf,
}

/// What classifying remembers so that nothing is read twice. It changes what classifying costs, never what it says. Whoever
/// classifies has notes of their own.
#[derive(Default)]
pub(crate) struct Notes {
    /// The number of the classifier that they were taken by; another one begins them anew.
    by: u64,
    looks: Looks,
    origins: Origins,
}

impl Notes {
    fn are_by(&mut self, classifier: &Classifier) {
        if self.by != classifier.number {
            *self = Self { by: classifier.number, ..Self::default() };
        }
    }
}

/// The facts of a link, and what classifying makes of them once, not for every click.
pub(crate) struct KnownLink {
    pub(crate) facts: Arc<LinkFacts>,
    declared: Declared,
}

impl KnownLink {
    /// Reads what judging a click reads of its link, so that it is near when a click is judged.
    pub(crate) fn fetch(&self) {
        let LinkFacts { domain, utm, level, .. } = &*self.facts;
        std::hint::black_box((domain.len(), utm.medium.is_some(), *level));
    }
}

impl From<LinkFacts> for KnownLink {
    fn from(facts: LinkFacts) -> Self {
        Self { declared: Declared::of(&facts), facts: Arc::new(facts) }
    }
}

/// The rules and tables, compiled once.
pub(crate) struct Classifier {
    /// No other classifier of this process has it.
    number: u64,
    version: u32,
    agents: Agents,
    networks: Networks,
    hosting: Names,
    sites: Names,
    hosts: Names,
    packages: Names,
    click_ids: Names,
    aliases: Names,
}

impl Classifier {
    /// `files` are the owner's tables; they stand above the built-in ones.
    ///
    /// # Errors
    /// When one of the files is not sound; it says which line.
    pub(crate) fn new(config: &Config, files: &[RuleFile]) -> Result<Self, RuleError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let tables = Tables::with(files)?;
        Ok(Self {
            number: MADE.fetch_add(1, Ordering::Relaxed) + 1,
            version: RULES_VERSION | (tables.fingerprint << BUILT_IN_BITS),
            agents: Agents::compile(&tables),
            networks: Networks::new(&config.own_networks, tables.networks()),
            hosting: Names::of(tables.hosting()),
            sites: Names::of(tables.channels()),
            hosts: Names::of(tables.referrers()),
            packages: Names::of(tables.packages()),
            click_ids: Names::of(tables.click_ids()),
            aliases: Names::of(tables.aliases()),
        })
    }

    /// The rules in force: [`RULES_VERSION`], and above it the fingerprint of the owner's tables if there are any.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// Pure: the same arguments give the same click. It never gives [`Verdict::Duplicate`]; `Past` does.
    ///
    /// [`Verdict::Duplicate`]: crate::domain::verdict::Verdict::Duplicate
    pub(crate) fn classify<'a, T: AsRef<[u8]>>(
        &self,
        hit: &HitOf<T>,
        id: Uuid,
        link: &'a KnownLink,
        salt: &Salt,
        places: &'a Places,
        notes: &'a mut Notes,
    ) -> ClickOf<'a> {
        let KnownLink { facts: link, declared } = link;
        notes.are_by(self);
        let shown = notes.looks.read(&self.agents, hit);
        let arrival = query::read(hit::text(&hit.query), &self.click_ids);
        let decided = verdict::by_what_is_not_kept(hit, arrival.by_owner, &self.networks);
        let evidence = Evidence {
            id,
            time_ms: hit.time_ms,
            method: hit.method,
            link: Cow::Borrowed(link),
            look: Cow::Borrowed(&shown.look),
            agent: &shown.agent,
            decided,
            place: places.find(hit.address),
            visitor: visitor::visitor(salt, hit.address, &shown.agent.fingerprint, &link.domain),
        };
        let attribute = || self.attribute(link, &shown.agent, &shown.referrer, &arrival);
        let origin = match arrival.names_nobody() {
            true => Cow::Borrowed(notes.origins.of(*declared, shown, attribute)),
            false => Cow::Owned(Arc::new(attribute())),
        };
        self.conclude(arrival, evidence, origin)
    }

    /// Judges a click again by the rules of today, from the evidence that it kept. What followed from the address
    /// stays as it was: place, visitor, and a verdict that a network gave. As [`Classifier::classify`] it knows
    /// nothing of other clicks.
    pub(crate) fn reclassify(&self, click: &Click, notes: &mut Notes) -> Click {
        let hit = kept_hit(click);
        let arrival = Arrival::kept(click, &self.click_ids);
        notes.are_by(self);
        // The agent alone: referrer and language are kept, but not as they were sent.
        let shown = notes.looks.read(&self.agents, &hit);
        let evidence = Evidence {
            id: click.id,
            time_ms: hit.time_ms,
            method: hit.method,
            link: Cow::Borrowed(&click.link),
            look: look::again(&click.look, &shown.agent),
            agent: &shown.agent,
            decided: verdict::as_it_was(click),
            place: Cow::Borrowed(&click.place),
            visitor: click.visitor,
        };
        let referrer = Referrer::kept(click, &self.packages);
        let origin = self.attribute(&click.link, &shown.agent, &referrer, &arrival);
        let origin = if origin == **click.origin { click.origin.clone() } else { Cow::Owned(Arc::new(origin)) };
        self.conclude(arrival, evidence, origin).into_owned()
    }

    fn attribute(&self, link: &LinkFacts, agent: &Agent, referrer: &Referrer, arrival: &Arrival<'_>) -> Origin {
        let referred_by = self.referred_by(referrer, link);
        let attribution = source::attribute(link, agent, &referred_by, arrival, &self.aliases);
        Origin {
            channel: channel::of_click(&attribution, link, &arrival.utm_medium, &arrival.click_ids, &self.sites),
            seen_on: source::seen_on(agent, &referred_by, arrival),
            source: attribution.source,
            source_rule: CompactString::const_new(attribution.rule),
        }
    }

    /// Everything that follows from what is kept.
    // Called, it would read what was written for it a moment before in other pieces, which waits until it is all written.
    #[inline(always)]
    fn conclude<'a>(&self, arrival: Arrival<'_>, evidence: Evidence<'a>, origin: Cow<'a, Arc<Origin>>) -> ClickOf<'a> {
        let Evidence { id, time_ms, method, link, look, agent, decided, place, visitor } = evidence;
        let by_more = || verdict::by_more_than_the_agent(method, &look.purpose, agent, &place, &self.hosting);
        let decided = decided.or_else(by_more);
        let mut click = ClickOf {
            id,
            time_ms,
            look,
            verdict: agent.verdict,
            reason: Cow::Borrowed(&agent.reason),
            origin,
            place,
            visitor,
            click_ids: arrival.click_ids,
            click_id_values: arrival.click_id_values,
            visitor_utm_source: arrival.utm_source,
            visitor_utm_medium: arrival.utm_medium,
            unfilled: arrival.unfilled,
            rules_version: self.version,
            link,
        };
        if let Some(decided) = decided {
            (click.verdict, click.reason) = decided;
        }
        click
    }

    /// Who the referrer names. A link's own domain names nobody: it is where a redirect chain passed through.
    fn referred_by(&self, referrer: &Referrer, link: &LinkFacts) -> CompactString {
        if !link.domain.is_empty() && referrer.host == link.domain {
            return CompactString::default();
        }
        referrer.source(&self.hosts, &self.packages)
    }
}

/// What a hit shows besides its query: new from the hit, or as a click has kept it.
struct Evidence<'a> {
    id: Uuid,
    time_ms: i64,
    method: Method,
    link: Cow<'a, Arc<LinkFacts>>,
    look: Cow<'a, Arc<Look>>,
    agent: &'a Agent,
    /// The verdict that address or query gave.
    decided: Option<Judgement<'a>>,
    place: Cow<'a, Arc<Place>>,
    visitor: Visitor,
}

/// The part of its hit that a click has kept.
fn kept_hit(click: &Click) -> Hit<'_> {
    let mut hit = Hit::new(click.link.id, click.time_ms);
    if click.verdict == Verdict::Head {
        hit.method = Method::Head;
    }
    hit.user_agent = &click.look.user_agent;
    hit.purpose = &click.look.purpose;
    // A brand may hold the sign that parts the hints; the others come from short lists and do not.
    let mut parts = click.look.hints.rsplitn(5, '|');
    let mut next = || parts.next().unwrap_or_default();
    (hit.requested_with, hit.form_factors, hit.platform, hit.mobile, hit.brands) =
        (next(), next(), next(), next(), next());
    hit
}

#[cfg(test)]
mod tests;
