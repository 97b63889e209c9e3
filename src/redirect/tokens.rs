//! Mints the click tokens that links hand to their destinations. It must never wait: without a key there is no token.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::click_token::{CHARS, ClickToken, TokenKey};
use crate::domain::link::LinkId;

/// Shared by all threads of the plane; the key arrives once the store has given it.
pub(super) struct Tokens {
    key: OnceLock<TokenKey>,
    next: AtomicU64,
}

impl Tokens {
    /// The first number is random, so that two nodes or two starts give different ones.
    pub(super) fn new() -> Self {
        let mut bytes = [0; 8];
        // Without random bytes numbers begin at 0, and tokens still differ by second.
        let _ = getrandom::fill(&mut bytes);
        Self { key: OnceLock::new(), next: AtomicU64::new(u64::from_le_bytes(bytes)) }
    }

    /// The first key stays.
    pub(super) fn take_key(&self, key: TokenKey) {
        let _ = self.key.set(key);
    }

    /// A new token for a click on `link` at `now_ms`.
    pub(super) fn mint(&self, link: LinkId, now_ms: i64) -> Option<[u8; CHARS]> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) & 0xFFFF_FFFF_FFFF;
        let time_s = u32::try_from(now_ms / 1000).ok()?;
        Some(self.key.get()?.mint(ClickToken { link, time_s, number }))
    }
}
