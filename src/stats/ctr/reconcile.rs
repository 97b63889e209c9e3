//! A platform's own clicks beside ours, post by post: how far apart they are, and which causes fit.
//!
//! Pure. It must never correct one number by the other, nor name a cause that the numbers speak against.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, Unit};

use crate::domain::metric::{Clicks, Metric};
use crate::domain::verdict::Verdict;
use crate::stats::ctr::causes::{Facts, causes};
use crate::stats::ctr::clicks::Span;
use crate::stats::ctr::groups::{Component, Group, groups_of_posts};
use crate::stats::ctr::pairing::{Pair, Paired};
use crate::stats::ctr::{Material, Numerator, ROWS_MAX};
use crate::stats::days::Verdicts;
use crate::stats::wire::{Balance, Discrepancy, Parts};

/// The platform's numbers that are closest to a click of ours, the closest first.
const LIKE_OURS: [Clicks; 3] = [Clicks::Link, Clicks::Outbound, Clicks::Destination];

/// One row for each post that the platform counts clicks of and a link of ours stands in; the largest gap first. Also
/// how many more there are than [`ROWS_MAX`].
pub(crate) fn discrepancies(material: &Material<'_>, band: (f64, f64), now: Timestamp) -> (Vec<Discrepancy>, u64) {
    let groups = groups_of_posts(material.links, material.posts);
    let mut rows: Vec<_> = groups.iter().filter_map(|group| discrepancy(material, group, band, now)).collect();
    let gap = |row: &Discrepancy| row.human.abs_diff(row.platform_link.or(row.platform_all).unwrap_or(row.human));
    rows.sort_by(|a, b| gap(b).cmp(&gap(a)).then_with(|| a.value.cmp(&b.value)));
    let left_out = rows.len().saturating_sub(ROWS_MAX) as u64;
    rows.truncate(ROWS_MAX);
    (rows, left_out)
}

fn discrepancy(material: &Material<'_>, group: &Group, band: (f64, f64), now: Timestamp) -> Option<Discrepancy> {
    let component = group.components.first()?;
    let of = |clicks| theirs(material, component, clicks);
    let like_ours = LIKE_OURS.into_iter().find_map(|clicks| Some((clicks, of(clicks)?)));
    let all = of(Clicks::All);
    let (reference, pair) = match &like_ours {
        Some((clicks, pair)) => (*clicks, pair),
        None => (Clicks::All, all.as_ref()?),
    };
    let ours = Ours::of(material, pair);
    let theirs = count(pair);
    let ratio = (theirs > 0).then(|| ours.human as f64 / theirs as f64);
    let facts = Facts {
        material,
        component,
        reference,
        theirs,
        all: all.as_ref().map(count),
        outbound: of(Clicks::Outbound).as_ref().map(count),
        ours: &ours,
        pair,
        platform: material.platform(group),
        level: group.level,
        band,
        now,
    };
    let link = like_ours.as_ref().map(|(clicks, pair)| (*clicks, count(pair)));
    Some(Discrepancy {
        value: group.value.clone(),
        label: group.label.clone(),
        platform: facts.platform.clone(),
        level: group.level.to_string(),
        basis: pair.basis,
        from: ours.span.map(|span| begin(material, component, span)),
        to: ours.span.map(|span| span.end),
        platform_link: link.map(|(_, count)| count),
        platform_link_is: link.map(|(clicks, _)| clicks.as_str().to_owned()),
        platform_all: facts.all,
        parts: parts(material, component),
        human: ours.human,
        unique: ours.unique,
        all: ours.all,
        filtered: ours.filtered(),
        ratio,
        balance: ratio.map_or(Balance::Unknown, |ratio| balance(ratio, band)),
        causes: causes(&facts),
    })
}

/// When the first click of a span can have been counted: not before there was a link. Spans begin where an hour does.
fn begin(material: &Material<'_>, component: &Component, span: Span) -> Timestamp {
    let made = component.links.iter().map(|link| material.links[*link].created_at).min();
    let begin = made.map_or(span.start, |made| span.start.max(made));
    begin.round(Unit::Second).unwrap_or(begin)
}

fn balance(ratio: f64, (low, high): (f64, f64)) -> Balance {
    match ratio {
        ratio if ratio < low => Balance::OursFewer,
        ratio if ratio > high => Balance::OursMore,
        _ => Balance::AsExpected,
    }
}

/// What the platform says of one kind of click, if it says it of every post that these links stand in.
fn theirs<'c>(material: &Material<'_>, component: &'c Component, clicks: Clicks) -> Option<Pair<'c>> {
    let mut about = Paired::default();
    let pair = material.units(component, Metric::Clicks(clicks), &mut about).pop()?;
    (about.missing.is_empty() && about.mixed.is_empty() && !pair.pieces.is_empty()).then_some(pair)
}

pub(super) fn count(pair: &Pair<'_>) -> u64 {
    pair.pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.count))
}

/// The parts that the platform divides its clicks into, and whether they give their sum.
fn parts(material: &Material<'_>, component: &Component) -> Option<Parts> {
    let of = |clicks: Clicks| theirs(material, component, clicks).as_ref().map(count);
    let all = of(Clicks::All)?;
    let found: BTreeMap<String, u64> =
        Clicks::PARTS.into_iter().filter_map(|part| Some((part.as_str().to_owned(), of(part)?))).collect();
    Parts::of(all, found)
}

/// Our clicks in the spans that the platform counted.
pub(super) struct Ours {
    pub(super) human: u64,
    pub(super) unique: u64,
    pub(super) all: u64,
    pub(super) verdicts: Verdicts,
    /// From the first to the last span.
    pub(super) span: Option<Span>,
}

impl Ours {
    fn of(material: &Material<'_>, pair: &Pair<'_>) -> Self {
        let start = pair.pieces.iter().map(|piece| piece.span.start).min();
        let end = pair.pieces.iter().map(|piece| piece.span.end).max();
        let span = start.zip(end).map(|(start, end)| Span { start, end });
        let mut ours = Self { human: 0, unique: 0, all: 0, verdicts: Verdicts::default(), span };
        for (piece, link) in pair.pieces.iter().flat_map(|piece| pair.links.iter().map(move |link| (piece, link))) {
            let id = material.links[*link].id;
            let clicks = |numerator| material.clicks.count(id, numerator, piece.span).clicks;
            ours.human = ours.human.saturating_add(clicks(Numerator::Human));
            ours.unique = ours.unique.saturating_add(clicks(Numerator::Unique));
            ours.all = ours.all.saturating_add(clicks(Numerator::All));
            let verdicts = material.clicks.verdicts(id, piece.span);
            ours.verdicts.iter_mut().zip(verdicts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
        ours
    }

    /// What was not taken for a person's click, by verdict.
    fn filtered(&self) -> BTreeMap<String, u64> {
        let others = Verdict::ALL.into_iter().zip(self.verdicts).filter(|(verdict, _)| *verdict != Verdict::Human);
        others.filter(|(_, count)| *count > 0).map(|(verdict, count)| (verdict.as_str().to_owned(), count)).collect()
    }

    pub(super) fn verdict(&self, verdict: Verdict) -> u64 {
        self.verdicts[verdict as usize]
    }
}

/// Our human clicks in the spans of `pair` when every one of them begins and ends `shift` later.
pub(super) fn shifted(material: &Material<'_>, pair: &Pair<'_>, shift: SignedDuration) -> Vec<(Option<Date>, u64)> {
    let moved = |instant: Timestamp| instant.checked_add(shift).unwrap_or(instant);
    let clicks = |span: Span| {
        let span = Span { start: moved(span.start), end: moved(span.end) };
        let of_link = |link: &usize| material.clicks.count(material.links[*link].id, Numerator::Human, span).clicks;
        pair.links.iter().map(of_link).fold(0, u64::saturating_add)
    };
    pair.pieces.iter().map(|piece| (piece.day, clicks(piece.span))).collect()
}
