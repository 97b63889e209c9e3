//! Who is signed in to the dashboard: sessions in the store, so that they outlive a restart and hold on every node.
//!
//! It must never keep a session's name: whoever reads the store, a backup or a dump cannot take one over.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::AccessError;
use super::secret::{hash, random_text};
use super::shelf::{Kept, Shelf};
use crate::domain::record::RecordKind;
use crate::store::{Store, StoreError};

/// A session ends after this long without a request, and after this long in any case.
const IDLE_MAX: SignedDuration = SignedDuration::from_hours(12);
pub(in crate::admin) const AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How exactly it is known when a session was last used.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// The most sessions of one holder; the one that was used longest ago makes room.
const SESSIONS_MAX: usize = 20;

/// The longest name of a browser that is kept.
const BROWSER_CHARS_MAX: usize = 120;

/// Characters by which a session is called in a list: the first ones of its hash.
const ID_CHARS: usize = 12;

#[derive(Serialize, Deserialize)]
struct Session {
    made_at: Timestamp,
    seen_at: Timestamp,
    browser: String,
}

impl Session {
    fn is_open(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) < IDLE_MAX && now.duration_since(self.made_at) < AGE_MAX
    }
}

/// A session as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) struct SessionShown {
    pub(in crate::admin) id: String,
    pub(in crate::admin) made_at: Timestamp,
    pub(in crate::admin) seen_at: Timestamp,
    /// As the browser calls itself.
    pub(in crate::admin) browser: String,
    /// Whether it is the one that asks.
    pub(in crate::admin) is_this: bool,
}

pub(in crate::admin) struct Sessions(Shelf<Session>);

impl Sessions {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(Shelf::new(store, RecordKind::Session))
    }

    /// Starts a session of `holder` and returns its name, `HOLDER.SECRET`, which is told to nobody but the browser.
    pub(in crate::admin) async fn start(
        &self,
        holder: &str,
        browser: &str,
        now: Timestamp,
    ) -> Result<String, AccessError> {
        self.make_room(holder, now).await?;
        let name = format!("{holder}.{}", random_text()?);
        let browser = browser.chars().filter(|letter| !letter.is_control()).take(BROWSER_CHARS_MAX).collect();
        let session = Session { made_at: now, seen_at: now, browser };
        if let Some(key) = key_of(&name) {
            self.0.make(&key, &session).await?;
        }
        Ok(name)
    }

    /// The holder of an open session, if it is one.
    pub(in crate::admin) async fn holder<'n>(
        &self,
        name: &'n str,
        now: Timestamp,
    ) -> Result<Option<&'n str>, AccessError> {
        let Some(key) = key_of(name) else { return Ok(None) };
        let Some(mut kept) = self.0.get(&key).await?.filter(|kept| kept.value.is_open(now)) else { return Ok(None) };
        if now.duration_since(kept.value.seen_at) >= SEEN_EVERY {
            kept.value.seen_at = now;
            self.0.replace(&kept, &kept.value).await?;
        }
        Ok(name.split('.').next())
    }

    /// Ends the session of this name.
    pub(in crate::admin) async fn end(&self, name: &str) -> Result<(), StoreError> {
        match key_of(name) {
            Some(key) => self.0.remove(&key).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Ends the session that a list calls `id`. `false` when there is none.
    pub(in crate::admin) async fn end_id(&self, holder: &str, id: &str) -> Result<bool, StoreError> {
        for kept in self.of(holder).await? {
            if id_of(&kept) == id {
                return self.0.remove(kept.key.as_str()).await;
            }
        }
        Ok(false)
    }

    /// Ends all sessions of a holder, but the one of the name `but`.
    pub(in crate::admin) async fn end_all(&self, holder: &str, but: Option<&str>) -> Result<(), StoreError> {
        let but = but.and_then(key_of);
        for kept in self.of(holder).await? {
            if but.as_deref() != Some(kept.key.as_str()) {
                self.0.remove(kept.key.as_str()).await?;
            }
        }
        Ok(())
    }

    /// The open sessions of a holder, the latest first; `this` is the name of the one that asks.
    pub(in crate::admin) async fn list(
        &self,
        holder: &str,
        this: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<SessionShown>, StoreError> {
        let this = this.and_then(key_of);
        let mut kept = self.of(holder).await?;
        kept.retain(|kept| kept.value.is_open(now));
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.value.seen_at));
        let shown = |kept: Kept<Session>| SessionShown {
            id: id_of(&kept),
            is_this: this.as_deref() == Some(kept.key.as_str()),
            made_at: kept.value.made_at,
            seen_at: kept.value.seen_at,
            browser: kept.value.browser,
        };
        Ok(kept.into_iter().map(shown).collect())
    }

    /// Removes what ended, and the oldest ones when there are too many.
    async fn make_room(&self, holder: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut kept = self.of(holder).await?;
        kept.sort_by_key(|kept| (kept.value.is_open(now), kept.value.seen_at));
        let open = kept.iter().filter(|kept| kept.value.is_open(now)).count();
        let gone = kept.len() - open + (open + 1).saturating_sub(SESSIONS_MAX);
        for kept in kept.iter().take(gone) {
            self.0.remove(kept.key.as_str()).await?;
        }
        Ok(())
    }

    /// Some may start at the same moment, so a few more than are allowed are read.
    async fn of(&self, holder: &str) -> Result<Vec<Kept<Session>>, StoreError> {
        self.0.list(&format!("{holder} "), 2 * SESSIONS_MAX).await
    }
}

/// Under which name a session is kept: its holder, then the hash of its name.
fn key_of(name: &str) -> Option<String> {
    let (holder, _) = name.split_once('.')?;
    let is_holder = !holder.is_empty() && holder.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_holder.then(|| format!("{holder} {}", hash(name).to_hex()))
}

fn id_of(kept: &Kept<Session>) -> String {
    let hash = kept.key.as_str().rsplit(' ').next().unwrap_or_default();
    hash.chars().take(ID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::fake_store::FakeStore;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(duration: SignedDuration) -> Timestamp {
        START + duration
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_it_is_told_to() {
        let sessions = Sessions::new(Arc::new(FakeStore::default()));
        let name = sessions.start("ada", "Firefox", START).await.unwrap();
        let holder = async |now| sessions.holder(&name, now).await.unwrap();
        assert_eq!(holder(after(IDLE_MAX - SignedDuration::from_secs(1))).await, Some("ada"));
        assert_eq!(holder(after(IDLE_MAX + SignedDuration::from_hours(1))).await, Some("ada"), "it was used meanwhile");
        assert_eq!(holder(after(IDLE_MAX * 4)).await, None, "it was not");
        for hours in (0..7 * 24).step_by(6) {
            let at = after(SignedDuration::from_hours(hours));
            assert!(hours < 40 || sessions.holder(&name, at).await.unwrap().is_none());
        }
        let old = sessions.start("ada", "", START).await.unwrap();
        for hours in (6..7 * 24).step_by(6) {
            assert_eq!(sessions.holder(&old, after(SignedDuration::from_hours(hours))).await.unwrap(), Some("ada"));
        }
        assert_eq!(sessions.holder(&old, after(AGE_MAX)).await.unwrap(), None, "however often it was used");
        let told = sessions.start("ada", "", START).await.unwrap();
        sessions.end(&told).await.unwrap();
        assert_eq!(sessions.holder(&told, START).await.unwrap(), None);
    }

    #[tokio::test]
    async fn nobody_else_has_a_session_by_its_name() {
        let sessions = Sessions::new(Arc::new(FakeStore::default()));
        let name = sessions.start("ada", "", START).await.unwrap();
        let secret = name.split_once('.').unwrap().1;
        for wrong in
            ["", ".", "ada", "ada.", &format!("bob.{secret}"), &format!(".{secret}"), &format!("ada .{secret}")]
        {
            assert_eq!(sessions.holder(wrong, START).await.unwrap(), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn sessions_are_listed_and_ended_one_by_one_or_all_but_one() {
        let sessions = Sessions::new(Arc::new(FakeStore::default()));
        let first = sessions.start("ada", "Fire\nfox", START).await.unwrap();
        let second = sessions.start("ada", "Chrome", after(SignedDuration::from_secs(1))).await.unwrap();
        let others = sessions.start("adam", "Safari", START).await.unwrap();
        let list = sessions.list("ada", Some(&first), START).await.unwrap();
        let told: Vec<_> = list.iter().map(|session| (session.browser.as_str(), session.is_this)).collect();
        assert_eq!(told, [("Chrome", false), ("Firefox", true)]);
        assert!(!sessions.end_id("bob", &list[0].id).await.unwrap(), "it is not bob's");
        assert!(sessions.end_id("ada", &list[0].id).await.unwrap());
        assert_eq!(sessions.holder(&second, START).await.unwrap(), None);
        let third = sessions.start("ada", "", START).await.unwrap();
        sessions.end_all("ada", Some(&first)).await.unwrap();
        assert_eq!(sessions.holder(&third, START).await.unwrap(), None);
        assert_eq!(sessions.holder(&first, START).await.unwrap(), Some("ada"));
        assert_eq!(sessions.holder(&others, START).await.unwrap(), Some("adam"));
    }

    #[tokio::test]
    async fn sessions_are_bounded_and_the_one_unused_longest_makes_room() {
        let sessions = Sessions::new(Arc::new(FakeStore::default()));
        let mut names = Vec::new();
        for second in 0..=SESSIONS_MAX as i64 {
            names.push(sessions.start("ada", "", after(SignedDuration::from_secs(second))).await.unwrap());
        }
        assert_eq!(sessions.list("ada", None, START).await.unwrap().len(), SESSIONS_MAX);
        assert_eq!(sessions.holder(&names[0], START).await.unwrap(), None);
        assert_eq!(sessions.holder(&names[1], START).await.unwrap(), Some("ada"));
        let later = after(AGE_MAX * 2);
        sessions.start("ada", "", later).await.unwrap();
        assert_eq!(sessions.of("ada").await.unwrap().len(), 1, "what ended is removed");
    }
}
