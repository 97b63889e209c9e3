//! The book of imports and the links, put into the shape that rates are computed from.
//!
//! Pure. It must never choose between numbers: which are in force was decided in the book.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::link::LinkId;
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::impressions::book::{Book, Number as Stored, PostId, SliceId, Thing};
use crate::impressions::matching::{Candidate, Matches, published_by};
use crate::impressions::reading::{Grain, LINK_ID, PlatformPost};
use crate::stats::ctr::evidence::{Number, Numbers, PostEntry, Series, Snapshot};
use crate::stats::ctr::groups::LinkEntry;
use crate::stats::series::begin;

/// Links and posts, each post once.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) links: Vec<LinkEntry>,
    pub(crate) posts: Vec<PostEntry>,
}

/// Days of a file that does not say where they begin are taken for days of `zone`, the report time zone.
pub(crate) fn entries(book: &Book, matches: &Matches, links: &[Candidate], zone: &TimeZone) -> Entries {
    let mut posts = Posts::of(book, zone);
    let links = links.iter().map(|link| posts.link(link, book, matches)).collect();
    Entries { links, posts: posts.entries }
}

struct Posts {
    /// The book's posts in its order, then those that only links speak of.
    entries: Vec<PostEntry>,
    unknown: HashMap<String, usize>,
    /// Numbers about single links.
    own: HashMap<LinkId, usize>,
}

impl Posts {
    fn of(book: &Book, zone: &TimeZone) -> Self {
        let mut days = Days { book, zone, begins: HashMap::new() };
        let entries: Vec<PostEntry> = book.posts().map(|(id, post)| entry(id, post, &mut days)).collect();
        let own = entries.iter().enumerate().filter_map(|(at, post)| Some((post.about_link?, at))).collect();
        Self { entries, unknown: HashMap::new(), own }
    }

    /// A link with the posts that it was found to stand in, and those that its owner names and no file speaks of.
    fn link(&mut self, link: &Candidate, book: &Book, matches: &Matches) -> LinkEntry {
        let matched = matches.of_link(link.id).iter().map(|post| post.index());
        let mut posts: Vec<usize> = matched.filter(|post| self.entries[*post].about_link.is_none()).collect();
        posts.extend(link.names.iter().filter(|name| book.find(name).is_none()).map(|name| self.unknown(name)));
        posts.sort_unstable();
        posts.dedup();
        let level = self.level(link.level, &posts);
        LinkEntry { level, posts, own: self.own.get(&link.id).copied(), ..LinkEntry::of(link) }
    }

    fn unknown(&mut self, name: &str) -> usize {
        let entries = &mut self.entries;
        *self.unknown.entry(name.to_owned()).or_insert_with(|| {
            entries.push(PostEntry::named(name));
            entries.len() - 1
        })
    }

    /// What the owner said, or else what the files say of all of its posts.
    fn level(&self, said: Level, posts: &[usize]) -> Level {
        let of_files = || super::groups::same(posts.iter().map(|post| self.entries[*post].level)).flatten();
        if said == Level::Other { of_files().unwrap_or(said) } else { said }
    }
}

/// Where the book's days begin and end.
struct Days<'a> {
    book: &'a Book,
    zone: &'a TimeZone,
    /// By file zone and day; most numbers share both.
    begins: HashMap<(Option<String>, Date), Timestamp>,
}

impl Days<'_> {
    fn begin(&mut self, zone: Option<&String>, day: Date) -> Timestamp {
        let report = self.zone;
        *self.begins.entry((zone.cloned(), day)).or_insert_with(|| {
            let named = zone.and_then(|name| TimeZone::get(name).ok());
            begin(day, named.as_ref().unwrap_or(report))
        })
    }

    fn number(&mut self, stored: &Stored, first: Date, last: Date) -> Number {
        let source = self.book.source(stored.source);
        let end = last.tomorrow().unwrap_or(last);
        Number {
            value: stored.value,
            as_of: source.as_of,
            start: self.begin(source.zone.as_ref(), first),
            end: self.begin(source.zone.as_ref(), end),
        }
    }
}

fn entry(id: PostId, post: &PlatformPost, days: &mut Days<'_>) -> PostEntry {
    let book = days.book;
    let (mut whole, mut slices) = (Numbers::new(), BTreeMap::<SliceId, Numbers>::new());
    for thing in book.of_post(id) {
        let Stored { metric, slice, .. } = thing.in_force;
        let numbers = if *slice == SliceId::WHOLE { &mut whole } else { slices.entry(*slice).or_default() };
        add(numbers.entry(*metric).or_default(), &thing, days);
    }
    let spent = book.of_post(id).map(|thing| thing.in_force).filter(|number| number.metric == Metric::Spend);
    let currency = super::groups::same(spent.map(|number| book.source(number.source).currency.clone()));
    let mut entry = PostEntry {
        name: post.key().to_owned(),
        // An ad has no words of its own in any export, but a name.
        text: if post.text.is_empty() { post.ad.clone().unwrap_or_default() } else { post.text.clone() },
        platform: post.platform.clone(),
        level: Some(post.level).filter(|level| *level != Level::Other),
        account: post.account.clone(),
        format: post.format.clone(),
        published: post.published.as_deref().and_then(|text| text.parse().ok()),
        published_by: published_by(post),
        campaign: post.campaign.clone(),
        ad_set: post.ad_set.clone(),
        ad: post.ad.clone(),
        about_link: post.key().strip_prefix(LINK_ID).and_then(|id| id.parse().ok()).map(LinkId),
        currency: currency.flatten(),
        whole,
        slices: slices.into_iter().map(|(slice, numbers)| (book.slice(slice).clone(), numbers)).collect(),
        added_up: None,
    };
    entry.add_up();
    entry
}

/// Puts a number where its grain belongs: lifetimes come before days, days before periods.
fn add(series: &mut Series, thing: &Thing<'_>, days: &mut Days<'_>) {
    let number = thing.in_force;
    match number.grain {
        Grain::Lifetime => {
            let snapshot = |stored: &Stored| Snapshot { value: stored.value, as_of: days.book.as_of(stored) };
            series.lifetime = days.book.snapshots(thing).into_iter().map(snapshot).collect();
        }
        Grain::Day(day) => {
            series.days.insert(day, days.number(number, day, day));
        }
        Grain::Period(first, last) => add_period(series, (first, last), days.number(number, first, last)),
    }
}

/// Of two periods that overlap, the one that was read later stands; of two read at once, the longer one.
fn add_period(series: &mut Series, period: (Date, Date), number: Number) {
    let overlaps = |other: &(Date, Date)| other.0 <= period.1 && period.0 <= other.1;
    let wins = |(other, known): (&(Date, Date), &Number)| {
        overlaps(other)
            && (known.as_of, other.1.since(other.0).ok().map(|span| span.get_days()))
                > (number.as_of, period.1.since(period.0).ok().map(|span| span.get_days()))
    };
    if series.periods.iter().any(wins) {
        return;
    }
    series.periods.retain(|other, _| !overlaps(other));
    series.periods.insert(period, number);
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::impression::Kind;
    use crate::impressions::book::{bound, volume};
    use crate::impressions::reading::{PlatformFile, Reading, Slice};
    use crate::stats::ctr::evidence::AddedUp;

    const VIEWS: Metric = Metric::Impressions(Kind::Views);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn file(names: &[&str], readings: &[(u32, Metric, Grain, u64)]) -> PlatformFile {
        let post = |name: &&str| PlatformPost { names: vec![(*name).to_owned()], ..PlatformPost::default() };
        let reading = |(slice, metric, grain, value): &(u32, Metric, Grain, u64)| Reading {
            post: 0,
            slice: *slice,
            metric: *metric,
            grain: *grain,
            value: *value,
        };
        PlatformFile {
            posts: names.iter().map(post).collect(),
            slices: vec![Slice::new(), Slice::from([("age".to_owned(), "18-24".to_owned())])],
            readings: readings.iter().map(reading).collect(),
            ..PlatformFile::default()
        }
    }

    fn posts(files: Vec<(&str, PlatformFile)>) -> Vec<PostEntry> {
        let volumes: Vec<_> = (1..).zip(files).map(|(id, (as_of, file))| volume(id, at(as_of), file)).collect();
        entries(&bound(volumes), &Matches::default(), &[], &TimeZone::UTC).posts
    }

    #[test]
    fn slices_are_added_up_where_no_file_tells_the_whole() {
        const REACH: Metric = Metric::Impressions(Kind::Reach);
        let (first, second) = (Grain::Day(date(2026, 11, 3)), Grain::Day(date(2026, 11, 4)));
        let by = |name: &str, whole: &[(u32, Metric, Grain, u64)]| {
            let parts = [(0, VIEWS, first, 7), (1, VIEWS, first, 5), (1, VIEWS, second, 2), (0, REACH, first, 6)];
            let slice = |value: &str| Slice::from([(name.to_owned(), value.to_owned())]);
            let parts = PlatformFile { slices: vec![slice("a"), slice("b")], ..file(&["meta-ad:1"], &parts) };
            let whole = file(&["meta-ad:1"], whole);
            posts(vec![("2026-11-08T00:00:00Z", parts), ("2026-11-09T00:00:00Z", whole)]).remove(0)
        };
        let days = |post: &PostEntry| -> Vec<u64> {
            let numbers = post.whole.get(&VIEWS).into_iter().flat_map(|series| series.days.values());
            numbers.map(|number| number.value).collect()
        };
        let post = by("age", &[]);
        assert_eq!(
            (days(&post), post.whole.contains_key(&REACH)),
            (vec![12, 2], false),
            "people are in several slices"
        );
        assert_eq!(post.added_up, Some(AddedUp { by: "age".to_owned(), all: true }));
        let post = by("age", &[(0, VIEWS, first, 13)]);
        assert_eq!(days(&post), [13, 2], "what a file says of the whole stands");
        assert_eq!(post.added_up.map(|added| added.all), Some(false));
        let post = by("asset", &[]);
        assert_eq!((days(&post), post.added_up), (vec![], None), "one impression has several assets");
    }

    #[test]
    fn days_begin_where_the_file_says_that_they_do() {
        let day = date(2026, 11, 3);
        let named = |zone: Option<&str>| {
            let file =
                PlatformFile { zone: zone.map(str::to_owned), ..file(&["x:1"], &[(0, VIEWS, Grain::Day(day), 7)]) };
            posts(vec![("2026-11-09T00:00:00Z", file)])[0].whole[&VIEWS].days[&day]
        };
        let pacific = named(Some("America/Los_Angeles"));
        assert_eq!((pacific.start, pacific.end), (at("2026-11-03T08:00:00Z"), at("2026-11-04T08:00:00Z")));
        assert_eq!(named(None).start, at("2026-11-03T00:00:00Z"));
    }

    #[test]
    fn a_lifetime_keeps_every_reading_and_the_grains_stay_apart() {
        let week = Grain::Period(date(2026, 11, 1), date(2026, 11, 7));
        let first = file(&["x:1"], &[(0, VIEWS, Grain::Lifetime, 100), (0, VIEWS, week, 40)]);
        let second = file(&["x:1"], &[(0, VIEWS, Grain::Lifetime, 150), (1, VIEWS, Grain::Lifetime, 30)]);
        let found = posts(vec![("2026-11-02T00:00:00Z", first), ("2026-11-09T00:00:00Z", second)]);
        let series = &found[0].whole[&VIEWS];
        let lifetime: Vec<_> = series.lifetime.iter().map(|snapshot| snapshot.value).collect();
        assert_eq!((lifetime, series.periods.len(), series.days.len()), (vec![100, 150], 1, 0));
        assert_eq!(found[0].slices[0].0["age"], "18-24");
        assert_eq!(found[0].slices[0].1[&VIEWS].lifetime[0].value, 30);
    }

    #[test]
    fn of_periods_that_overlap_the_one_read_later_stands() {
        let period = |first: i8, last: i8| Grain::Period(date(2026, 11, first), date(2026, 11, last));
        let older = file(&["x:1"], &[(0, VIEWS, period(1, 7), 70), (0, VIEWS, period(20, 21), 9)]);
        let newer = file(&["x:1"], &[(0, VIEWS, period(5, 11), 80)]);
        let found = posts(vec![("2026-11-09T00:00:00Z", older), ("2026-11-12T00:00:00Z", newer)]);
        let values: Vec<_> = found[0].whole[&VIEWS].periods.values().map(|number| number.value).collect();
        assert_eq!(values, [80, 9]);
    }

    #[test]
    fn an_ad_is_called_by_its_name() {
        let mut ads = file(&["meta-ad:1", "meta-ad:2"], &[(0, VIEWS, Grain::Lifetime, 5)]);
        ads.posts[0].ad = Some("Blue shoes".to_owned());
        let found = posts(vec![("2026-11-09T00:00:00Z", ads)]);
        assert_eq!([&*found[0].text, &*found[1].text], ["Blue shoes", ""]);
    }

    #[test]
    fn a_post_that_stands_for_a_link_says_which() {
        let found = posts(vec![("2026-11-09T00:00:00Z", file(&["link-id:7"], &[(0, VIEWS, Grain::Lifetime, 5)]))]);
        assert_eq!(found[0].about_link, Some(LinkId(7)));
    }
}
