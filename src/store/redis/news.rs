//! How a node hears of links that others changed: a stream that it reads as it grows, so that what happened while it
//! was cut off is read afterwards, and an answer when even that is not enough.

use std::time::Duration;

use redis::{FromRedisValue, Value, cmd, from_redis_value, pipe};

use super::Server;
use super::reaction::{Failure, Result};
use crate::domain::link::LinkId;
use crate::store::{Heard, News};

/// Milliseconds a question waits for news. A connection that died unseen is found out within this and a deadline.
const WAIT_MS: u64 = 1_000;

/// Changes taken at a time.
const TAKEN_MAX: usize = 1_000;

/// Where a stream begins that has no entry.
const NOTHING: &str = "0-0";

type Entries = Vec<(String, Vec<String>)>;

/// Which run of which server, and the last entry read there. Another run may have forgotten entries, and gone on with
/// others under later numbers, so that the number alone proves nothing.
struct Place {
    run: String,
    entry: String,
}

impl Place {
    fn parse(heard: &Heard) -> Option<Self> {
        let (run, entry) = heard.0.split_once(' ')?;
        Some(Self { run: run.to_owned(), entry: entry.to_owned() })
    }

    fn heard(&self) -> Heard {
        Heard(format!("{} {}", self.run, self.entry))
    }
}

/// Where the stream ends now.
pub(super) async fn now(server: &Server) -> Result<Heard> {
    let run = run_id(&server.news.ask::<String>(cmd("INFO").arg("server")).await?)?;
    let mut newest = cmd("XREVRANGE");
    newest.arg(server.keys.changes()).arg("+").arg("-").arg("COUNT").arg(1);
    let entries: Entries = server.news.ask(&newest).await?;
    let entry = entries.into_iter().next().map_or(NOTHING.to_owned(), |(entry, _)| entry);
    Ok(Place { run, entry }.heard())
}

/// Waits for changes after `heard`, [`WAIT_MS`] at the most.
pub(super) async fn after(server: &Server, heard: &Heard) -> Result<News> {
    let Some(mut place) = Place::parse(heard) else { return Ok(News::Missed { heard: now(server).await? }) };
    if !reaches_back(server, &place).await? {
        return Ok(News::Missed { heard: now(server).await? });
    }
    let mut read = cmd("XREAD");
    read.arg("COUNT").arg(TAKEN_MAX).arg("BLOCK").arg(WAIT_MS);
    read.arg("STREAMS").arg(server.keys.changes()).arg(&place.entry);
    let deadline = server.deadlines.reply + Duration::from_millis(WAIT_MS);
    let streams: Option<Vec<(String, Entries)>> = server.news.ask_within(&read, deadline).await?;
    let entries = streams.into_iter().flatten().flat_map(|(_, entries)| entries);
    let mut links = Vec::new();
    for (entry, fields) in entries {
        let link = fields.get(1).and_then(|id| id.parse().ok()).map(LinkId);
        links.push(link.ok_or_else(|| Failure::poison(format!("{} {entry}: {fields:?}", server.keys.changes())))?);
        place.entry = entry;
    }
    links.sort_unstable();
    links.dedup();
    Ok(News::Changed { links, heard: place.heard() })
}

/// Whether the stream still holds everything after `place`.
async fn reaches_back(server: &Server, place: &Place) -> Result<bool> {
    let mut questions = pipe();
    questions.cmd("INFO").arg("server");
    questions.cmd("HGET").arg(server.keys.layout()).arg("id");
    questions.cmd("XRANGE").arg(server.keys.changes()).arg("-").arg("+").arg("COUNT").arg(1);
    let replies: Vec<Value> = server.news.read_all(&questions).await?.into_iter().collect::<Result<_>>()?;
    let [info, id, first]: [Value; 3] =
        replies.try_into().map_err(|_| Failure::poison("three questions, but not three answers"))?;
    let (info, id): (String, Option<String>) = (read(info)?, read(id)?);
    // An empty database says that every link is gone; a wiped one would say the same.
    if id.as_deref() != Some(&server.id) {
        return Err(server.wiped());
    }
    let first: Entries = read(first)?;
    let first = first.first().map_or(NOTHING, |(entry, _)| entry);
    // The beginning of an empty stream is before everything, but what was cut off since cannot be seen.
    Ok(run_id(&info)? == place.run && (number(first) <= number(&place.entry) || place.entry == NOTHING))
}

fn read<T: FromRedisValue>(value: Value) -> Result<T> {
    from_redis_value(value).map_err(|error| Failure::poison(error.to_string()))
}

fn run_id(info: &str) -> Result<String> {
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    run.map(|run| run.trim().to_owned()).ok_or_else(|| Failure::poison("INFO server names no run_id"))
}

/// Entries are `milliseconds-number`; the two sort as numbers.
fn number(entry: &str) -> (u64, u64) {
    let (time, number) = entry.split_once('-').unwrap_or((entry, "0"));
    (time.parse().unwrap_or(0), number.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_sort_as_numbers() {
        assert!(number("9-10") > number("9-9") && number("10-0") > number("9-99"));
        assert_eq!(number("no entry"), (0, 0));
    }

    #[test]
    fn a_place_comes_back_as_it_was() {
        let heard = Heard("abc 12-3".to_owned());
        assert_eq!(Place::parse(&heard).unwrap().heard(), heard);
        assert!(Place::parse(&Heard(String::new())).is_none());
    }
}
