//! Where the Redis is and who we are there. The password is in here and must never get out: neither `Debug` nor any
//! message shows it.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::store::OpenError;

const FORM: &str = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]";

/// A single server.
#[derive(Clone)]
pub(super) struct Address(ConnectionInfo);

impl Address {
    /// # Errors
    /// When the text is no address of this form; the message repeats none of it.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let refused = |why: &str| OpenError::Url(format!("{why}; write it as {FORM}"));
        let parsed = redis::parse_redis_url(url).ok_or_else(|| refused("it is no URL"))?;
        if parsed.scheme() != "redis" {
            return Err(refused("this form of Redis is not known yet"));
        }
        // What a parameter asks for and we do not do must not be passed over in silence.
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(refused("it may have no ?parameters and no #fragment"));
        }
        let info = url.into_connection_info().map_err(|error| refused(error.category()))?;
        // The name of a library in Redis' list of clients is worth no command that a user must be permitted.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        Ok(Self(info.set_redis_settings(settings)))
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        self.0.clone()
    }
}

/// The address without user and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, port) => write!(f, "redis://{host}:{port}/{}", self.0.redis_settings().db()),
            other => write!(f, "redis:{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_user_and_password() {
        let shown = |url: &str| Address::parse(url).unwrap().to_string();
        assert_eq!(shown("redis://me:secret@redis.internal:7000/3"), "redis://redis.internal:7000/3");
        assert_eq!(shown("redis://localhost"), "redis://localhost:6379/0");
    }

    #[test]
    fn other_forms_are_refused_without_repeating_a_password() {
        let urls = ["rediss://:secret@h", "redis://:secret@h/x", "redis://:secret@h?protocol=resp3", "redis://"];
        for url in urls {
            let error = Address::parse(url).map(|address| address.to_string()).unwrap_err().to_string();
            assert!(error.contains("redis://[USER") && !error.contains("secret"), "{url}: {error}");
        }
    }
}
