//! Why a platform's clicks and ours differ: each known cause with what speaks for it, the best explanation first.
//!
//! Pure. A cause that can be measured must say how much of the gap it explains; one that cannot stands behind those that
//! can, and only where the gap goes its way.

use jiff::{SignedDuration, Timestamp};

use crate::domain::metric::Clicks;
use crate::domain::placement::Level;
use crate::domain::verdict::Verdict;
use crate::stats::ctr::Material;
use crate::stats::ctr::groups::Component;
use crate::stats::ctr::pairing::Pair;
use crate::stats::ctr::reconcile::{Ours, shifted};
use crate::stats::wire::{Basis, Cause};

/// What is known of one discrepancy.
pub(super) struct Facts<'a> {
    pub(super) material: &'a Material<'a>,
    pub(super) component: &'a Component,
    /// Which of the platform's numbers ours are held against.
    pub(super) reference: Clicks,
    pub(super) theirs: u64,
    pub(super) all: Option<u64>,
    pub(super) outbound: Option<u64>,
    pub(super) ours: &'a Ours,
    pub(super) pair: &'a Pair<'a>,
    pub(super) platform: Option<String>,
    pub(super) level: Level,
    /// Between these, ours over theirs is as expected.
    pub(super) band: (f64, f64),
    pub(super) now: Timestamp,
}

/// How long platforms go on correcting numbers that were read (Meta and LinkedIn say two days).
const SETTLES: SignedDuration = SignedDuration::from_hours(48);

/// A shift of time zones is only looked for over this many days, and must explain this part of what differs by day.
const SHIFT_DAYS_MIN: usize = 5;
const SHIFT_EXPLAINS_MIN: f64 = 0.3;

/// The causes that fit, the one that explains the most first; nothing when the two agree well enough.
pub(super) fn causes(facts: &Facts<'_>) -> Vec<Cause> {
    let (ours, theirs) = (facts.ours.human as f64, facts.theirs as f64);
    let mut found = match (ours < theirs * facts.band.0, ours > theirs * facts.band.1) {
        (true, _) => ours_fewer(facts),
        (_, true) => ours_more(facts),
        (false, false) => return Vec::new(),
    };
    found.extend(time_zone(facts));
    found.extend(unsettled(facts));
    // Those that explain something first, by how much; the order in which they are listed breaks ties.
    found.sort_by(|a, b| b.explains.unwrap_or(-1.0).total_cmp(&a.explains.unwrap_or(-1.0)));
    found
}

fn cause(name: &str, explains: Option<f64>, text: String) -> Cause {
    Cause { name: name.to_owned(), explains: explains.map(|share| share.clamp(0.0, 1.0)), text }
}

/// How much of the gap `count` clicks close.
fn share(facts: &Facts<'_>, count: u64) -> Option<f64> {
    let gap = facts.ours.human.abs_diff(facts.theirs);
    (gap > 0 && count > 0).then(|| count as f64 / gap as f64)
}

fn ours_fewer(facts: &Facts<'_>) -> Vec<Cause> {
    let ours = facts.ours;
    let measured = |name, count: u64, text: String| share(facts, count).map(|share| cause(name, Some(share), text));
    let filtered = ours.all.saturating_sub(ours.human).saturating_sub(ours.verdict(Verdict::Duplicate));
    let known = [
        (facts.reference == Clicks::All).then(|| {
            let text =
                "the platform counts every tap on the post here: see more, photo, profile, and the link among them";
            cause("all_clicks", None, text.to_owned())
        }),
        facts.outbound.filter(|_| facts.reference == Clicks::Link).and_then(|outbound| {
            let inside = facts.theirs.saturating_sub(outbound);
            let text = format!("{inside} of their link clicks stayed on the platform (forms, instant experiences)");
            measured("stayed_on_platform", inside, text)
        }),
        measured(
            "bots_on_platform",
            filtered,
            format!("{filtered} hits that we took for previews, bots, scanners or prefetches may be in their number"),
        ),
        measured(
            "double_taps",
            ours.verdict(Verdict::Duplicate),
            format!("{} double taps count once here and may count twice there", ours.verdict(Verdict::Duplicate)),
        ),
        measured(
            "own_clicks",
            ours.verdict(Verdict::Owner),
            format!("{} clicks of your own are left out here", ours.verdict(Verdict::Owner)),
        ),
    ];
    known.into_iter().flatten().chain(ours_fewer_likely(facts)).collect()
}

/// Causes that leave no trace here.
fn ours_fewer_likely(facts: &Facts<'_>) -> impl Iterator<Item = Cause> {
    let links = || facts.component.links.iter().map(|link| &facts.material.links[*link]);
    let published = facts.material.published_by(&facts.component.posts.iter().copied().collect::<Vec<_>>());
    let late = published.zip(links().map(|link| link.created_at).min()).is_some_and(|(at, made)| made > at);
    let likely = [
        late.then(|| {
            cause("late_link", None, "the link was made after the post: earlier taps led elsewhere".to_owned())
        }),
        links().any(|link| link.permanent).then(|| {
            let text = "the link answers with a permanent redirect: browsers that keep it never ask again";
            cause("cached_redirect", None, text.to_owned())
        }),
        (facts.platform.as_deref() == Some("linkedin"))
            .then(|| cause("reposts", None, "LinkedIn adds what happened on reposts to the post itself".to_owned())),
        Some(cause(
            "abandoned",
            None,
            "taps whose in-app browser was closed, or whose network or block list stopped the request, before it \
             reached this server"
                .to_owned(),
        )),
    ];
    likely.into_iter().flatten()
}

fn ours_more(facts: &Facts<'_>) -> Vec<Cause> {
    let (elsewhere, named) = elsewhere(facts);
    let repeated = facts.ours.human.saturating_sub(facts.ours.unique);
    let measured = |name, count: u64, text: String| share(facts, count).map(|share| cause(name, Some(share), text));
    let scanners = facts.ours.verdict(Verdict::Scanner);
    let known = [
        measured(
            "shared_elsewhere",
            elsewhere,
            format!("{elsewhere} of these clicks were seen to come from elsewhere ({named}): the link was passed on"),
        ),
        measured(
            "repeated",
            repeated,
            format!("{repeated} clicks are repeated visits, from history and open tabs too, which no platform sees"),
        ),
        (facts.level == Level::Email && scanners > 0).then(|| {
            let text =
                format!("mail gateways looked at this link ({scanners} were recognised); others may look like people");
            cause("scanners", None, text)
        }),
        (facts.component.posts.len() > 1).then(|| {
            cause(
                "several_posts",
                None,
                "the link stands in several posts, not all of which the platform counts".to_owned(),
            )
        }),
        Some(cause(
            "platform_counts_less",
            None,
            "the platform counts only people who are signed in, and leaves small numbers out".to_owned(),
        )),
    ];
    known.into_iter().flatten().collect()
}

/// Clicks that were seen to come from another platform than the post's, and the most frequent of those.
fn elsewhere(facts: &Facts<'_>) -> (u64, String) {
    let (Some(platform), Some(span)) = (facts.platform.as_deref(), facts.ours.span) else {
        return (0, String::new());
    };
    let mut places: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for link in facts.pair.links {
        let seen_on = facts.material.clicks.seen_on(facts.material.links[*link].id, span);
        // A click without a trace of where it came from may well be the platform's own app.
        for (place, count) in seen_on.filter(|(place, _)| *place != platform && is_a_place(place)) {
            *places.entry(place).or_default() += count;
        }
    }
    let mut sorted: Vec<_> = places.iter().collect();
    sorted.sort_by_key(|(place, count)| (std::cmp::Reverse(**count), **place));
    let named: Vec<_> = sorted.iter().take(3).map(|(place, count)| format!("{place} {count}")).collect();
    (places.values().sum(), named.join(", "))
}

fn is_a_place(name: &str) -> bool {
    !matches!(name, "direct" | "unknown" | "") && !name.starts_with('(')
}

/// Whether our days fit theirs better when they begin at another hour: their shape, and not only their number, for fewer
/// clicks fit fewer clicks better at any hour.
fn time_zone(facts: &Facts<'_>) -> Option<Cause> {
    if facts.pair.basis != Basis::Days || facts.pair.pieces.len() < SHIFT_DAYS_MIN {
        return None;
    }
    let theirs: Vec<u64> = facts.pair.pieces.iter().map(|piece| piece.count).collect();
    let misfit = |hours: i64| -> Misfit {
        let ours = shifted(facts.material, facts.pair, SignedDuration::from_hours(hours));
        Misfit::of(&ours.into_iter().map(|(_, count)| count).collect::<Vec<_>>(), &theirs)
    };
    let unmoved = misfit(0);
    let (hours, moved) =
        (-12..=12).map(|hours| (hours, misfit(hours))).min_by(|(_, a), (_, b)| a.shape.total_cmp(&b.shape))?;
    let explains = 1.0 - moved.count / unmoved.count.max(1.0);
    let fits = explains.min(1.0 - moved.shape / unmoved.shape.max(1.0)) >= SHIFT_EXPLAINS_MIN;
    (hours != 0 && fits).then(|| {
        let text = format!("the days fit better when ours begin {hours:+} hours: the file's time zone may be another");
        cause("time_zone", Some(explains), text)
    })
}

/// How many clicks two series of days are apart, day by day.
struct Misfit {
    count: f64,
    /// The same after ours were scaled to as many in all as theirs.
    shape: f64,
}

impl Misfit {
    fn of(ours: &[u64], theirs: &[u64]) -> Self {
        let sum = |series: &[u64]| series.iter().sum::<u64>() as f64;
        let scale = sum(theirs) / sum(ours).max(1.0);
        let apart =
            |by: f64| ours.iter().zip(theirs).map(|(our, their)| (*our as f64 * by - *their as f64).abs()).sum();
        Self { count: apart(1.0), shape: apart(scale) }
    }
}

/// Numbers read this soon after what they count still change.
fn unsettled(facts: &Facts<'_>) -> Option<Cause> {
    let read = facts.pair.pieces.iter().map(|piece| piece.latest).max()?;
    let published = facts.component.posts.iter().filter_map(|post| facts.material.posts[*post].published).max();
    let is_fresh = published.is_some_and(|at| read.duration_since(at) < SETTLES);
    let is_recent = facts.now.duration_since(read) < SETTLES && facts.pair.basis == Basis::Days;
    (is_fresh || is_recent).then(|| {
        let text = "the platform's numbers were read within two days and may still change: import a newer file";
        cause("unsettled", None, text.to_owned())
    })
}
