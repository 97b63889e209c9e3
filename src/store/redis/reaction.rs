//! What each reply of Redis means for us: one pure table, so that no two callers can disagree about an error.
//!
//! The strings are those of redis-server 7.0.15.

use redis::{ErrorKind, RedisError};

use crate::store::StoreError;

/// What to do after a call that did not go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Nobody knows whether it was done: connect anew, ask where things stand, go on from there.
    Unknown,
    /// Nothing was done and the server will recover by itself.
    Wait,
    /// Nothing was done; this server is not, or no longer, the one that takes writes.
    Elsewhere,
    /// Nothing was done; another server holds the slot now.
    Moved,
    /// Nothing was done; the slot is on its way, and this key is already with the other server.
    Ask,
    /// Nothing was done; the script has to be sent along.
    Load,
    /// Nothing was done; memory or disk of the server is full.
    Full,
    /// Nothing was done, and nothing will be until somebody changes the configuration.
    Refused,
    /// Nothing was sent: this is not the server it should be.
    Untrusted,
    /// A key does not hold what we put there, or the program is wrong.
    Poison,
}

const SILENT: &str = "no answer in time";

/// A call that did not go well.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reaction: Reaction,
    pub(super) said: String,
    /// The server that the call was sent on to, as the other one names it.
    pub(super) to: Option<String>,
}

pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(super) fn of(reaction: Reaction, said: impl Into<String>) -> Self {
        Self { reaction, said: said.into(), to: None }
    }

    /// The server was silent for too long.
    pub(super) fn silent() -> Self {
        Self::of(Reaction::Unknown, SILENT)
    }

    /// The connection ended, or there was none.
    pub(super) fn cut(said: impl Into<String>) -> Self {
        Self::of(Reaction::Unknown, said)
    }

    /// The connection ended, so that a new one may find the server well. One that is silent would be silent again.
    pub(super) fn was_cut(&self) -> bool {
        self.reaction == Reaction::Unknown && !self.said.ends_with(SILENT)
    }

    /// A reply or a key that says what no Waypost writes.
    pub(super) fn poison(said: impl Into<String>) -> Self {
        Self::of(Reaction::Poison, said)
    }

    /// The same, naming who said it.
    pub(super) fn said_by(self, server: &str) -> Self {
        Self { said: format!("{server}: {}", self.said), ..self }
    }

    /// What the caller of the store is told; `server` names it without its password.
    pub(super) fn at(self, server: &str) -> StoreError {
        let Self { reaction, said, .. } = self;
        match reaction {
            Reaction::Poison => StoreError::Corrupt(format!("{server}: {said}; {}", advice(reaction))),
            _ => StoreError::Unavailable(format!("{server}: {said}; {}", advice(reaction))),
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let code = code(&error);
        let to = error.redirect_node().map(|(to, _)| to.to_owned());
        Self { reaction: reaction(code.as_deref(), &error.to_string()), said: error.to_string(), to }
    }
}

fn advice(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Unknown => "Waypost connects again by itself",
        Reaction::Wait => "this passes by itself, unless a script or an abandoned move of slots holds it",
        Reaction::Elsewhere => "store.url must lead to the master, or to sentinels that know it",
        Reaction::Moved | Reaction::Ask => "a cluster needs a store.url with redis+cluster://",
        Reaction::Load => "the server lost its scripts and gets them again",
        Reaction::Full => "make room: raise maxmemory or free the disk",
        Reaction::Refused => "check user, password and permissions (docs/redis.md lists the commands)",
        Reaction::Untrusted => "check the certificates: the server's, store.tls_ca, store.tls_cert",
        Reaction::Poison => "look at this key with redis-cli, or put back a backup",
    }
}

/// The code that the server's reply began with; `None` when there was no reply.
fn code(error: &RedisError) -> Option<String> {
    match error.kind() {
        ErrorKind::AuthenticationFailed => Some("WRONGPASS".to_owned()),
        ErrorKind::Io => None,
        // A reply that cannot be read as what was asked for is not what we wrote.
        ErrorKind::UnexpectedReturnType => Some("WRONGTYPE".to_owned()),
        _ => match error.clone().into_server_errors() {
            Some(errors) => errors.first().map(|(_, error)| error.code().to_owned()),
            None => error.code().map(str::to_owned),
        },
    }
}

/// The table: what to do when the server answered `code`, or did not answer, with this text.
pub(super) fn reaction(code: Option<&str>, text: &str) -> Reaction {
    if text.contains("max number of clients") {
        return Reaction::Wait;
    }
    match code {
        // What the other end of a TLS connection says when our certificate is not to its liking.
        None if text.contains("fatal alert") => Reaction::Untrusted,
        None => Reaction::Unknown,
        Some("LOADING" | "BUSY" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "NOREPLICAS") => Reaction::Wait,
        Some("READONLY") => Reaction::Elsewhere,
        Some("MOVED") => Reaction::Moved,
        Some("ASK") => Reaction::Ask,
        Some("NOSCRIPT") => Reaction::Load,
        Some("OOM" | "MISCONF") => Reaction::Full,
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Reaction::Refused,
        // The script was cut short from outside: how far it came is unknown, and the watermark knows.
        Some("UNKILLABLE") => Reaction::Wait,
        Some(_) => Reaction::Poison,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reply_is_an_unknown_outcome() {
        for kind in ["Connection refused (os error 111)", "Connection reset by peer", "unexpected end of file"] {
            assert_eq!(reaction(None, kind), Reaction::Unknown);
        }
        assert_eq!(Failure::silent().reaction, Reaction::Unknown);
        let refused = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert_eq!(Failure::from(refused).reaction, Reaction::Unknown);
    }

    #[test]
    fn a_certificate_that_is_not_liked_is_a_matter_of_certificates() {
        let said = "received fatal alert: CertificateRequired";
        assert_eq!(reaction(None, said), Reaction::Untrusted);
    }

    #[test]
    fn a_server_that_is_busy_with_itself_is_waited_for() {
        for code in ["LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "UNKILLABLE"] {
            assert_eq!(reaction(Some(code), ""), Reaction::Wait, "{code}");
        }
        assert_eq!(reaction(Some("ERR"), "ERR max number of clients reached"), Reaction::Wait);
    }

    #[test]
    fn a_server_that_is_not_the_master_is_left() {
        for (code, expected) in [("READONLY", Reaction::Elsewhere), ("MOVED", Reaction::Moved), ("ASK", Reaction::Ask)]
        {
            assert_eq!(reaction(Some(code), ""), expected, "{code}");
        }
    }

    #[test]
    fn a_forgotten_script_is_sent_again() {
        assert_eq!(reaction(Some("NOSCRIPT"), "No matching script."), Reaction::Load);
    }

    #[test]
    fn a_full_server_is_waited_for_and_somebody_is_told() {
        for code in ["OOM", "MISCONF"] {
            assert_eq!(reaction(Some(code), ""), Reaction::Full, "{code}");
        }
    }

    #[test]
    fn a_wrong_password_or_a_missing_permission_is_a_matter_of_configuration() {
        for code in ["NOAUTH", "WRONGPASS", "NOPERM"] {
            assert_eq!(reaction(Some(code), ""), Reaction::Refused, "{code}");
        }
    }

    #[test]
    fn what_a_key_should_not_hold_is_poison() {
        for code in ["CROSSSLOT", "WRONGTYPE", "ERR", "SOMETHINGNEW"] {
            assert_eq!(reaction(Some(code), ""), Reaction::Poison, "{code}");
        }
        assert!(matches!(Failure::poison("x").at("redis://h"), StoreError::Corrupt(_)));
        assert!(matches!(Failure::silent().at("redis://h"), StoreError::Unavailable(_)));
    }
}
