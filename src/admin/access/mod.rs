//! Who may do what: accounts, sessions, keys and share links, and the one table that says which scope a request needs.
//!
//! The guard asks here who is calling; API, pages and CLI change accounts and keys here and nowhere else. It never
//! answers a request itself. All of it but the buckets of [`Limiter`] is in the store, so nodes that share one agree.

mod accounts;
mod caller;
mod keys;
mod limiter;
mod password;
mod permit;
mod secret;
mod sessions;
mod shares;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

pub(super) use accounts::{Account, Accounts, folded};
pub(super) use caller::{Caller, Role, Scope, Who, as_caller, current};
pub(super) use keys::{Key, Keys, Wanted};
pub(super) use limiter::{Left, Limiter, Quota, Wait};
pub(super) use password::Password;
pub(super) use permit::{Need, is_safe, need};
pub(super) use secret::{hash, random_text};
pub(super) use sessions::{AGE_MAX, SessionShown, Sessions};
pub(super) use shares::{Share, Shared, Shares};

use crate::store::{Store, StoreError};

/// Guesses at one account from one network: five, then one a minute, which makes 65 in the first hour.
pub(super) const GUESSES: Quota = Quota { name: "sign-in", at_once: 5, every_ms: 60_000 };
/// Guesses at all accounts from one network.
pub(super) const GUESSES_OF_A_NETWORK: Quota = Quota { name: "sign-ins", at_once: 30, every_ms: 10_000 };

/// Looks at shared numbers from one network.
pub(super) const SHARE_VIEWS: Quota = Quota { name: "shares", at_once: 60, every_ms: 1_000 };

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error("{message}")]
    Invalid { field: &'static str, message: String },
    #[error("an account is called {0:?} already: choose another name")]
    NameTaken(String),
    #[error("there is no account {0:?}")]
    NoAccount(String),
    #[error("nobody would be an owner: make somebody else one first")]
    LastOwner,
    #[error("somebody has set Waypost up already: sign in, or ask an owner for an account")]
    SetUp,
    #[error("there is no room for another {0}: remove one that is not needed")]
    Full(&'static str),
    #[error("too many ask at the same time: try again in a moment")]
    Busy,
    #[error("{0}")]
    Broken(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<getrandom::Error> for AccessError {
    fn from(error: getrandom::Error) -> Self {
        Self::Broken(format!("the system has no random bytes: {error}"))
    }
}

/// Writes into the log who changed what about who may do what.
fn note(what: &str, name: &str) {
    let by = current().map_or_else(|| "the first-run link".to_owned(), |caller| caller.name());
    tracing::info!(by, name, "{what}");
}

/// Everything that callers are known by.
pub(super) struct Access {
    pub(super) accounts: Accounts,
    pub(super) sessions: Sessions,
    pub(super) keys: Keys,
    pub(super) shares: Shares,
    pub(super) limiter: Limiter,
    /// The hash of what the one-time link holds, while there is no account.
    set_up: Mutex<Option<blake3::Hash>>,
}

impl Access {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        Self {
            accounts: Accounts::new(store.clone()),
            sessions: Sessions::new(store.clone()),
            keys: Keys::new(store.clone()),
            shares: Shares::new(store.clone()),
            limiter: Limiter::default(),
            set_up: Mutex::default(),
        }
    }

    /// Sets a password and ends the account's sessions, but the one of the name `but`.
    ///
    /// # Errors
    /// When there is no such account, or the store fails.
    pub(super) async fn set_password(
        &self,
        name: &str,
        password: &Password,
        but: Option<&str>,
    ) -> Result<Account, AccessError> {
        let account = self.accounts.set_password(name, password).await?;
        self.sessions.end_all(&account.id, but).await?;
        Ok(account)
    }

    /// Removes an account and ends its sessions.
    ///
    /// # Errors
    /// When there is no such account, nobody else is an owner, or the store fails.
    pub(super) async fn remove_account(&self, name: &str) -> Result<(), AccessError> {
        let account = self.accounts.remove(name).await?;
        Ok(self.sessions.end_all(&account.id, None).await?)
    }

    /// A token that lets whoever has it make the first account, once. `None` when there is an account.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn set_up_token(&self) -> Result<Option<String>, AccessError> {
        if !self.accounts.list().await?.is_empty() {
            return Ok(None);
        }
        let token = random_text()?;
        *self.set_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash(&token));
        Ok(Some(token))
    }

    pub(super) fn is_set_up_token(&self, token: &str) -> bool {
        *self.set_up.lock().unwrap_or_else(PoisonError::into_inner) == Some(hash(token))
    }

    /// The first account was made: the link leads nowhere any more.
    pub(super) fn close_set_up(&self) {
        *self.set_up.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
