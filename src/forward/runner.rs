//! The runner of one hook: takes what comes next, sends it, and goes on only when it was taken or given up.
//!
//! One thing at a time and in order, so that what it sends again after a crash is what it sent before. It must never
//! note that something is passed on before it is.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::course::{Failure, Patience, Step};
use super::hook::{Hook, KeptHook, Kind};
use super::ledger::{Cursor, Delivery, Ledger, Paused, Shelf};
use super::letters::{Letter, Letters};
use super::message::{Batch, Message};
use super::products;
use super::reading::ReadError;
use super::sender::Note;
use super::worker::{KindBooks, Shared, lock};
use crate::domain::click::Click;
use crate::domain::position::Position;

/// Messages of a product that takes one click at a time which are under way together. After a crash so many may be sent
/// twice.
const TOGETHER: usize = 8;
/// How long nothing needs to be looked at for a hook that sends nothing.
const IDLE: Duration = Duration::from_secs(60);
/// How often journals of earlier processes are looked at, and how often what was passed over is noted.
const EARLIER_EVERY_MS: i64 = 5000;
const NOTE_EVERY_MS: i64 = 30_000;

pub(super) struct Runner {
    shared: Arc<Shared>,
    kept: watch::Receiver<KeptHook>,
    ledger: Arc<Mutex<Ledger>>,
    shelf: Shelf,
    stopping: watch::Receiver<bool>,
    flight: Option<Flight>,
    looked_earlier_ms: i64,
    noted_ms: i64,
}

/// Messages that are under way together, and what is noted when all of them are settled.
struct Flight {
    messages: Vec<Message>,
    then: Then,
}

enum Then {
    /// The clicks of this journal are passed on up to here.
    Clicks { cursor: Cursor, to: u64, skipped: u64 },
    /// The change with this number is.
    Change(u64),
    /// This dead letter was sent again.
    Letter(u64),
}

/// Clicks to be sent.
struct Taken {
    cursor: Cursor,
    to: Position,
    clicks: Vec<Click>,
    skipped: u64,
}

impl Runner {
    pub(super) fn new(
        shared: Arc<Shared>,
        kept: watch::Receiver<KeptHook>,
        ledger: Arc<Mutex<Ledger>>,
        shelf: Shelf,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { shared, kept, ledger, shelf, stopping, flight: None, looked_earlier_ms: 0, noted_ms: 0 }
    }

    pub(super) async fn run(mut self) {
        loop {
            let kept = self.kept.borrow_and_update().clone();
            let pause = self.turn(&kept).await;
            tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => break,
                changed = self.kept.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.save(true);
    }

    /// Does what can be done now; how long until there may be more.
    async fn turn(&mut self, kept: &KeptHook) -> Duration {
        if !self.may_send(kept) {
            return IDLE;
        }
        let now_ms = self.shared.clock.now_ms();
        if let Some(again_ms) = lock(&self.ledger).course.again_ms.filter(|again| *again > now_ms) {
            return Duration::from_millis(u64::try_from(again_ms - now_ms).unwrap_or(0)).min(IDLE);
        }
        if self.flight.is_none() {
            match self.prepare(kept, now_ms).await {
                Ok(flight) => self.flight = flight,
                Err(error) => tracing::warn!(hook = kept.id.0, %error, "a hook waits: clicks cannot be read just now"),
            }
        }
        match self.flight.take() {
            Some(flight) => {
                self.fly(kept, flight).await;
                Duration::ZERO
            }
            None => {
                if now_ms - self.noted_ms > NOTE_EVERY_MS {
                    self.save(false);
                    self.noted_ms = now_ms;
                }
                Duration::from_millis(self.shared.config.interval_ms.max(1))
            }
        }
    }

    /// Whether it is switched on and not paused, as of now.
    fn may_send(&mut self, kept: &KeptHook) -> bool {
        let mut ledger = lock(&self.ledger);
        if !kept.hook.active {
            self.flight = None;
            let was_off = std::mem::replace(&mut ledger.off, true);
            drop(ledger);
            if !was_off {
                self.save(true);
            }
            return false;
        }
        if std::mem::take(&mut ledger.off) {
            let now = self.shared.reading.now(self.shared.clock.now_ms());
            ledger.begin_at(now, self.shared.outbox.next());
            ledger.course.delivered();
        }
        if ledger.paused.as_ref().is_some_and(|paused| paused.revision != kept.revision.0) {
            ledger.paused = None;
            ledger.course.delivered();
        }
        ledger.paused.is_none()
    }

    /// What comes next: letters that somebody wants to be sent again, changes, clicks.
    async fn prepare(&mut self, kept: &KeptHook, now_ms: i64) -> Result<Option<Flight>, ReadError> {
        if let Some(flight) = self.next_letter().or_else(|| self.next_change(kept)) {
            return Ok(Some(flight));
        }
        if !kept.hook.events.clicks {
            lock(&self.ledger).begin_at_clicks(self.shared.reading.now(now_ms));
            return Ok(None);
        }
        let Some(taken) = self.next_clicks(&kept.hook, now_ms).await? else { return Ok(None) };
        let Taken { cursor, to, clicks, skipped } = taken;
        let (incarnation, from) = (cursor.incarnation, cursor.position());
        let batch = Batch { hook: kept.id, incarnation, from, to, clicks: &clicks };
        let messages = Message::of_clicks(&kept.hook, &batch, &self.shared.domains);
        lock(&self.ledger).set_under_way(&cursor, to.0);
        self.save(false);
        Ok(Some(Flight { messages, then: Then::Clicks { cursor, to: to.0, skipped } }))
    }

    fn next_letter(&self) -> Option<Flight> {
        loop {
            let number = *lock(&self.ledger).replay.first()?;
            if let Some(letter) = Letters::on(&self.shelf).get(number) {
                return Some(Flight { messages: vec![letter.message], then: Then::Letter(number) });
            }
            lock(&self.ledger).replay.remove(0);
        }
    }

    fn next_change(&self, kept: &KeptHook) -> Option<Flight> {
        loop {
            let mut ledger = lock(&self.ledger);
            let told = self.shared.outbox.from(ledger.change)?;
            let fallen_out = told.number.saturating_sub(ledger.change);
            ledger.counts.skipped += fallen_out;
            KindBooks::add(&self.shared.books[&kept.hook.kind].skipped, fallen_out);
            ledger.change = told.number;
            if kept.hook.events.admit(&told.event) {
                let messages = vec![Message::of_change(kept.id, &told)];
                return Some(Flight { messages, then: Then::Change(told.number) });
            }
            ledger.change += 1;
        }
    }

    /// The next clicks that the hook is told of; what it is not told of is passed over.
    async fn next_clicks(&mut self, hook: &Hook, now_ms: i64) -> Result<Option<Taken>, ReadError> {
        let cursors = lock(&self.ledger).cursors.clone();
        let (last, earlier) = cursors.split_last().map_or((None, &[][..]), |(last, earlier)| (Some(last), earlier));
        if now_ms - self.looked_earlier_ms >= EARLIER_EVERY_MS || now_ms < self.looked_earlier_ms {
            for (at, cursor) in earlier.iter().enumerate() {
                if let Some(taken) = self.clicks_of(hook, cursor.clone(), now_ms).await? {
                    return Ok(Some(taken));
                }
                self.retire(cursor, cursors[at + 1].begun_ms, now_ms);
            }
            self.looked_earlier_ms = now_ms;
        }
        match last {
            Some(cursor) => self.clicks_of(hook, cursor.clone(), now_ms).await,
            None => Ok(None),
        }
    }

    async fn clicks_of(&mut self, hook: &Hook, mut cursor: Cursor, now_ms: i64) -> Result<Option<Taken>, ReadError> {
        let backlog_hours = self.shared.config.backlog_hours;
        let horizon_ms = now_ms - horizon_ms(hook, backlog_hours);
        // The same for all hooks, since they share windows.
        let since = day_before(now_ms - hours_ms(backlog_hours));
        let max = batch_max(hook.kind, self.shared.config.batch_clicks_max);
        loop {
            let end = self.shared.reading.end_of(&cursor).await?;
            if cursor.position() >= end {
                return Ok(None);
            }
            let end = cursor.under_way.map_or(end, |to| Position(to).min(end));
            let window = self.shared.reading.window(&cursor, end, since).await?;
            let (mut clicks, mut skipped, mut to) = (Vec::new(), 0, window.range.end.min(end));
            let from = window.clicks.partition_point(|(position, _)| *position < cursor.position());
            for (position, click) in window.clicks[from..].iter().take_while(|(position, _)| *position < end) {
                if !hook.filter.admits(click) {
                    continue;
                }
                if click.time_ms < horizon_ms {
                    skipped += 1;
                    continue;
                }
                clicks.push(click.clone());
                if clicks.len() == max {
                    to = position.next();
                    break;
                }
            }
            if !clicks.is_empty() {
                return Ok(Some(Taken { cursor, to, clicks, skipped }));
            }
            self.pass_over(hook.kind, &cursor, to.0, skipped);
            (cursor.at, cursor.under_way) = (to.0, None);
        }
    }

    fn pass_over(&self, kind: Kind, cursor: &Cursor, to: u64, skipped: u64) {
        let mut ledger = lock(&self.ledger);
        ledger.advance(cursor, to);
        ledger.counts.skipped += skipped;
        KindBooks::add(&self.shared.books[&kind].skipped, skipped);
    }

    /// A journal that ended long ago has nothing more to tell.
    fn retire(&self, cursor: &Cursor, ended_ms: i64, now_ms: i64) {
        let kept_ms = hours_ms(self.shared.config.backlog_hours.max(1));
        if now_ms - ended_ms > kept_ms {
            lock(&self.ledger).cursors.retain(|known| known.incarnation != cursor.incarnation);
        }
    }

    /// Sends what is under way, and notes what became of it.
    async fn fly(&mut self, kept: &KeptHook, mut flight: Flight) {
        let now_ms = self.shared.clock.now_ms();
        let hook = &kept.hook;
        let attempt = lock(&self.ledger).course.tries + 1;
        let tries = flight.messages.iter().map(|message| async {
            let began = Instant::now();
            let sent = self.shared.sender.send(hook, message, now_ms).await;
            self.note(hook.kind, message, attempt, began.elapsed(), &sent);
            sent
        });
        let outcomes = join_all(tries).await;
        let mut failed = outcomes.into_iter().zip(std::mem::take(&mut flight.messages));
        let failed: Vec<_> = failed.by_ref().filter_map(|(sent, message)| Some((sent.err()?, message))).collect();
        let Some((failure, _)) = failed.first() else {
            lock(&self.ledger).course.delivered();
            return self.settle(hook.kind, &flight.then, true);
        };
        let step = lock(&self.ledger).course.failed(failure, now_ms, dice(), self.patience());
        let why = failure.why();
        let messages = failed.into_iter().map(|(_, message)| message);
        match step {
            Step::Again { .. } => {
                self.flight = Some(Flight { messages: messages.collect(), ..flight });
                self.save(false);
            }
            Step::GiveUp => {
                messages.for_each(|message| self.bury(kept, &flight.then, message, &why));
                self.settle(hook.kind, &flight.then, false);
            }
            Step::Pause { why } => {
                self.flight = Some(Flight { messages: messages.collect(), ..flight });
                self.pause(kept, why);
            }
        }
    }

    fn note(&self, kind: Kind, message: &Message, attempt: u32, took: Duration, sent: &Result<Note, Failure>) {
        let books = &self.shared.books[&kind];
        let mut ledger = lock(&self.ledger);
        match sent {
            Ok(_) => {
                ledger.counts.messages += 1;
                ledger.counts.clicks += message.clicks;
                KindBooks::add(&books.messages, 1);
                KindBooks::add(&books.clicks, message.clicks);
            }
            Err(_) => {
                ledger.counts.failures += 1;
                KindBooks::add(&books.failures, 1);
            }
        }
        ledger.note(Delivery {
            at: self.shared.clock.now(),
            message: message.id.clone(),
            event: message.event.clone(),
            clicks: message.clicks,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            attempt,
            error: sent.as_ref().err().map(Failure::why),
            note: sent.as_ref().ok().cloned().flatten(),
        });
    }

    /// Puts a message to the dead letters; one that was there already stays.
    fn bury(&self, kept: &KeptHook, then: &Then, message: Message, why: &str) {
        if matches!(then, Then::Letter(_)) {
            return;
        }
        tracing::warn!(hook = kept.id.0, why, "a message of a hook was given up; it is kept among its dead letters");
        let letter = Letter { at: self.shared.clock.now(), error: why.to_owned(), message };
        let lost = Letters::on(&self.shelf).add(&letter).unwrap_or_else(|error| {
            tracing::error!(hook = kept.id.0, %error, "a dead letter could not be kept");
            1
        });
        let books = &self.shared.books[&kept.hook.kind];
        KindBooks::add(&books.dead, 1);
        KindBooks::add(&books.skipped, lost);
        let mut ledger = lock(&self.ledger);
        ledger.counts.dead += 1;
        ledger.counts.skipped += lost;
    }

    /// Goes on behind what was under way.
    fn settle(&self, kind: Kind, then: &Then, was_taken: bool) {
        match then {
            Then::Clicks { cursor, to, skipped } => self.pass_over(kind, cursor, *to, *skipped),
            Then::Change(number) => lock(&self.ledger).change = number + 1,
            Then::Letter(number) => {
                lock(&self.ledger).replay.retain(|other| other != number);
                let removed = if was_taken { Letters::on(&self.shelf).remove(*number) } else { Ok(()) };
                if let Err(error) = removed {
                    tracing::warn!(%error, "a dead letter that was taken stays");
                }
            }
        }
        self.save(true);
    }

    fn pause(&self, kept: &KeptHook, why: String) {
        tracing::warn!(
            hook = kept.id.0,
            why,
            "a hook is paused; what it misses stays where it is until somebody lets it go on"
        );
        let paused = Paused { revision: kept.revision.0, why, at: self.shared.clock.now() };
        lock(&self.ledger).paused = Some(paused);
        self.save(true);
    }

    fn save(&self, durably: bool) {
        let ledger = lock(&self.ledger).clone();
        if let Err(error) = self.shelf.save(&ledger, durably) {
            tracing::warn!(path = %self.shelf.path().display(), %error, "how far a hook is could not be noted");
        }
    }

    fn patience(&self) -> Patience {
        let config = &self.shared.config;
        let first_ms = i64::try_from(config.retry_ms).unwrap_or(i64::MAX);
        Patience { first_ms: first_ms.max(1), whole_ms: hours_ms(config.retry_hours.max(1)) }
    }
}

/// Clicks that go out together.
fn batch_max(kind: Kind, configured: usize) -> usize {
    match kind {
        Kind::Webhook | Kind::Matomo => configured.clamp(1, 1000),
        Kind::Ga4 | Kind::Plausible | Kind::Umami => TOGETHER,
    }
}

/// How old a click may be when its turn comes.
fn horizon_ms(hook: &Hook, backlog_hours: u64) -> i64 {
    let ours = hours_ms(backlog_hours);
    products::hours_max(hook).map_or(ours, |hours| ours.min(hours * 3_600_000))
}

fn hours_ms(hours: u64) -> i64 {
    i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(3_600_000)
}

/// The UTC day before an instant: files are named by when their clicks were made, and that is not when they were counted.
fn day_before(ms: i64) -> Date {
    let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let before = instant.checked_sub(SignedDuration::from_hours(24)).unwrap_or(instant);
    Offset::UTC.to_datetime(before).date()
}

/// Evenly from 0 to 1.
fn dice() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
