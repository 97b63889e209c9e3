//! API keys: for programs, with the scopes they were given. A key is shown once and kept as a hash.
//!
//! It must never let a key be found by trying: a key names its record, and the whole of it is compared in constant time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::caller::Scope;
use super::secret::{hash, random_id, random_text};
use super::shelf::{Kept, Shelf};
use super::{AccessError, note};
use crate::domain::record::RecordKind;
use crate::store::{Store, StoreError};

/// The most keys; those that ended count until they are revoked.
pub(in crate::admin) const KEYS_MAX: usize = 200;

/// How exactly it is known when a key was last used: often enough to see an unused one, without a write for each use.
const USED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The longest name.
const NAME_CHARS_MAX: usize = 60;

/// `wpk_ID_SECRET`, so that scanners of leaked secrets can tell what it is.
const PREFIX: &str = "wpk_";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::admin) struct Key {
    /// What it is for.
    pub(in crate::admin) name: String,
    pub(in crate::admin) scopes: Vec<Scope>,
    /// Of the whole key, in hexadecimal.
    hash: String,
    pub(in crate::admin) made_at: Timestamp,
    pub(in crate::admin) made_by: String,
    pub(in crate::admin) expires_at: Option<Timestamp>,
    /// To the hour.
    pub(in crate::admin) used_at: Option<Timestamp>,
}

/// What a key may be asked for.
pub(in crate::admin) struct Wanted<'a> {
    pub(in crate::admin) name: &'a str,
    pub(in crate::admin) scopes: &'a [Scope],
    pub(in crate::admin) expires_at: Option<Timestamp>,
    pub(in crate::admin) made_by: &'a str,
}

pub(in crate::admin) struct Keys(Shelf<Key>);

impl Keys {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(Shelf::new(store, RecordKind::Key))
    }

    /// Makes a key. Its id, what is kept of it, and the key itself, which is told once.
    ///
    /// # Errors
    /// When it would have no name or no scope, would have ended already, or there are too many.
    pub(in crate::admin) async fn make(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
    ) -> Result<(String, Key, String), AccessError> {
        let name = checked_name(wanted.name)?;
        let scopes = checked_scopes(wanted.scopes)?;
        checked_end(wanted.expires_at, now)?;
        if self.list().await?.len() >= KEYS_MAX {
            return Err(AccessError::Full("key"));
        }
        let id = random_id()?;
        let text = format!("{PREFIX}{id}_{}", random_text()?);
        let key = Key {
            name,
            scopes,
            hash: hash(&text).to_hex().to_string(),
            made_at: now,
            made_by: wanted.made_by.to_owned(),
            expires_at: wanted.expires_at,
            used_at: None,
        };
        self.0.make(&id, &key).await?;
        note("a key was made", &id);
        Ok((id, key, text))
    }

    /// The key that `text` is, with its id, if it is good.
    pub(in crate::admin) async fn known(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<(String, Key)>, AccessError> {
        let Some((id, _)) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else { return Ok(None) };
        // Before it is looked up: one with a known id costs the same as one with a made-up id, a hash and a look-up.
        let hash = hash(text);
        let Some(mut kept) = self.0.get(id).await? else { return Ok(None) };
        let is_this = blake3::Hash::from_hex(&kept.value.hash).is_ok_and(|known| known == hash);
        if !is_this || kept.value.expires_at.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        if kept.value.used_at.is_none_or(|used| now.duration_since(used) >= USED_EVERY) {
            kept.value.used_at = Some(now);
            self.0.replace(&kept, &kept.value).await?;
        }
        Ok(Some((id.to_owned(), kept.value)))
    }

    /// All of them with their ids, the oldest first.
    pub(in crate::admin) async fn list(&self) -> Result<Vec<(String, Key)>, StoreError> {
        let of = |kept: Kept<Key>| (kept.key.as_str().to_owned(), kept.value);
        // Some may be made at the same moment, so a few more than are allowed are read.
        let mut keys: Vec<_> = self.0.list("", 2 * KEYS_MAX).await?.into_iter().map(of).collect();
        keys.sort_by_key(|(_, key)| key.made_at);
        Ok(keys)
    }

    /// `false` when there is none.
    pub(in crate::admin) async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let is_gone = self.0.remove(id).await?;
        if is_gone {
            note("a key was revoked", id);
        }
        Ok(is_gone)
    }
}

pub(super) fn checked_name(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    let chars = name.chars().count();
    if (1..=NAME_CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    let message = format!("say in 1 to {NAME_CHARS_MAX} characters what it is for");
    Err(AccessError::Invalid { field: "name", message })
}

fn checked_scopes(scopes: &[Scope]) -> Result<Vec<Scope>, AccessError> {
    let mut scopes = scopes.to_vec();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        let message = "give it at least one of read, links, imports and admin".to_owned();
        return Err(AccessError::Invalid { field: "scopes", message });
    }
    Ok(scopes)
}

pub(super) fn checked_end(end: Option<Timestamp>, now: Timestamp) -> Result<(), AccessError> {
    match end.filter(|end| *end <= now) {
        Some(end) => {
            Err(AccessError::Invalid { field: "expires_at", message: format!("{end} is over: name a later time") })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::fake_store::FakeStore;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn wanted<'a>(name: &'a str, scopes: &'a [Scope], expires_at: Option<Timestamp>) -> Wanted<'a> {
        Wanted { name, scopes, expires_at, made_by: "ada" }
    }

    #[tokio::test]
    async fn a_key_is_known_until_it_ends_or_is_revoked() {
        let keys = Keys::new(Arc::new(FakeStore::default()));
        let end = NOW + SignedDuration::from_hours(2);
        let scopes = [Scope::Links, Scope::Read, Scope::Links];
        let (id, key, text) = keys.make(&wanted(" deploys ", &scopes, Some(end)), NOW).await.unwrap();
        assert_eq!((key.name.as_str(), &key.scopes[..]), ("deploys", &[Scope::Read, Scope::Links][..]));
        assert!(text.starts_with(&format!("wpk_{id}_")) && text.len() == 60, "{text}");
        let known = async |text: &str, now| keys.known(text, now).await.unwrap();
        let (found, key) = known(&text, NOW).await.unwrap();
        assert_eq!((found, key.used_at), (id.clone(), Some(NOW)));
        let soon = NOW + SignedDuration::from_mins(59);
        assert_eq!(known(&text, soon).await.unwrap().1.used_at, Some(NOW), "to the hour");
        let later = NOW + SignedDuration::from_mins(61);
        assert_eq!(known(&text, later).await.unwrap().1.used_at, Some(later));
        assert!(known(&text, end).await.is_none(), "it ended");
        for wrong in ["", "wpk_", "wp_x", &text[..59], &format!("{text}x"), &format!("wpk_{id}_"), &text.to_uppercase()]
        {
            assert!(known(wrong, NOW).await.is_none(), "{wrong}");
        }
        assert!(keys.revoke(&id).await.unwrap() && !keys.revoke(&id).await.unwrap());
        assert!(known(&text, NOW).await.is_none());
    }

    #[tokio::test]
    async fn a_guess_costs_one_look_whether_its_id_is_known_or_not() {
        let store = Arc::new(FakeStore::default());
        let keys = Keys::new(store.clone());
        let (id, ..) = keys.make(&wanted("a", &[Scope::Read], None), NOW).await.unwrap();
        let looks = || store.looks.load(std::sync::atomic::Ordering::Relaxed);
        for guess in [format!("wpk_{id}_guess"), "wpk_000000000000_guess".to_owned()] {
            let before = looks();
            assert!(keys.known(&guess, NOW).await.unwrap().is_none());
            assert_eq!(looks() - before, 1, "{guess}");
        }
    }

    #[tokio::test]
    async fn a_key_has_a_name_a_scope_and_a_future_and_there_are_not_too_many() {
        let keys = Keys::new(Arc::new(FakeStore::default()));
        let long = "x".repeat(61);
        for (name, scopes, end, field) in [
            ("", &[Scope::Read][..], None, "name"),
            (&*long, &[Scope::Read], None, "name"),
            ("a\nb", &[Scope::Read], None, "name"),
            ("a", &[], None, "scopes"),
            ("a", &[Scope::Read], Some(NOW), "expires_at"),
        ] {
            let made = keys.make(&wanted(name, scopes, end), NOW).await;
            assert!(matches!(made, Err(AccessError::Invalid { field: wrong, .. }) if wrong == field), "{name}");
        }
        for n in 0..KEYS_MAX {
            keys.make(&wanted(&n.to_string(), &[Scope::Read], None), NOW).await.unwrap();
        }
        assert!(matches!(keys.make(&wanted("a", &[Scope::Read], None), NOW).await, Err(AccessError::Full(_))));
    }
}
