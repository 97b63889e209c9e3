//! Passwords: hashed with Argon2id away from the threads that answer, a few at a time.
//!
//! It must never keep, log or show a password, nor answer sooner when there is no hash to compare with.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::AccessError;
use super::secret::random_text;

/// OWASP's Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes and one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes computed at the same time: two cores and 38 MiB at most.
const HASHES_MAX: usize = 2;
/// Requests that wait for a hash; more are told to come again.
const WAITING_MAX: usize = 32;

/// Characters of a password. NIST SP 800-63B-4 asks for 15 where nothing but a password is asked for, and no rules
/// about kinds of characters.
const CHARS_MIN: usize = 15;
const CHARS_MAX: usize = 256;

/// What is compared with when there is no such account: a hash of what nobody knows, made like the others.
static NOBODYS: LazyLock<String> =
    LazyLock::new(|| random_text().ok().and_then(|text| hash(text.as_bytes())).unwrap_or_default());

/// A password that may be set.
pub(in crate::admin) struct Password(String);

impl Password {
    /// # Errors
    /// A sentence when it is too short or too long.
    pub(in crate::admin) fn new(text: &str) -> Result<Self, AccessError> {
        let chars = text.chars().count();
        let wrong = match chars {
            0..CHARS_MIN => format!("it has {chars} characters and needs {CHARS_MIN}: a few unrelated words are good"),
            CHARS_MIN..=CHARS_MAX => return Ok(Self(text.to_owned())),
            _ => format!("it has {chars} characters, {CHARS_MAX} are allowed"),
        };
        Err(AccessError::Invalid { field: "password", message: wrong })
    }

    /// One that nobody can guess, to be told once.
    pub(in crate::admin) fn generated() -> Result<Self, AccessError> {
        Ok(Self(random_text()?.chars().take(24).collect()))
    }

    pub(in crate::admin) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The turns to hash.
pub(super) struct Hashing {
    turns: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Hashing {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(HASHES_MAX)), waiting: Semaphore::new(WAITING_MAX) }
    }

    /// In PHC's form, with its salt and parameters.
    pub(super) async fn hash(&self, password: &Password) -> Result<String, AccessError> {
        let text = password.0.clone();
        let hashed = self.in_turn(move || hash(text.as_bytes())).await?;
        hashed.ok_or_else(|| AccessError::Broken("a password could not be hashed".to_owned()))
    }

    /// Whether `text` is the password of this hash. Takes as long when there is none.
    pub(super) async fn is_of(&self, text: &str, hash: Option<&str>) -> Result<bool, AccessError> {
        let (text, known) = (text.to_owned(), hash.map(str::to_owned));
        self.in_turn(move || {
            // Made by whoever signs in first, known or not.
            let nobodys: &str = &NOBODYS;
            let is_right = argon2().verify_password(text.as_bytes(), known.as_deref().unwrap_or(nobodys)).is_ok();
            is_right && known.is_some()
        })
        .await
    }

    async fn in_turn<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, AccessError> {
        let _place = self.waiting.try_acquire().map_err(|_| AccessError::Busy)?;
        // It belongs to the work: a request that is given up leaves a hash behind that still takes a core.
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| AccessError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let answer = work();
            drop(turn);
            answer
        });
        done.await.map_err(|error| AccessError::Broken(format!("hashing failed: {error}")))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("they are within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(text: &[u8]) -> Option<String> {
    argon2().hash_password(text).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_nothing_is_known_without_one() {
        let hashing = Hashing::new();
        let password = Password::new("correct horse battery").unwrap();
        let hash = hashing.hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hashing.hash(&password).await.unwrap(), "each has a salt of its own");
        assert!(hashing.is_of("correct horse battery", Some(&hash)).await.unwrap());
        for (text, hash) in [("correct horse batter", Some(&*hash)), ("correct horse battery", None), ("", Some("x"))] {
            assert!(!hashing.is_of(text, hash).await.unwrap());
        }
        assert!(NOBODYS.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "an unknown name takes as long");
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_waits_for_its_turn_and_costs_a_hash_like_any_other() {
        let hashing = Arc::new(Hashing::new());
        let held = hashing.turns.clone().acquire_many_owned(HASHES_MAX as u32).await.unwrap();
        let known = hash(b"correct horse battery").unwrap();
        let ask = |hash: Option<String>| {
            let hashing = hashing.clone();
            tokio::spawn(async move { hashing.is_of("wrong", hash.as_deref()).await })
        };
        let waiting = [ask(Some(known.clone())), ask(None)];
        while hashing.waiting.available_permits() > WAITING_MAX - 2 {
            tokio::task::yield_now().await;
        }
        assert!(waiting.iter().all(|one| !one.is_finished()), "neither is answered without its turn");
        drop(held);
        for one in waiting {
            assert!(!one.await.unwrap().unwrap());
        }
        let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        assert_eq!(parameters(&NOBODYS), parameters(&known), "and both turns are as long");
    }

    #[tokio::test]
    async fn more_than_can_wait_are_told_to_come_again() {
        let hashing = Arc::new(Hashing::new());
        let held = hashing.turns.clone().acquire_many_owned(HASHES_MAX as u32).await.unwrap();
        let ask = || {
            let hashing = hashing.clone();
            tokio::spawn(async move { hashing.is_of("x", None).await })
        };
        let waiting: Vec<_> = (0..WAITING_MAX).map(|_| ask()).collect();
        while hashing.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hashing.is_of("x", None).await, Err(AccessError::Busy)));
        drop(held);
        for waiting in waiting {
            assert!(!waiting.await.unwrap().unwrap());
        }
    }

    #[test]
    fn a_password_is_long_enough_and_not_endless() {
        for (chars, is_fine) in [(0, false), (14, false), (15, true), (256, true), (257, false)] {
            assert_eq!(Password::new(&"é".repeat(chars)).is_ok(), is_fine, "{chars}");
        }
        assert_eq!(Password::generated().unwrap().as_str().len(), 24);
    }
}
