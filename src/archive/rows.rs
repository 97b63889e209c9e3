//! Rows read back as clicks: the opposite of [`pending`](super::pending).
//!
//! What a cell cannot be read as becomes the empty value of its kind: a click file is checked before it gets here.

use std::borrow::Cow;
use std::hash::Hash;
use std::sync::Arc;

use arrow_array::RecordBatch;
use compact_str::CompactString;
use hashbrown::{HashMap, HashSet};
use uuid::Uuid;

use super::columns::COLUMNS;
use super::export::cells::{Cell, Cells};
use crate::domain::click::{Click, Device, Look, Origin, Place};
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::utm::Utm;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;

/// The most looks kept to be shared, and as many origins and places; beyond it the sharing starts anew.
const SHARED_MAX: usize = 8192;

/// Reads batches, and keeps the facts of each link, each look, origin and place once, because most clicks share them.
#[derive(Default)]
pub(super) struct Rows {
    links: HashMap<LinkId, Arc<LinkFacts>>,
    looks: HashSet<Arc<Look>>,
    origins: HashSet<Arc<Origin>>,
    places: HashSet<Arc<Place>>,
}

impl Rows {
    pub(super) fn read(&mut self, batch: &RecordBatch, take: &mut impl FnMut(Click)) {
        let columns = Cells::of(batch);
        for row in 0..batch.num_rows() {
            take(self.click(&Row { columns: &columns, row }));
        }
    }

    fn click(&mut self, row: &Row<'_>) -> Click {
        let text = |name| CompactString::from(row.text(name));
        Click {
            id: Uuid::try_parse(row.text("id")).unwrap_or_default(),
            time_ms: row.time("time"),
            link: Cow::Owned(self.link(row)),
            look: Cow::Owned(shared(look(row), &mut self.looks)),
            verdict: Verdict::parse(row.text("verdict")).unwrap_or(Verdict::Bot),
            reason: Cow::Owned(text("reason")),
            origin: Cow::Owned(shared(origin(row), &mut self.origins)),
            place: Cow::Owned(shared(place(row), &mut self.places)),
            visitor: Visitor(u64::from_str_radix(row.text("visitor"), 16).unwrap_or(0)),
            click_ids: text("click_ids"),
            click_id_values: text("click_id_values"),
            visitor_utm_source: text("visitor_utm_source"),
            visitor_utm_medium: text("visitor_utm_medium"),
            unfilled: text("unfilled"),
            rules_version: u32::try_from(row.number("rules_version")).unwrap_or(0),
        }
    }

    fn link(&mut self, row: &Row<'_>) -> Arc<LinkFacts> {
        let facts = facts(row);
        let known = self.links.get(&facts.id).filter(|known| ***known == facts).cloned();
        known.unwrap_or_else(|| {
            let facts = Arc::new(facts);
            self.links.insert(facts.id, Arc::clone(&facts));
            facts
        })
    }
}

/// One value for all that are equal.
fn shared<T: Eq + Hash>(one: T, known: &mut HashSet<Arc<T>>) -> Arc<T> {
    if let Some(known) = known.get(&one) {
        return Arc::clone(known);
    }
    if known.len() >= SHARED_MAX {
        known.clear();
    }
    let one = Arc::new(one);
    known.insert(Arc::clone(&one));
    one
}

fn origin(row: &Row<'_>) -> Origin {
    let text = |name| CompactString::from(row.text(name));
    Origin {
        source: text("source"),
        source_rule: text("source_rule"),
        channel: text("channel"),
        seen_on: text("seen_on"),
    }
}

fn place(row: &Row<'_>) -> Place {
    let text = |name| CompactString::from(row.text(name));
    Place {
        continent: text("continent"),
        country: text("country"),
        region: text("region"),
        city: text("city"),
        asn: text("asn"),
        organisation: text("organisation"),
    }
}

fn look(row: &Row<'_>) -> Look {
    let text = |name| CompactString::from(row.text(name));
    Look {
        app: text("app"),
        referrer_host: text("referrer_host"),
        referrer_path: text("referrer_path"),
        device: Device::parse(row.text("device")).unwrap_or_default(),
        os: text("os"),
        browser: text("browser"),
        language: text("language"),
        user_agent: text("user_agent"),
        purpose: text("purpose"),
        hints: text("hints"),
    }
}

fn facts(row: &Row<'_>) -> LinkFacts {
    let given = |name| Some(row.text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    LinkFacts {
        id: LinkId(row.number("link")),
        domain: row.text("domain").to_owned(),
        slug: row.text("slug").to_owned(),
        utm: Utm {
            source: given("utm_source"),
            medium: given("medium"),
            campaign: given("campaign"),
            term: given("term"),
            content: given("content"),
            id: given("utm_id"),
        },
        platform: given("platform"),
        level: Level::parse(row.text("level")).unwrap_or_default(),
    }
}

/// One row of a batch whose columns are [`COLUMNS`].
struct Row<'a> {
    columns: &'a [Cells<'a>],
    row: usize,
}

impl<'a> Row<'a> {
    fn cell(&self, name: &str) -> Cell<'a> {
        let at = COLUMNS.iter().position(|column| column.name == name);
        at.and_then(|at| self.columns.get(at)).map_or(Cell::Absent, |cells| cells.at(self.row))
    }

    fn text(&self, name: &str) -> &'a str {
        if let Cell::Text(text) = self.cell(name) { text } else { "" }
    }

    fn number(&self, name: &str) -> u64 {
        if let Cell::Number(number) = self.cell(name) { number } else { 0 }
    }

    fn time(&self, name: &str) -> i64 {
        if let Cell::Time(time_ms) = self.cell(name) { time_ms } else { 0 }
    }
}
