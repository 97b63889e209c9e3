//! What all imports say together.

use jiff::civil::{Date, date};

use super::*;
use crate::domain::import::{About, Digest};
use crate::domain::impression::Kind;
use crate::domain::placement::Level;
use crate::impressions::reading::{PlatformFile, PlatformPost, Reading};

const VIEWS: Metric = Metric::Impressions(Kind::Views);
const DAY: Date = date(2026, 11, 2);

fn at(hour: i64) -> Timestamp {
    Timestamp::constant(1_800_000_000, 0) + jiff::SignedDuration::from_hours(hour)
}

/// A volume of one file; its bytes are told apart by its id.
pub(crate) fn volume(id: u64, as_of: Timestamp, file: PlatformFile) -> Volume {
    let about = About {
        digest: Digest([id as u8; 32]),
        file: Digest([id as u8; 32]),
        file_name: format!("{id}.csv"),
        dialects: Vec::new(),
        as_of,
        imported_at: at(1000),
        posts: 0,
        numbers: 0,
        first: None,
        last: None,
    };
    let content = Content { files: vec![file], options: Vec::new() };
    Volume { summary: ImportSummary { id: ImportId(id), about }, content }
}

/// A book of these imports.
pub(crate) fn bound(volumes: Vec<Volume>) -> Book {
    let mut binder = Binder::new(volumes.iter().map(|volume| &volume.summary));
    volumes.into_iter().for_each(|volume| binder.take(volume));
    binder.bind()
}

fn post(names: &[&str]) -> PlatformPost {
    PlatformPost { names: names.iter().map(|name| (*name).to_owned()).collect(), ..PlatformPost::default() }
}

/// Posts by their names, and a lifetime number of views for each.
fn file(posts: &[(&[&str], u64)]) -> PlatformFile {
    let reading = |(post, (_, value)): (u32, &(&[&str], u64))| Reading {
        post,
        slice: 0,
        metric: VIEWS,
        grain: Grain::Lifetime,
        value: *value,
    };
    PlatformFile {
        slices: vec![Slice::new()],
        posts: posts.iter().map(|(names, _)| post(names)).collect(),
        readings: (0..).zip(posts).map(reading).collect(),
        ..PlatformFile::default()
    }
}

fn one(id: u64, hour: i64, value: u64) -> Volume {
    volume(id, at(hour), file(&[(&["x:1"], value)]))
}

fn values(book: &Book) -> Vec<u64> {
    book.in_force().map(|number| number.value).collect()
}

/// What there is of one metric of a post.
fn things<'a>(book: &'a Book, name: &str, metric: Metric) -> Vec<Thing<'a>> {
    book.of_post(book.find(name).unwrap()).filter(|thing| thing.in_force.metric == metric).collect()
}

/// A book of one import of posts without numbers.
pub(crate) fn of_posts(as_of: Timestamp, posts: &[PlatformPost]) -> Book {
    bound(vec![volume(1, as_of, PlatformFile { posts: posts.to_vec(), ..PlatformFile::default() })])
}

#[test]
fn e75_the_newer_as_of_is_in_force_and_an_older_one_that_comes_later_is_history() {
    let book = bound(vec![one(1, 5, 500), one(2, 3, 300), one(3, 8, 800)]);
    assert_eq!(values(&book), [800]);
    let [thing] = things(&book, "x:1", VIEWS)[..] else { panic!("{book:?}") };
    assert_eq!(thing.before.iter().map(|number| number.value).collect::<Vec<_>>(), [300, 500]);
    let snapshots = book.snapshots(&thing).into_iter();
    let snapshots: Vec<_> = snapshots.map(|number| (book.as_of(number), number.value)).collect();
    assert_eq!(snapshots, [(at(3), 300), (at(5), 500), (at(8), 800)]);
    assert_eq!(book.conflicts().count(), 0);
}

#[test]
fn of_two_equal_as_ofs_the_later_import_is_in_force_and_a_contradiction_is_shown() {
    let book = bound(vec![one(2, 5, 200), one(1, 5, 100), one(3, 5, 200)]);
    assert_eq!(values(&book), [200]);
    let conflicts: Vec<_> = book.conflicts().map(|found| (found.in_force.value, found.other.value)).collect();
    assert_eq!(conflicts, [(200, 100)], "the same value twice is no conflict");
    assert_eq!(book.in_force().map(|number| book.import(number)).collect::<Vec<_>>(), [ImportId(3)]);
}

#[test]
fn e78_without_an_import_everything_is_as_if_it_had_never_been() {
    let (a, b, c) = (one(1, 1, 100), one(2, 2, 150), one(3, 3, 180));
    assert_eq!(values(&bound(vec![a.clone(), b.clone(), c.clone()])), [180]);
    assert_eq!(values(&bound(vec![a.clone(), b])), [150]);
    assert_eq!(values(&bound(vec![a, c])), [180]);
    assert_eq!(bound(vec![]).posts().len(), 0);
}

#[test]
fn e79_a_file_read_again_with_other_options_stands_in_the_place_of_its_first_reading() {
    let first = one(1, 9, 100);
    let mut second = one(2, 5, 70);
    second.summary.about.file = first.summary.about.file;
    let book = bound(vec![first.clone(), second.clone()]);
    assert_eq!(values(&book), [70], "even with an older as-of, because the first reading was wrong");
    assert_eq!((book.superseded_by(ImportId(1)), book.superseded_by(ImportId(2))), (Some(ImportId(2)), None));
    assert_eq!(values(&bound(vec![first])), [100]);
}

#[test]
fn e74_overlapping_ranges_meet_day_by_day() {
    let days = |id, hour, days: &[(i8, u64)]| {
        let mut file = file(&[(&["x:1"], 0)]);
        let reading = |(day, value): &(i8, u64)| Reading {
            post: 0,
            slice: 0,
            metric: VIEWS,
            grain: Grain::Day(date(2026, 11, *day)),
            value: *value,
        };
        file.readings = days.iter().map(reading).collect();
        volume(id, at(hour), file)
    };
    let book = bound(vec![days(1, 1, &[(1, 10), (2, 20)]), days(2, 2, &[(2, 22), (3, 30)])]);
    assert_eq!(values(&book), [10, 22, 30]);
}

#[test]
fn numbers_of_another_grain_slice_or_metric_stand_beside_each_other() {
    let mut all = file(&[(&["x:1"], 100)]);
    all.slices.push(Slice::from([("age".to_owned(), "25-34".to_owned())]));
    let more = |slice, metric, grain| Reading { post: 0, slice, metric, grain, value: 1 };
    all.readings.extend([
        more(0, VIEWS, Grain::Day(DAY)),
        more(0, VIEWS, Grain::Period(DAY, DAY.tomorrow().unwrap())),
        more(1, VIEWS, Grain::Lifetime),
        more(0, Metric::Spend, Grain::Lifetime),
    ]);
    let book = bound(vec![volume(1, at(1), all)]);
    let views = things(&book, "x:1", VIEWS);
    assert_eq!((book.in_force().count(), views.len()), (5, 4));
    assert_eq!(book.slice(views[3].in_force.slice)["age"], "25-34");
    assert_eq!(book.of_post(PostId(0)).collect::<Vec<_>>(), book.things().collect::<Vec<_>>());
}

#[test]
fn e77_impressions_and_views_of_one_post_are_two_series() {
    let mut old = file(&[(&["x:1"], 900)]);
    old.readings[0].metric = Metric::Impressions(Kind::Impressions);
    let book = bound(vec![volume(1, at(1), old), one(2, 2, 1500)]);
    let of = |kind| things(&book, "x:1", Metric::Impressions(kind)).len();
    assert_eq!((of(Kind::Impressions), of(Kind::Views), values(&book)), (1, 1, vec![900, 1500]));
}

#[test]
fn e76_a_value_that_went_down_is_in_force_as_it_is() {
    let book = bound(vec![one(1, 1, 100), one(2, 2, 90)]);
    assert_eq!(values(&book), [90]);
    assert_eq!(things(&book, "x:1", VIEWS)[0].before[0].value, 100);
}

#[test]
fn posts_that_share_a_name_are_one_whichever_file_says_so() {
    let id_and_permalink = file(&[(&["fb:11111", "https://www.facebook.com/p/posts/pfbid0123456789"], 1)]);
    let by_permalink = file(&[(&["https://facebook.com/p/posts/pfbid0123456789/"], 2)]);
    let by_id = file(&[(&["fb:11111"], 3)]);
    let book = bound(vec![volume(1, at(1), by_permalink), volume(2, at(2), by_id), volume(3, at(3), id_and_permalink)]);
    assert_eq!((book.posts().len(), values(&book)), (1, vec![1]));
    let post = book.find("fb:pfbid0123456789").unwrap();
    assert_eq!(book.imports_of(post), [ImportId(1), ImportId(2), ImportId(3)]);
    assert_eq!(book.post(post).names, ["fb:pfbid0123456789", "fb:11111"]);
}

#[test]
fn a_bare_id_means_the_post_of_the_one_platform_that_has_it() {
    let of = |platform: &str| PlatformPost { platform: platform.to_owned(), ..post(&["777777777777777777"]) };
    let book = of_posts(at(1), &[of("instagram"), post(&["x:20"])]);
    assert_eq!(book.find_meant("777777777777777777"), book.find("ig-id:777777777777777777"));
    assert_eq!(book.find_meant("https://x.com/a/status/20"), book.find("x:20"));
    let book = of_posts(at(1), &[of("instagram"), of("tiktok")]);
    assert_eq!(book.find_meant("777777777777777777"), None, "it could be either");
}

#[test]
fn a_name_that_two_posts_of_one_file_have_is_a_name_of_neither() {
    let shared = file(&[(&["x:1", "https://blog.example/a"], 1), (&["x:2", "https://blog.example/a"], 2)]);
    let book = bound(vec![volume(1, at(1), shared)]);
    assert_eq!((book.posts().len(), book.find("https://blog.example/a")), (2, None));
}

#[test]
fn posts_that_one_file_tells_apart_stay_apart_although_another_gives_them_one_name() {
    let apart = file(&[(&["fb:11111", "fb:pfbidAAAAAAAA"], 1), (&["fb:22222"], 2)]);
    let moved = file(&[(&["fb:22222", "fb:pfbidAAAAAAAA"], 3)]);
    let book = bound(vec![volume(1, at(1), apart.clone()), volume(2, at(2), moved.clone())]);
    assert_eq!((book.posts().len(), values(&book)), (2, vec![1, 3]));
    let book = bound(vec![volume(1, at(1), moved), volume(2, at(2), apart)]);
    assert_eq!((book.posts().len(), values(&book)), (2, vec![2, 1]));
}

#[test]
fn e71_a_post_that_the_platform_no_longer_lists_keeps_its_numbers() {
    let book = bound(vec![
        volume(1, at(1), file(&[(&["x:1"], 10), (&["x:2"], 20)])),
        volume(2, at(2), file(&[(&["x:2"], 25)])),
    ]);
    assert_eq!(things(&book, "x:1", VIEWS)[0].in_force.value, 10);
}

#[test]
fn e85_a_renamed_account_keeps_its_posts_and_goes_by_its_new_name() {
    let named = |id, account: &str| {
        let mut file = file(&[(&[&*format!("https://x.com/{account}/status/1")], id)]);
        file.posts[0].account = Some(account.to_owned());
        volume(id, at(id as i64), file)
    };
    let book = bound(vec![named(1, "jane"), named(2, "jane_doe")]);
    assert_eq!((book.posts().len(), values(&book)), (1, vec![2]));
    assert_eq!(book.post(book.find("x:1").unwrap()).account.as_deref(), Some("jane_doe"));
}

#[test]
fn what_a_newer_file_leaves_out_is_known_from_the_older_one() {
    let mut first = file(&[(&["x:1"], 1)]);
    first.posts[0] = PlatformPost {
        text: "Hello".to_owned(),
        published: Some("2026-11-01T10:00:00Z".to_owned()),
        mentions: vec!["a.example/b".to_owned()],
        level: Level::Post,
        ..first.posts[0].clone()
    };
    let mut second = file(&[(&["x:1"], 2)]);
    second.posts[0].published = Some("2026-11-01".to_owned());
    let book = bound(vec![volume(1, at(1), first), volume(2, at(2), second)]);
    let post = book.post(book.find("x:1").unwrap());
    assert_eq!((post.text.as_str(), post.level, post.mentions.len()), ("Hello", Level::Post, 1));
    assert_eq!(post.published.as_deref(), Some("2026-11-01T10:00:00Z"));
}

#[test]
fn a_file_that_tells_its_day_holds_until_the_end_of_it_and_no_longer_than_its_import() {
    let made = |day, zone: Option<&str>| {
        let file = PlatformFile { as_of: Some(day), zone: zone.map(str::to_owned), ..file(&[(&["x:1"], 1)]) };
        bound(vec![volume(1, "2026-11-05T12:00:00Z".parse().unwrap(), file)]).sources[0].as_of.to_string()
    };
    assert_eq!(made(DAY, None), "2026-11-03T00:00:00Z");
    assert_eq!(made(DAY, Some("America/Los_Angeles")), "2026-11-03T08:00:00Z");
    assert_eq!(made(date(2026, 11, 5), None), "2026-11-05T12:00:00Z");
}

#[test]
fn a_reading_of_a_post_that_its_file_does_not_have_is_left_out() {
    let mut broken = file(&[(&["x:1"], 1)]);
    broken.readings.push(Reading { post: 9, ..broken.readings[0] });
    broken.readings.push(Reading { slice: 9, ..broken.readings[0] });
    assert_eq!(values(&bound(vec![volume(1, at(1), broken)])), [1]);
}

#[test]
fn hundreds_of_imports_of_a_thousand_posts_are_put_together_without_a_square() {
    let names: Vec<String> = (0..1000).map(|id| format!("x:{}", id + 1)).collect();
    let posts: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let posts: Vec<(&[&str], u64)> = posts.iter().map(|names| (&names[..], 1)).collect();
    let shared = file(&posts);
    let volumes: Vec<_> = (1..=200).map(|id| volume(id, at(id as i64), shared.clone())).collect();
    let book = bound(volumes);
    assert_eq!((book.posts().len(), book.in_force().count()), (1000, 1000));
    assert_eq!(book.snapshots(&things(&book, "x:1", VIEWS)[0]).len(), 200);
}
