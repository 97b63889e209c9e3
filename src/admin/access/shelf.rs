//! One kind of record of the store, whose values are JSON of one type.
//!
//! It must never save over what somebody else saved meanwhile: a change is decided again on what is there by then.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AccessError;
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Revision, Saved};
use crate::store::{Store, StoreError};

/// How often a change is decided again when others change the same.
const TRIES: usize = 16;

pub(super) struct Shelf<T> {
    store: Arc<dyn Store>,
    kind: RecordKind,
    of: PhantomData<fn() -> T>,
}

/// A value as it stands.
pub(super) struct Kept<T> {
    pub(super) key: RecordKey,
    pub(super) revision: Revision,
    pub(super) value: T,
}

impl<T: Serialize + DeserializeOwned> Shelf<T> {
    pub(super) fn new(store: Arc<dyn Store>, kind: RecordKind) -> Self {
        Self { store, kind, of: PhantomData }
    }

    /// What is under a name. A name that no key can have names nothing.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Kept<T>>, StoreError> {
        let Some(key) = RecordKey::new(name) else { return Ok(None) };
        self.store.record(self.kind, &key).await?.map(|record| self.read(record)).transpose()
    }

    /// At most `limit` values whose names begin with `prefix`, by name.
    pub(super) async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<Kept<T>>, StoreError> {
        let after = RecordKey::new(prefix);
        let records = self.store.records(self.kind, after.as_ref(), limit).await?;
        let ours = records.into_iter().take_while(|record| record.key.as_str().starts_with(prefix));
        ours.map(|record| self.read(record)).collect()
    }

    /// Saves a value under a name that nothing has yet.
    ///
    /// # Errors
    /// When something has it, or there is no room.
    pub(super) async fn make(&self, name: &str, value: &T) -> Result<(), AccessError> {
        match self.put(name, Expected::Absent, value).await? {
            Saved::Yes(_) => Ok(()),
            Saved::Changed => Err(AccessError::Busy),
            Saved::Full => Err(AccessError::Full(self.kind.as_str())),
        }
    }

    /// Saves a value in the place of one that was read. What others did to it meanwhile stays.
    pub(super) async fn replace(&self, read: &Kept<T>, value: &T) -> Result<(), AccessError> {
        self.put(read.key.as_str(), Expected::At(read.revision), value).await.map(|_| ())
    }

    /// Lets `change` decide about what is under a name, or about the default when that is nothing, and saves it.
    ///
    /// # Errors
    /// What `change` says, after which nothing is saved; or when the store fails.
    pub(super) async fn change<R>(
        &self,
        name: &str,
        mut change: impl FnMut(&mut T) -> Result<R, AccessError>,
    ) -> Result<R, AccessError>
    where
        T: Default,
    {
        for _ in 0..TRIES {
            let (expected, mut value) = match self.get(name).await? {
                Some(kept) => (Expected::At(kept.revision), kept.value),
                None => (Expected::Absent, T::default()),
            };
            let answer = change(&mut value)?;
            match self.put(name, expected, &value).await? {
                Saved::Yes(_) => return Ok(answer),
                Saved::Full => return Err(AccessError::Full(self.kind.as_str())),
                Saved::Changed => {}
            }
        }
        Err(AccessError::Busy)
    }

    /// `false` when there is nothing under the name.
    pub(super) async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        match RecordKey::new(name) {
            Some(key) => self.store.remove_record(self.kind, &key).await,
            None => Ok(false),
        }
    }

    async fn put(&self, name: &str, expected: Expected, value: &T) -> Result<Saved, AccessError> {
        let full = || AccessError::Full(self.kind.as_str());
        let bytes = serde_json::to_vec(value).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let (key, value) = (RecordKey::new(name).ok_or_else(full)?, RecordValue::new(bytes).ok_or_else(full)?);
        Ok(self.store.put_record(self.kind, &key, expected, &value).await?)
    }

    fn read(&self, record: Record) -> Result<Kept<T>, StoreError> {
        let unreadable =
            |error| StoreError::Corrupt(format!("the {} record {:?}: {error}", self.kind.as_str(), record.key));
        let value = serde_json::from_slice(record.value.as_bytes()).map_err(unreadable)?;
        Ok(Kept { revision: record.revision, value, key: record.key })
    }
}
