//! What no import may say, whatever its dialect: the future, a post without a name, two numbers for one thing. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::permalink;
use crate::impressions::reading::{Grain, PlatformFile, PlatformPost, Reading};

/// # Errors
/// A sentence for the person who sent the file.
pub(super) fn check(files: &[PlatformFile], as_of: Timestamp) -> Result<(), String> {
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

/// Two numbers for one thing, however it is spelt.
fn contradiction(file: &PlatformFile) -> Option<String> {
    let names: Vec<String> = file.posts.iter().map(|post| name(post).unwrap_or_default()).collect();
    let mut seen = HashMap::with_capacity(file.readings.len());
    file.readings.iter().find_map(|reading| {
        let name = names.get(reading.post as usize)?;
        let (metric, value) = (reading.metric, reading.value);
        let before = *seen.entry((name, reading.slice, metric, reading.grain)).or_insert(value);
        let sentence = || {
            format!(
                "the file has two numbers for {} of {name} ({}): {before} and {value}",
                metric.as_str(),
                reading.grain
            )
        };
        (before != value).then(sentence)
    })
}
