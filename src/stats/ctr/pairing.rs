//! Which clicks belong to which impressions: the same links, the same span of time, up to the same instant.
//!
//! Pure. It must never add numbers of two kinds or grains, take a missing number for 0, or count a click of a span
//! without impressions.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::stats::ctr::Material;
use crate::stats::ctr::clicks::Span;
use crate::stats::ctr::evidence::{Number, Series, Snapshot};
use crate::stats::ctr::groups::{Component, Group, LinkEntry};
use crate::stats::pooled::Unit;
use crate::stats::wire::Basis;

/// Clicks this long before publication still belong to a post: clocks differ, and platforms round.
const BEFORE_PUBLICATION: SignedDuration = SignedDuration::from_mins(5);

/// A link made this much after its post was published was not in all of what its impressions count.
const LATE_LINK: SignedDuration = SignedDuration::from_hours(1);

/// How far a snapshot may lie outside of the days asked for and still be their beginning or end.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

/// Clicks and impressions of one group, kind and basis that describe the same events, and what had to be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paired {
    pub(crate) clicks: u64,
    pub(crate) impressions: u64,
    /// How many imported numbers `impressions` is the sum of.
    pub(crate) numbers: usize,
    /// The sets of links and posts that were pooled, as far as they have impressions.
    pub(crate) units: Vec<Unit>,
    pub(crate) pooled: usize,
    /// The latest instant until which the numbers hold.
    pub(crate) as_of: Option<Timestamp>,
    /// Clicks after the as-of of their span.
    pub(crate) after_as_of: u64,
    /// Days left out because a post that has numbers before has none there.
    pub(crate) days_incomplete: usize,
    /// Posts of these links without any number of this kind: their clicks are among `clicks`.
    pub(crate) missing: Vec<usize>,
    /// Posts of one link whose numbers are of different grain, so that they cannot be added.
    pub(crate) mixed: Vec<usize>,
    /// Whether the clicks of a day that lies only partly in the span are counted whole.
    pub(crate) whole_day: bool,
    /// Whether single links have numbers that their posts' numbers were preferred to.
    pub(crate) links_unused: bool,
    /// Posts that were published well before the first of their links was made.
    pub(crate) late_links: usize,
    /// Posts whose lifetime number went down between two imports.
    pub(crate) decreased: usize,
    /// Links and posts of the group that were clicked and have no number of this kind: in neither sum.
    pub(crate) excluded: usize,
    /// From when until when clicks of these links could be counted.
    pub(crate) clicked: Option<(Timestamp, Timestamp)>,
    /// Links whose level is not the one that their post has in its file.
    pub(crate) other_level: Option<(Level, Level)>,
}

/// A span of time with the sum of what was seen in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Up to the earliest as-of.
    pub(crate) span: Span,
    /// Where the span would end if the as-of did not cut it.
    pub(crate) end: Timestamp,
    pub(crate) count: u64,
    /// The last day that it is about, where its number names one.
    pub(crate) day: Option<Date>,
    pub(crate) numbers: usize,
    pub(crate) latest: Timestamp,
}

/// Links whose clicks are divided together, with the numbers of each span.
pub(crate) struct Pair<'a> {
    pub(crate) links: &'a [usize],
    pub(crate) basis: Basis,
    pub(crate) pieces: Vec<Piece>,
}

impl Material<'_> {
    /// Pairs the clicks of a group with what was read of one metric, by what the numbers are about.
    pub(crate) fn pair(&self, group: &Group, metric: Metric) -> BTreeMap<Basis, Paired> {
        let mut found: BTreeMap<Basis, Paired> = BTreeMap::new();
        let mut excluded = 0;
        for component in &group.components {
            let mut about = Paired::default();
            let units = self.units(component, metric, &mut about);
            excluded += usize::from(units.is_empty() && self.is_clicked(component));
            for unit in units {
                let paired = found.entry(unit.basis).or_default();
                paired.take_notes(std::mem::take(&mut about));
                self.add_unit(&unit, paired);
            }
        }
        found.values_mut().for_each(|paired| paired.excluded = excluded);
        found
    }

    fn is_clicked(&self, component: &Component) -> bool {
        component.links.iter().any(|link| self.clicks.count(self.links[*link].id, self.numerator, self.span).clicks > 0)
    }

    /// A link's own numbers are about that link alone, so they win for a single link; links that share posts can
    /// only be counted against the posts, unless nothing but their own numbers is there.
    pub(crate) fn units<'c>(&self, component: &'c Component, metric: Metric, about: &mut Paired) -> Vec<Pair<'c>> {
        let own =
            |link: &'c [usize]| self.unit(link, &[self.links[*link.first()?].own?], metric, &mut Paired::default());
        let own: Vec<_> = component.links.chunks(1).filter_map(own).collect();
        if component.links.len() == 1 && !own.is_empty() {
            return own;
        }
        let posts: Vec<usize> = component.posts.iter().copied().collect();
        match self.unit(&component.links, &posts, metric, about) {
            Some(unit) => {
                about.links_unused |= !own.is_empty();
                vec![unit]
            }
            None => own,
        }
    }

    /// The numbers of some posts together; `None` when none of them has any in the days asked for.
    fn unit<'c>(&self, links: &'c [usize], posts: &[usize], metric: Metric, about: &mut Paired) -> Option<Pair<'c>> {
        let (known, missing): (Vec<usize>, Vec<usize>) =
            posts.iter().partition(|post| self.posts[**post].whole.contains_key(&metric));
        let all: Vec<&Series> = known.iter().filter_map(|post| self.posts[*post].whole.get(&metric)).collect();
        let published = self.published(&known);
        let basis = self.basis(&all, published, &mut || about.mixed.extend(&known))?;
        about.missing.extend(missing);
        about.late_links += usize::from(self.is_late(links, &known));
        about.other_level = self.other_level(links, &known);
        let pieces: Vec<Vec<Piece>> = all.iter().map(|series| self.pieces(series, published, basis, about)).collect();
        Some(Pair { links, basis, pieces: add_up(&pieces, basis, &mut about.days_incomplete) })
    }

    /// What all of these numbers are about; of several choices the one that says most of what was asked. Where they have
    /// nothing in common, what the first choice is, and `mixed` is told: they will not be divided.
    fn basis(&self, all: &[&Series], published: Option<Timestamp>, mixed: &mut dyn FnMut()) -> Option<Basis> {
        let choices = match self.is_cut() {
            true => [Basis::Days, Basis::Snapshots, Basis::Periods],
            false => [Basis::Lifetime, Basis::Days, Basis::Periods],
        };
        let has = |series: &Series, basis| !self.pieces(series, published, basis, &mut Paired::default()).is_empty();
        if let Some(common) = choices.into_iter().find(|basis| all.iter().all(|series| has(series, *basis))) {
            return (!all.is_empty()).then_some(common);
        }
        let first = choices.into_iter().find(|basis| all.iter().any(|series| has(series, *basis)))?;
        let others = choices.into_iter().filter(|basis| *basis != first);
        if others.into_iter().any(|basis| all.iter().any(|series| has(series, basis) && !has(series, first))) {
            mixed();
        }
        Some(first)
    }

    /// A level of a link and the one that a post of it has by its file, where they differ.
    fn other_level(&self, links: &[usize], posts: &[usize]) -> Option<(Level, Level)> {
        let link = self.links[*links.first()?].level;
        let of_file = posts.iter().filter_map(|post| self.posts[*post].level).find(|level| *level != link)?;
        (link != Level::Other && of_file != Level::Other).then_some((link, of_file))
    }

    /// When the first of some posts was published, if that is known of all.
    pub(super) fn published(&self, posts: &[usize]) -> Option<Timestamp> {
        let known: Option<Vec<Timestamp>> = posts.iter().map(|post| self.posts[*post].published).collect();
        known?.into_iter().min()
    }

    /// The same of all whose day is known at least: the last instant at which it may have been.
    pub(super) fn published_by(&self, posts: &[usize]) -> Option<Timestamp> {
        let by = |post: &usize| self.posts[*post].published.or(self.posts[*post].published_by);
        posts.iter().map(by).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    fn is_late(&self, links: &[usize], posts: &[usize]) -> bool {
        let published = self.published_by(posts);
        let made = links.iter().map(|link| self.links[*link].created_at).min();
        made.zip(published).is_some_and(|(made, published)| made.duration_since(published) > LATE_LINK)
    }

    /// What one series says of the days asked for, span by span.
    pub(super) fn pieces(
        &self,
        series: &Series,
        published: Option<Timestamp>,
        basis: Basis,
        about: &mut Paired,
    ) -> Vec<Piece> {
        let since = published.map_or(Span::ALWAYS, |published| {
            Span::from_hour_of(published.checked_sub(BEFORE_PUBLICATION).unwrap_or(published))
        });
        let in_window = |day: &Date| self.window.is_none_or(|window| window.contains(*day));
        match basis {
            Basis::Lifetime => series.lifetime.last().map(|last| Piece::up_to(*last, since)).into_iter().collect(),
            Basis::Snapshots => self.difference(series, published, since, about).into_iter().collect(),
            Basis::Days => series
                .days
                .iter()
                .filter(|(day, _)| in_window(day))
                .map(|(day, number)| Piece::of(*day, number, since))
                .collect(),
            Basis::Periods => {
                let within = |((first, last), _): &(&(Date, Date), &Number)| in_window(first) && in_window(last);
                series
                    .periods
                    .iter()
                    .filter(within)
                    .map(|((_, last), number)| Piece::of(*last, number, since))
                    .collect()
            }
        }
    }

    /// What was added to a lifetime number in the window: between its first and its last reading there, or since
    /// publication.
    fn difference(
        &self,
        series: &Series,
        published: Option<Timestamp>,
        since: Span,
        about: &mut Paired,
    ) -> Option<Piece> {
        let window = self.span();
        let from = window.start.checked_sub(SLACK).unwrap_or(window.start);
        let to = window.end.checked_add(SLACK).unwrap_or(window.end);
        let mut inside = series.lifetime.iter().filter(|snapshot| from <= snapshot.as_of && snapshot.as_of <= to);
        let is_new = published.is_some_and(|published| from <= published);
        let last = inside.next_back()?;
        let first = if is_new { Snapshot { value: 0, as_of: since.start } } else { *inside.next()? };
        let Some(count) = last.value.checked_sub(first.value) else {
            about.decreased += 1;
            return None;
        };
        let span = Span { start: first.as_of, end: last.as_of };
        Some(Piece { span, end: last.as_of, count, day: None, numbers: 1, latest: last.as_of })
    }

    pub(super) fn add_unit(&self, unit: &Pair<'_>, paired: &mut Paired) {
        paired.pooled += 1;
        let (mut clicks, mut impressions) = (0_u64, 0_u64);
        for piece in &unit.pieces {
            impressions = impressions.saturating_add(piece.count);
            clicks = clicks.saturating_add(self.add_piece(unit.links, piece, paired));
        }
        paired.clicks = paired.clicks.saturating_add(clicks);
        paired.impressions = paired.impressions.saturating_add(impressions);
        if impressions > 0 {
            paired.units.push(Unit { clicks, impressions });
        }
    }

    /// The clicks of one span; what happened in it after the as-of goes into `paired`.
    fn add_piece(&self, links: &[usize], piece: &Piece, paired: &mut Paired) -> u64 {
        paired.numbers += piece.numbers;
        paired.as_of = paired.as_of.max(Some(piece.latest));
        let mut clicks = 0_u64;
        for link in links {
            let LinkEntry { id, created_at, .. } = self.links[*link];
            paired.cover((piece.span.start.max(created_at), piece.span.end));
            let counted = self.clicks.count(id, self.numerator, piece.span);
            clicks = clicks.saturating_add(counted.clicks);
            paired.whole_day |= counted.whole_day;
            let uncut = Span { start: piece.span.start, end: piece.end };
            let all = self.clicks.count(id, self.numerator, uncut.and(self.span())).clicks;
            paired.after_as_of = paired.after_as_of.saturating_add(all.saturating_sub(counted.clicks));
        }
        clicks
    }
}

impl Paired {
    /// Clicks of this span are among those that are counted.
    fn cover(&mut self, (start, end): (Timestamp, Timestamp)) {
        let (first, last) = self.clicked.unwrap_or((start, end));
        self.clicked = Some((first.min(start), last.max(end)));
    }

    /// What has to be said of one component, added to what was said of others.
    fn take_notes(&mut self, about: Self) {
        self.days_incomplete += about.days_incomplete;
        self.missing.extend(about.missing);
        self.mixed.extend(about.mixed);
        self.links_unused |= about.links_unused;
        self.late_links += about.late_links;
        self.decreased += about.decreased;
        self.other_level = self.other_level.or(about.other_level);
    }
}

impl Piece {
    /// A number of a day or a period, from publication on and cut at its as-of.
    fn of(day: Date, number: &Number, since: Span) -> Self {
        let whole = Span { start: number.start, end: number.end }.and(since);
        let span = Span { start: whole.start, end: whole.end.min(number.as_of) };
        Self { span, end: whole.end, count: number.value, day: Some(day), numbers: 1, latest: number.as_of }
    }

    fn up_to(snapshot: Snapshot, since: Span) -> Self {
        let span = Span { start: since.start, end: snapshot.as_of };
        Self { span, end: Timestamp::MAX, count: snapshot.value, day: None, numbers: 1, latest: snapshot.as_of }
    }

    /// Both together: where they hold until different instants, the earliest cuts the clicks.
    fn and(self, other: &Self) -> Self {
        Self {
            span: Span { start: self.span.start.min(other.span.start), end: self.span.end.min(other.span.end) },
            end: self.end,
            day: self.day,
            count: self.count.saturating_add(other.count),
            numbers: self.numbers + other.numbers,
            latest: self.latest.max(other.latest),
        }
    }
}

/// Adds the numbers of several posts up, span by span.
///
/// Days and periods are kept where every post has a number that had one before: a post that comes later was not there
/// yet; one that stops has an unknown number, which is not 0.
pub(super) fn add_up(posts: &[Vec<Piece>], basis: Basis, incomplete: &mut usize) -> Vec<Piece> {
    if matches!(basis, Basis::Lifetime | Basis::Snapshots) {
        let whole = posts.iter().flatten().copied().reduce(|sum, piece| sum.and(&piece));
        return whole.into_iter().collect();
    }
    let mut sums: BTreeMap<Option<Date>, Piece> = BTreeMap::new();
    for piece in posts.iter().flatten() {
        sums.entry(piece.day).and_modify(|sum| *sum = sum.and(piece)).or_insert(*piece);
    }
    let mut starts: Vec<Option<Date>> = posts.iter().filter_map(|pieces| Some(pieces.first()?.day)).collect();
    starts.sort_unstable();
    let all = sums.len();
    sums.retain(|day, sum| sum.numbers == starts.partition_point(|start| start <= day));
    *incomplete += all - sums.len();
    sums.into_values().collect()
}
