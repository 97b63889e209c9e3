//! Requests that met no link: how often, per day, kind and slug. They are hints: an outcome that nobody knows is taken
//! for done, because adding them again could count them twice.

use futures_util::future::try_join_all;
use jiff::civil::Date;
use redis::cmd;

use super::Server;
use super::counts::number;
use super::keys::score;
use super::line::Call;
use super::reaction::{Failure, Reaction, Result};
use super::{report, scripts};
use crate::domain::counter::VALUE_BYTES_MAX;
use crate::store::MISSED_SLUGS_MAX;

pub(super) async fn add(server: &Server, day: Date, misses: &[(String, String, u64)]) -> Result<()> {
    // Without a connection nothing was sent, so this is the one failure that loses nothing.
    server.lookups.reach(&server.keys.misses(day)).await?;
    let mut call = Call::new(&scripts::MISSES)
        .key(server.keys.misses(day))
        .key(server.keys.miss_days())
        .arg(day.to_string())
        .arg(score(day).to_string())
        .arg(MISSED_SLUGS_MAX.to_string());
    for (kind, slug, count) in misses {
        call.push(kind.as_str());
        call.push(&slug[..slug.floor_char_boundary(VALUE_BYTES_MAX)]);
        call.push(number(*count));
    }
    match server.lookups.run::<()>(&call).await {
        Err(failure) if failure.reaction == Reaction::Unknown => Ok(()),
        done => done,
    }
}

/// Largest count first.
pub(super) async fn read(server: &Server, first: Date, last: Date) -> Result<Vec<(Date, String, String, u64)>> {
    let days = report::days(server, &server.keys.miss_days(), first, last).await?;
    let mut misses = try_join_all(days.into_iter().map(|day| read_day(server, day))).await?.concat();
    misses.sort_unstable_by(|a, b| b.3.cmp(&a.3).then_with(|| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2))));
    Ok(misses)
}

async fn read_day(server: &Server, day: Date) -> Result<Vec<(Date, String, String, u64)>> {
    let key = server.keys.misses(day);
    let fields: Vec<(String, String)> = server.reports.read(cmd("HGETALL").arg(&key)).await?;
    let parse = |(field, text): (String, String)| {
        let (kind, slug) = field.split_once(':')?;
        Some((day, kind.to_owned(), slug.to_owned(), report::count(&text)?))
    };
    let unreadable = || Failure::poison(format!("{key} holds a field that is no miss"));
    fields.into_iter().map(|field| parse(field).ok_or_else(unreadable)).collect()
}
