//! Mints the click tokens that links hand to their destinations. It must never wait: without a key there is no token.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::click_token::{CHARS, ClickToken, TokenKey};
use crate::domain::link::LinkId;

/// Shared by all threads of the plane; the key arrives once the store has given it.
pub(crate) struct Tokens {
    key: OnceLock<TokenKey>,
    next: AtomicU64,
}

impl Tokens {
    /// `first` is random, so that two nodes or two starts give different numbers.
    pub(crate) fn new(first: u64) -> Self {
        Self { key: OnceLock::new(), next: AtomicU64::new(first) }
    }

    /// The first key stays.
    pub(crate) fn take_key(&self, key: TokenKey) {
        let _ = self.key.set(key);
    }

    /// A new token for a click on `link` at `now_ms`.
    pub(super) fn mint(&self, link: LinkId, now_ms: i64) -> Option<[u8; CHARS]> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) & 0xFFFF_FFFF_FFFF;
        let time_s = u32::try_from(now_ms / 1000).ok()?;
        Some(self.key.get()?.mint(ClickToken { link, time_s, number }))
    }
}
