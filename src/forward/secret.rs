//! Secrets, and what is signed with them, as Standard Webhooks 1.0.0 writes both
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, "Signature scheme").
//!
//! A secret must never be printed, logged or sent anywhere but to whoever it is for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// What the specification says a secret begins with.
const PREFIX: &str = "whsec_";
/// Of 24 to 64 that the specification allows.
const BYTES: usize = 32;

/// Something that only we and the target know: what webhooks are signed with, or what a product asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// What a product gave.
    pub(super) fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A new one to sign with.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", STANDARD.encode(bytes))))
    }

    /// To be shown once to whoever made it, or sent to the product that gave it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `{id}.{timestamp_s}.{body}`.
    pub(super) fn sign(&self, id: &str, timestamp_s: i64, body: &str) -> String {
        let text = self.0.strip_prefix(PREFIX).unwrap_or(&self.0);
        let key = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signature = hmac::sign(&key, format!("{id}.{timestamp_s}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_reference_libraries() {
        // The example that the reference libraries of Standard Webhooks are tested with.
        let secret = Secret::given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn id_time_and_body_are_all_signed() {
        let secret = Secret::given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = secret.sign("a", 1, "b");
        for other in [secret.sign("c", 1, "b"), secret.sign("a", 2, "b"), secret.sign("a", 1, "c")] {
            assert_ne!(signed, other);
        }
        assert_ne!(signed, Secret::generate().unwrap().sign("a", 1, "b"));
    }

    #[test]
    fn a_secret_is_long_enough_new_each_time_and_never_printed() {
        let (one, other) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one, other);
        let text = one.reveal().strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(text).unwrap().len(), 32);
        assert_eq!(format!("{one:?}"), "Secret");
    }
}
