//! Who is signed in to the dashboard: random names in memory, gone with the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::random_text;

/// How long a session lasts without exception.
pub(super) const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// The most sessions at once; the one that would end first makes room.
const SESSIONS_MAX: usize = 100;

/// Sessions by the hash of their name, so that nobody who reads memory can take one over, and the time each ends.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], i64>>);

impl Sessions {
    /// Starts a session and returns its name, which is told to nobody but the browser.
    pub(super) fn start(&self, now_ms: i64) -> Result<String, getrandom::Error> {
        let name = random_text()?;
        let mut sessions = self.lock();
        sessions.retain(|_, ends_ms| *ends_ms > now_ms);
        if sessions.len() >= SESSIONS_MAX {
            let first = sessions.iter().min_by_key(|(_, ends_ms)| **ends_ms).map(|(hash, _)| *hash);
            first.map(|hash| sessions.remove(&hash));
        }
        sessions.insert(hash(&name), now_ms + SESSION_SECONDS * 1000);
        Ok(name)
    }

    pub(super) fn is_open(&self, name: &str, now_ms: i64) -> bool {
        self.lock().get(&hash(name)).is_some_and(|ends_ms| *ends_ms > now_ms)
    }

    pub(super) fn end(&self, name: &str) {
        self.lock().remove(&hash(name));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(name: &str) -> [u8; 32] {
    *blake3::hash(name.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_after_its_time_or_when_asked() {
        let sessions = Sessions::default();
        let name = sessions.start(0).unwrap();
        assert!(sessions.is_open(&name, SESSION_SECONDS * 1000 - 1));
        assert!(!sessions.is_open(&name, SESSION_SECONDS * 1000));
        assert!(!sessions.is_open("", 0));
        sessions.end(&name);
        assert!(!sessions.is_open(&name, 1));
    }

    #[test]
    fn sessions_are_bounded_and_the_oldest_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.start(0).unwrap();
        let second = sessions.start(1).unwrap();
        for n in 0..SESSIONS_MAX as i64 - 1 {
            sessions.start(2 + n).unwrap();
        }
        assert!(!sessions.is_open(&first, 200));
        assert!(sessions.is_open(&second, 200));
    }
}
