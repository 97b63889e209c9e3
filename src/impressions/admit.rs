//! What no import may say, whatever its dialect: the future, a post without a name, two numbers for one thing. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::permalink;
use crate::impressions::reading::{Grain, PlatformFile, PlatformPost, Reading};

/// # Errors
/// A sentence for the person who sent the file.
pub(super) fn check(files: &mut [PlatformFile], as_of: Timestamp) -> Result<(), String> {
    let last_day = last_day(as_of);
    for file in files {
        if let Some((_, day)) = days(file).find(|(_, last)| *last > last_day) {
            return Err(format!("the file has numbers of {day}, which is in the future"));
        }
        if let Some(post) = file.posts.iter().find(|post| name(post).is_none()) {
            let shown: String = post.text.chars().take(80).collect();
            return Err(format!("a post ({shown:?}) has neither an id nor a permalink of at most 512 bytes"));
        }
        contradiction(file).map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// Every span of days that a file speaks of.
pub(super) fn days(file: &PlatformFile) -> impl Iterator<Item = (Date, Date)> {
    let of_reading = |reading: &Reading| match reading.grain {
        Grain::Lifetime => None,
        Grain::Day(day) => Some((day, day)),
        Grain::Period(first, last) => Some((first, last)),
    };
    file.period.into_iter().chain(file.readings.iter().filter_map(of_reading))
}

fn name(post: &PlatformPost) -> Option<String> {
    let names = post.names.iter().chain(&post.permalink).map(String::as_str);
    permalink::names(&post.platform, names).into_iter().next()
}

/// The last day that numbers of this instant can speak of: somewhere it may be tomorrow already.
fn last_day(as_of: Timestamp) -> Date {
    let today = as_of.to_zoned(TimeZone::UTC).date();
    today.tomorrow().unwrap_or(today)
}

/// Two numbers for one thing, however it is spelt. Puts the readings in the order of their things, in which the same
/// numbers are the same body, and which packs well.
fn contradiction(file: &mut PlatformFile) -> Option<String> {
    let names: Vec<String> = file.posts.iter().map(|post| name(post).unwrap_or_default()).collect();
    let mut first: HashMap<&str, u32> = HashMap::with_capacity(names.len());
    let places: Vec<u32> = (0..).zip(&names).map(|(at, name)| *first.entry(name).or_insert(at)).collect();
    let place = |reading: &Reading| places.get(reading.post as usize).copied().unwrap_or(reading.post);
    let thing = |reading: &Reading| (place(reading), reading.slice, reading.metric, reading.grain);
    file.readings.sort_unstable_by_key(|reading| (thing(reading), reading.post, reading.value));
    let differ = |pair: &&[Reading]| thing(&pair[0]) == thing(&pair[1]) && pair[0].value != pair[1].value;
    file.readings.windows(2).find(differ).map(|pair| {
        let (name, metric) = (names.get(place(&pair[0]) as usize).map_or("", String::as_str), pair[0].metric.as_str());
        let (one, other) = (pair[0].value, pair[1].value);
        format!("the file has two numbers for {metric} of {name} ({}): {one} and {other}", pair[0].grain)
    })
}
