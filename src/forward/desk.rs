//! The desk: the one path by which hooks are made, changed, removed and looked at. API, pages and CLI all end here.
//!
//! It must never show a secret again that it has shown once.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::fields::{Checks, HookFields, Invalid};
use super::guard::SystemResolver;
use super::hook::{FORMER_SECRET_MS, Former, Hook, HookId, KeptHook, Kind};
use super::ledger::{Counts, Delivery, Ledger, Paused, Shelf};
use super::letters::Letters;
use super::message::Message;
use super::secret::Secret;
use super::sender::Sender;
use super::worker::{HOOKS_MAX, KindBooks, Shared, lock};
use crate::domain::click::{Click, Look, Origin};
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::record::{Expected, RecordKind, Saved};
use crate::domain::utm::Utm;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;
use crate::store::StoreError;

/// Tries until nobody else makes or changes the same at the same time.
const TRIES: usize = 8;
/// The number that no hook has.
const NUMBER_MAX: u64 = 9_999_999_999;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error("hook {0} does not exist")]
    NotFound(HookId),
    #[error("there are {HOOKS_MAX} hooks already: remove one that is no longer needed")]
    Full,
    #[error("hook {0} was changed meanwhile: read it again and repeat the change")]
    Changed(HookId),
    #[error("a {} has no secret of ours that could be made anew", .0.name())]
    NoSecret(Kind),
    #[error("the system has no random bytes for a secret")]
    NoRandom,
    #[error("dead letter {0} does not exist")]
    NoLetter(u64),
    #[error("the dead letters cannot be read: {0}")]
    Letters(std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A hook that was made or whose secret was made anew, and the secret: it is shown this once.
pub(crate) struct Made {
    pub(crate) shown: Shown,
    pub(crate) secret: Option<String>,
}

/// A hook and how it fares on this node.
pub(crate) struct Shown {
    pub(crate) id: HookId,
    pub(crate) hook: Hook,
    pub(crate) standing: Standing,
}

/// How a hook fares on this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) counts: Counts,
    pub(crate) paused: Option<Paused>,
    /// What went wrong last, while it does.
    pub(crate) error: Option<String>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) next_try: Option<Timestamp>,
    /// Hits of this process' journal whose turn has not come.
    pub(crate) behind: u64,
    pub(crate) dead_letters: u64,
    /// Tries, the latest first.
    pub(crate) recent: Vec<Delivery>,
}

/// A message that was given up.
pub(crate) struct DeadLetter {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) message: String,
    pub(crate) event: String,
    pub(crate) clicks: u64,
    pub(crate) error: String,
}

pub(crate) struct Desk {
    shared: Arc<Shared>,
    /// Its own, because connections belong to the runtime that made them.
    sender: Sender,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let within = Duration::from_millis(shared.config.timeout_ms.max(1));
        let sender = Sender::new(shared.guard.clone(), Arc::new(SystemResolver), within);
        Self { shared, sender }
    }

    /// By number.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn list(&self) -> Result<Vec<Shown>, DeskError> {
        Ok(self.all().await?.into_iter().map(|kept| self.shown(kept)).collect())
    }

    /// # Errors
    /// When there is no such hook, or the store fails.
    pub(crate) async fn show(&self, id: HookId) -> Result<Shown, DeskError> {
        Ok(self.shown(self.get(id).await?))
    }

    /// Makes a hook. It is told of what comes from now on.
    ///
    /// # Errors
    /// When a field is wrong, there are too many, or the store fails.
    pub(crate) async fn make(&self, fields: &HookFields) -> Result<Made, DeskError> {
        let mut hook = fields.new_hook(&self.checks())?;
        if hook.kind == Kind::Webhook {
            hook.secret = Some(Secret::generate().map_err(|_| DeskError::NoRandom)?);
        }
        for _ in 0..TRIES {
            let all = self.all().await?;
            if all.len() >= HOOKS_MAX {
                return Err(DeskError::Full);
            }
            let id = HookId(all.last().map_or(1, |last| last.id.0 + 1));
            match self.save(id, Expected::Absent, &hook).await? {
                Saved::Yes(revision) => return self.made(KeptHook { id, revision, hook }).await,
                Saved::Full => return Err(DeskError::Full),
                Saved::Changed => {}
            }
        }
        Err(DeskError::Full)
    }

    /// Changes the fields that are given; a paused hook goes on.
    ///
    /// # Errors
    /// When there is no such hook, a field is wrong, or the store fails.
    pub(crate) async fn edit(&self, id: HookId, fields: &HookFields) -> Result<Shown, DeskError> {
        let kept = self.change(id, |hook| Ok(fields.over(hook, &self.checks())?)).await?;
        Ok(self.shown(kept))
    }

    /// Makes a new secret; for a day messages are signed with both.
    ///
    /// # Errors
    /// When there is no such hook, it is no webhook, or the store fails.
    pub(crate) async fn rotate(&self, id: HookId) -> Result<Made, DeskError> {
        let until_ms = self.shared.clock.now_ms() + FORMER_SECRET_MS;
        let fresh = Secret::generate().map_err(|_| DeskError::NoRandom)?;
        let kept = self.change(id, |hook| {
            if hook.kind != Kind::Webhook {
                return Err(DeskError::NoSecret(hook.kind));
            }
            let former = hook.secret.clone().map(|secret| Former { secret, until_ms });
            Ok(Hook { secret: Some(fresh.clone()), former, ..hook.clone() })
        });
        let kept = kept.await?;
        self.made(kept).await
    }

    /// Removes a hook with all that waits for it.
    ///
    /// # Errors
    /// When there is no such hook, or the store fails.
    pub(crate) async fn remove(&self, id: HookId) -> Result<(), DeskError> {
        if !self.shared.store.remove_record(RecordKind::Hook, &id.key()).await? {
            return Err(DeskError::NotFound(id));
        }
        self.shared.hear().await?;
        Ok(())
    }

    /// Sends one message about a made-up click at once, whether or not the hook is switched on; it is not tried again. A
    /// product counts it, except for Analytics, which only checks it.
    ///
    /// # Errors
    /// When there is no such hook, or the store fails. The answer says whether it was taken, or why not.
    pub(crate) async fn test(&self, id: HookId) -> Result<Result<Option<String>, String>, DeskError> {
        let hook = self.get(id).await?.hook;
        let now_ms = self.shared.clock.now_ms();
        let message = Message::of_test(&hook, id, &made_up_click(now_ms), &self.shared.domains);
        let sent = match hook.kind {
            Kind::Ga4 => self.sender.validate(&hook, &message, now_ms).await,
            _ => self.sender.send(&hook, &message, now_ms).await,
        };
        Ok(sent.map_err(|failure| failure.why()))
    }

    /// At most `limit` messages that this node gave up, from the one after the number `after` on, oldest first.
    ///
    /// # Errors
    /// When there is no such hook, or they cannot be read.
    pub(crate) async fn dead_letters(
        &self,
        id: HookId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, DeskError> {
        self.get(id).await?;
        let letters = self.letters(id);
        let read = |number| {
            let letter = letters.get(number)?;
            let (message, error) = (letter.message, letter.error);
            let (id, event, clicks) = (message.id, message.event, message.clicks);
            Some(DeadLetter { number, at: letter.at, message: id, event, clicks, error })
        };
        let numbers = letters.numbers().map_err(DeskError::Letters)?;
        Ok(numbers.into_iter().filter(|number| *number > after).filter_map(read).take(limit).collect())
    }

    /// Has dead letters sent again, all of them if none is named; how many. Those that are taken are dead no more.
    ///
    /// # Errors
    /// When there is no such hook or letter, or they cannot be read.
    pub(crate) async fn replay(&self, id: HookId, numbers: &[u64]) -> Result<u64, DeskError> {
        self.get(id).await?;
        let there = self.letters(id).numbers().map_err(DeskError::Letters)?;
        if let Some(missing) = numbers.iter().find(|number| !there.contains(number)) {
            return Err(DeskError::NoLetter(*missing));
        }
        let chosen: Vec<u64> =
            there.into_iter().filter(|number| numbers.is_empty() || numbers.contains(number)).collect();
        if let Some(known) = self.shared.known(id) {
            lock(&known.ledger).replay.clone_from(&chosen);
            known.wake.send_modify(|_| {});
        }
        Ok(chosen.len() as u64)
    }

    /// What was passed on since the start of the process: kind, and its sums as [`Counts`].
    pub(crate) fn books(&self) -> impl Iterator<Item = (Kind, Counts)> {
        let read = |counter: &AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        self.shared.books.iter().map(move |(kind, books): (&Kind, &KindBooks)| {
            let counts = Counts {
                messages: read(&books.messages),
                clicks: read(&books.clicks),
                failures: read(&books.failures),
                dead: read(&books.dead),
                skipped: read(&books.skipped),
            };
            (*kind, counts)
        })
    }

    /// Hooks of each kind that are paused on this node, and the hits that the slowest one of each is behind.
    pub(crate) fn paused_and_behind(&self) -> impl Iterator<Item = (Kind, u64, u64)> {
        let all = self.shared.all_known();
        Kind::ALL.into_iter().map(move |kind| {
            let of_kind = || all.iter().filter(move |known| known.kept.hook.kind == kind && known.kept.hook.active);
            let paused = of_kind().filter(|known| lock(&known.ledger).paused.is_some()).count();
            let behind = of_kind().map(|known| self.behind(&lock(&known.ledger))).max().unwrap_or(0);
            (kind, paused as u64, behind)
        })
    }

    async fn all(&self) -> Result<Vec<KeptHook>, StoreError> {
        let records = self.shared.store.records(RecordKind::Hook, None, HOOKS_MAX).await?;
        Ok(records.iter().filter_map(KeptHook::read).collect())
    }

    async fn get(&self, id: HookId) -> Result<KeptHook, DeskError> {
        if id.0 > NUMBER_MAX {
            return Err(DeskError::NotFound(id));
        }
        let record = self.shared.store.record(RecordKind::Hook, &id.key()).await?;
        record.as_ref().and_then(KeptHook::read).ok_or(DeskError::NotFound(id))
    }

    async fn change(
        &self,
        id: HookId,
        change: impl Fn(&Hook) -> Result<Hook, DeskError>,
    ) -> Result<KeptHook, DeskError> {
        for _ in 0..TRIES {
            let kept = self.get(id).await?;
            let hook = change(&kept.hook)?;
            match self.save(id, Expected::At(kept.revision), &hook).await? {
                Saved::Yes(revision) => {
                    self.shared.hear().await?;
                    return Ok(KeptHook { id, revision, hook });
                }
                Saved::Full => return Err(DeskError::Full),
                Saved::Changed => {}
            }
        }
        Err(DeskError::Changed(id))
    }

    async fn save(&self, id: HookId, expected: Expected, hook: &Hook) -> Result<Saved, DeskError> {
        let large = || Invalid { field: "campaigns", message: "all of it together is too much: name fewer".to_owned() };
        let value = hook.value().ok_or_else(large)?;
        Ok(self.shared.store.put_record(RecordKind::Hook, &id.key(), expected, &value).await?)
    }

    async fn made(&self, kept: KeptHook) -> Result<Made, DeskError> {
        // From here on it is told of everything, whatever happens to this process.
        self.shared.hear().await?;
        let is_ours = kept.hook.kind == Kind::Webhook;
        let secret = kept.hook.secret.as_ref().filter(|_| is_ours).map(|secret| secret.reveal().to_owned());
        Ok(Made { shown: self.shown(kept), secret })
    }

    fn shown(&self, kept: KeptHook) -> Shown {
        let known = self.shared.known(kept.id);
        let standing = known.map_or_else(Standing::default, |known| self.standing(kept.id, &lock(&known.ledger)));
        Shown { id: kept.id, hook: kept.hook, standing }
    }

    fn standing(&self, id: HookId, ledger: &Ledger) -> Standing {
        let instant = |ms: Option<i64>| ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Standing {
            counts: ledger.counts,
            paused: ledger.paused.clone(),
            error: ledger.course.error.clone(),
            failing_since: instant(ledger.course.failing_since_ms),
            next_try: instant(ledger.course.again_ms),
            behind: self.behind(ledger),
            dead_letters: self.letters(id).numbers().map_or(0, |numbers| numbers.len() as u64),
            recent: ledger.recent.iter().cloned().collect(),
        }
    }

    fn behind(&self, ledger: &Ledger) -> u64 {
        let live = ledger.cursors.last().map_or(0, |cursor| cursor.at);
        let waiting = self.shared.reading.counted.counted().0.saturating_sub(live);
        waiting + self.shared.outbox.waiting(ledger.change)
    }

    fn letters(&self, id: HookId) -> Letters {
        Letters::on(&Shelf::of(&self.shared.folder, id))
    }

    fn checks(&self) -> Checks<'_> {
        Checks { domains: &self.shared.domains, guard: &self.shared.guard, now: self.shared.clock.now() }
    }
}

/// A click that nobody made, for tests of a target.
fn made_up_click(now_ms: i64) -> Click {
    let link = LinkFacts {
        id: LinkId(0),
        domain: String::new(),
        slug: "waypost-test".to_owned(),
        utm: Utm { source: Some("waypost".to_owned()), medium: Some("test".to_owned()), ..Utm::default() },
        platform: None,
        level: Level::Other,
    };
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    Click {
        id: Uuid::now_v7(),
        time_ms: now_ms,
        link: Cow::Owned(Arc::new(link)),
        look: Cow::Owned(Arc::new(Look { user_agent: agent.into(), language: "en".into(), ..Look::default() })),
        verdict: Verdict::Human,
        reason: Cow::Owned("test".into()),
        origin: Cow::Owned(Arc::new(Origin {
            source: "waypost".into(),
            source_rule: "utm".into(),
            ..Origin::default()
        })),
        place: Cow::default(),
        visitor: Visitor(0),
        click_ids: Default::default(),
        click_id_values: Default::default(),
        visitor_utm_source: Default::default(),
        visitor_utm_medium: Default::default(),
        unfilled: Default::default(),
        rules_version: 0,
    }
}
