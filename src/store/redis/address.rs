//! Where the Redis is and who we are there. The passwords are in here and must never get out: neither `Debug` nor any
//! message shows them.

use std::fmt;

use percent_encoding::percent_decode_str;
use redis::RedisConnectionInfo;

use crate::store::OpenError;

const FORMS: &str = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], \
                     redis+sentinel://[USER:PASSWORD@]HOST[:PORT],.../SERVICE[/DATABASE][?sentinel_username=..&\
                     sentinel_password=..] or redis+cluster://[USER:PASSWORD@]HOST[:PORT],..., each with rediss for TLS";

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// More servers than these are not named in one URL; the others are learned from them.
const NODES_MAX: usize = 16;

/// What stands at the other end.
#[derive(Clone)]
pub(super) enum Kind {
    /// One server that is always the same.
    Server,
    /// The servers of the address are sentinels; they know which server is the master of this service.
    Sentinel { service: String, login: RedisConnectionInfo },
    /// The servers of the address know which of them holds which slots.
    Cluster,
}

#[derive(Clone)]
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) is_encrypted: bool,
    /// At least one, at most [`NODES_MAX`].
    pub(super) nodes: Vec<Endpoint>,
    /// Who we are at the servers that hold data.
    pub(super) login: RedisConnectionInfo,
}

/// A server's host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// # Errors
    /// When the text is no address of these forms; the message repeats none of it.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        Self::read(url).map_err(|why| OpenError::Url(format!("{why}; write it as {FORMS}")))
    }

    fn read(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it is no URL")?;
        if rest.contains('#') {
            return Err("it may have no #fragment");
        }
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
        let login = login(user)?;
        let (encrypted, kind) =
            scheme.strip_prefix("rediss").map_or((false, scheme.strip_prefix("redis")), |kind| (true, Some(kind)));
        let (kind, database, port) = match kind {
            Some("") => (Kind::Server, path, SERVER_PORT),
            Some("+cluster") if path.is_empty() => (Kind::Cluster, "", SERVER_PORT),
            Some("+cluster") => return Err("a cluster has no databases"),
            Some("+sentinel") => {
                let (service, database) = path.split_once('/').unwrap_or((path, ""));
                let kind = Kind::Sentinel { service: service_name(service)?, login: sentinel_login(query)? };
                (kind, database, SENTINEL_PORT)
            }
            _ => return Err("it is no address of a Redis"),
        };
        // What a parameter asks for and we do not do must not be passed over in silence.
        if query.is_some() && !matches!(kind, Kind::Sentinel { .. }) {
            return Err("it may have no ?parameters");
        }
        let database =
            if database.is_empty() { 0 } else { database.parse::<u16>().map_err(|_| "DATABASE is a number")? };
        let nodes = endpoints(hosts, port)?;
        if matches!(kind, Kind::Server) && nodes.len() > 1 {
            return Err("several servers are sentinels or a cluster");
        }
        Ok(Self { kind, is_encrypted: encrypted, nodes, login: login.set_db(i64::from(database)) })
    }
}

fn login(user: &str) -> Result<RedisConnectionInfo, &'static str> {
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let info = named(decoded(user)?, decoded(password)?)?;
    Ok(info)
}

fn sentinel_login(query: Option<&str>) -> Result<RedisConnectionInfo, &'static str> {
    let (mut user, mut password) = (String::new(), String::new());
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        match parameter.split_once('=') {
            Some(("sentinel_username", value)) => user = decoded(value)?,
            Some(("sentinel_password", value)) => password = decoded(value)?,
            _ => return Err("its parameters are sentinel_username and sentinel_password"),
        }
    }
    named(user, password)
}

/// The name of a library in Redis' list of clients is worth no command that a user must be permitted.
fn named(user: String, password: String) -> Result<RedisConnectionInfo, &'static str> {
    let mut info = RedisConnectionInfo::default().set_skip_set_lib_name();
    if password.is_empty() && !user.is_empty() {
        return Err("a user has a password, too");
    }
    if !user.is_empty() {
        info = info.set_username(user);
    }
    if !password.is_empty() {
        info = info.set_password(password);
    }
    Ok(info)
}

fn decoded(text: &str) -> Result<String, &'static str> {
    percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| "user and password are UTF-8")
}

fn service_name(text: &str) -> Result<String, &'static str> {
    let name = decoded(text)?;
    if name.is_empty() { Err("after the sentinels comes the name of the service they watch") } else { Ok(name) }
}

fn endpoints(hosts: &str, port: u16) -> Result<Vec<Endpoint>, &'static str> {
    let nodes: Option<Vec<_>> = hosts.split(',').map(|text| Endpoint::parse(text, port)).collect();
    match nodes {
        Some(nodes) if nodes.len() <= NODES_MAX => Ok(nodes),
        Some(_) => Err("it names at most 16 servers"),
        None => Err("a server is HOST or HOST:PORT"),
    }
}

impl Endpoint {
    /// `host:port`, `[::1]:port`, or without a port. `None` when it is neither.
    fn parse(text: &str, port: u16) -> Option<Self> {
        let (host, given) = match text.rsplit_once(':') {
            Some((host, given)) if !given.ends_with(']') => (host, Some(given)),
            _ => (text, None),
        };
        let port = given.map_or(Some(port), |given| given.parse().ok())?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bare.is_none() && host.contains(':') {
            return None;
        }
        let host = bare.unwrap_or(host);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"[]@/?#,%".contains(&byte);
        (!host.is_empty() && port > 0 && host.bytes().all(is_plain)).then(|| Self { host: host.to_owned(), port })
    }

    /// As a Redis names another one: `host:port`, where an IPv6 host has no brackets, and an empty host is that of the
    /// server which `said` it.
    pub(super) fn named_by(text: &str, said: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        Some(said.neighbour(host, port))
    }

    /// A server that this one knows under `host`; an unknown host (empty or `?`) is its own.
    pub(super) fn neighbour(&self, host: &str, port: u16) -> Self {
        let host = if matches!(host, "" | "?") { self.host.as_str() } else { host };
        Self { host: host.to_owned(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// The address without users and passwords.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, database) = (if self.is_encrypted { "rediss" } else { "redis" }, self.login.db());
        let nodes: Vec<_> = self.nodes.iter().map(Endpoint::to_string).collect();
        let nodes = nodes.join(",");
        match &self.kind {
            Kind::Server => write!(f, "{scheme}://{nodes}/{database}"),
            Kind::Sentinel { service, .. } => write!(f, "{scheme}+sentinel://{nodes}/{service}/{database}"),
            Kind::Cluster => write!(f, "{scheme}+cluster://{nodes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        Address::parse(url).unwrap().to_string()
    }

    #[test]
    fn an_address_is_shown_without_users_and_passwords() {
        for (url, expected) in [
            ("redis://me:secret@redis.internal:7000/3", "redis://redis.internal:7000/3"),
            ("redis://localhost", "redis://localhost:6379/0"),
            ("rediss://:secret@[::1]:7000/", "rediss://[::1]:7000/0"),
            (
                "redis+sentinel://:secret@a,b:7/main?sentinel_password=secret&sentinel_username=me",
                "redis+sentinel://a:26379,b:7/main/0",
            ),
            ("rediss+sentinel://[::1]/main/2", "rediss+sentinel://[::1]:26379/main/2"),
            ("redis+cluster://me:secret@a,b:7", "redis+cluster://a:6379,b:7"),
            ("rediss+cluster://a/", "rediss+cluster://a:6379"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn a_password_may_hold_whatever_is_percent_encoded() {
        let address = Address::parse("redis://a%40b:p%2Fw%3A%23@h").unwrap();
        assert_eq!((address.login.username(), address.login.password()), (Some("a@b"), Some("p/w:#")));
        let address = Address::parse("redis+sentinel://h/main?sentinel_password=a%26b").unwrap();
        let Kind::Sentinel { login, .. } = address.kind else { panic!("sentinels") };
        assert_eq!((login.username(), login.password()), (None, Some("a&b")));
        assert_eq!(address.login.password(), None);
    }

    #[test]
    fn other_forms_are_refused_without_repeating_a_password() {
        for url in [
            "redis://:secret@h/x",
            "redis://:secret@h?protocol=resp3",
            "redis://:secret@h#x",
            "redis://:secret@",
            "redis://secret@h",
            "redis://:secret@h,i",
            "redis://:secret@h:0",
            "redis://:secret@::1",
            "redis:secret",
            "redis+ring://:secret@h",
            "redis+cluster://:secret@h/1",
            "redis+cluster://:secret@h?x=y",
            "redis+sentinel://:secret@h",
            "redis+sentinel://:secret@h/main/x",
            "redis+sentinel://:secret@h/main?password=secret",
            "redis+sentinel://:secret@h/main?sentinel_username=secret",
        ] {
            let error = Address::parse(url).map(|address| address.to_string()).unwrap_err().to_string();
            assert!(error.contains("redis://[USER") && !error.contains("secret@"), "{url}: {error}");
            assert!(!error.contains("=secret"), "{url}: {error}");
        }
        let many = vec!["h"; NODES_MAX + 1].join(",");
        assert!(Address::parse(&format!("redis+cluster://{many}")).is_err());
    }

    #[test]
    fn a_server_that_redis_names_without_a_host_is_a_neighbour() {
        let said = Endpoint { host: "10.0.0.1".to_owned(), port: 1 };
        let named = |text: &str| Endpoint::named_by(text, &said).map(|endpoint| endpoint.to_string());
        assert_eq!(named("10.0.0.2:7000").as_deref(), Some("10.0.0.2:7000"));
        assert_eq!(named("::1:7000").as_deref(), Some("[::1]:7000"));
        assert_eq!(named(":7000").as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(named("?:7000").as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(named("7000"), None);
    }
}
