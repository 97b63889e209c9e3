//! Speaks to a server's admin API: shows the key, bounds every wait, turns refusals into words.
//!
//! It must never send the key anywhere but to the server it was meant for: redirects are not followed.

use std::time::Duration;

use anyhow::Context;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Usage;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may say nothing in the middle of an answer. Long exports stay possible.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read whole; exports are streamed instead.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Entries of a list asked for at a time, and how many pages are asked for: more than any list has.
const PAGE: usize = 1000;
const PAGES_MAX: usize = 1000;

/// What a refusal may say; a longer text is not ours.
const PROBLEM_BYTES_MAX: usize = 1024 * 1024;

/// Runs a client command to its end on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime of this command")?;
    runtime.block_on(work)
}

/// A server and the key that opens it.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// What is sent along with a request.
pub(crate) enum Body {
    None,
    Json(serde_json::Value),
    Csv(Vec<u8>),
}

/// Query parameters; those without a value are left out.
pub(crate) type Query<'a> = &'a [(&'static str, Option<String>)];

impl Client {
    pub(crate) fn new(url: &str, key: String) -> anyhow::Result<Self> {
        let base = url.trim_end_matches('/').to_owned();
        let parsed = reqwest::Url::parse(&base)
            .ok()
            .filter(|parsed| matches!(parsed.scheme(), "http" | "https") && parsed.has_host())
            .ok_or_else(|| Usage(format!("{base:?} is no server address; write it as http://127.0.0.1:8081")))?;
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) || key.is_empty() {
            return Err(Usage("the admin key is empty or holds characters that no key has".to_owned()).into());
        }
        Ok(Self { http: http_client(&parsed)?, base, key })
    }

    pub(crate) async fn get(&self, path: &str, query: Query<'_>) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, query, Body::None).await
    }

    /// Asks for the list called `list` page after page, and answers as if all of it had come at once.
    pub(crate) async fn get_all(&self, path: &str, list: &str) -> anyhow::Result<Answer> {
        let mut all = Value::Null;
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let query = [("after", after.take()), ("limit", Some(PAGE.to_string()))];
            let mut page: Value = self.get(path, &query).await?.read()?;
            after = page["next"].take().as_str().map(str::to_owned);
            match (all[list].as_array_mut(), page[list].as_array_mut()) {
                (Some(all), Some(page)) => all.append(page),
                _ => all = page,
            }
            if after.is_none() {
                break;
            }
        }
        Ok(Answer { text: all.to_string() })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`Refused`] when the server says no; otherwise why there is no answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Body,
    ) -> anyhow::Result<Answer> {
        let mut response = self.stream(method, path, query, body).await?;
        let text = read_bounded(&mut response, ANSWER_BYTES_MAX).await.with_context(|| self.broken())?;
        Ok(Answer { text })
    }

    /// Sends a request and leaves the answer's body to be read piece by piece.
    pub(crate) async fn stream(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Body,
    ) -> anyhow::Result<reqwest::Response> {
        let query: Vec<_> = query.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?))).collect();
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key).query(&query);
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Csv(bytes) => request.header("content-type", "text/csv").body(bytes),
        };
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let why = if error.is_timeout() { "it does not answer in time".to_owned() } else { innermost(error) };
        anyhow::anyhow!("cannot reach the server at {}: {why}; is it still running?", self.base)
    }

    fn broken(&self) -> String {
        format!("the answer of the server at {} broke off", self.base)
    }

    async fn refusal(&self, mut response: reqwest::Response) -> anyhow::Error {
        let status = response.status();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        // A refusal whose text cannot be read is still a refusal: its status is told.
        let text = read_bounded(&mut response, PROBLEM_BYTES_MAX).await.unwrap_or_default();
        Refused::read(status.as_u16(), &text, retry_after).into()
    }
}

/// Asks an address that is open to everybody, without the key. Status and text, whatever they are.
pub(crate) async fn ask_openly(url: &str) -> anyhow::Result<(u16, String)> {
    let parsed = reqwest::Url::parse(url).context("no address")?;
    let sent = http_client(&parsed)?.get(parsed).send().await;
    let mut response = sent.map_err(|error| anyhow::anyhow!(innermost(&error)))?;
    let status = response.status().as_u16();
    Ok((status, read_bounded(&mut response, PROBLEM_BYTES_MAX).await.unwrap_or_default()))
}

fn http_client(url: &reqwest::Url) -> anyhow::Result<reqwest::Client> {
    // It fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("waypost/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    if url.scheme() == "http" {
        // Without TLS no root certificates are needed, and a machine that has none must not fail for it.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().context("cannot prepare the connection")
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn read_bounded(response: &mut reqwest::Response, max: usize) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| anyhow::anyhow!(innermost(&error)))? {
        anyhow::ensure!(bytes.len() + chunk.len() <= max, "it is larger than {max} bytes");
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).context("it is not text")
}

/// The last cause is the one that a person can do something about.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

/// A name as one segment of a path, whatever is in it.
pub(crate) fn segment(name: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
}

/// An answer of the server, whole.
pub(crate) struct Answer {
    pub(crate) text: String,
}

impl Answer {
    /// What `--json` prints: the answer as it came, an empty object where the server had nothing to say.
    pub(crate) fn json(&self) -> &str {
        if self.text.is_empty() { "{}" } else { &self.text }
    }

    /// Reads what this command shows of the answer; fields it does not know are no error.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_str(&self.text)
            .context("the server's answer is not understood; is that Waypost's admin address?")
    }
}

/// The server said no. `Display` is one line that says what was wrong and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Rows of an uploaded file that are wrong; at most the first 100.
    pub(crate) rows: Vec<RowError>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct RowError {
    pub(crate) row: u64,
    pub(crate) message: String,
}

/// RFC 9457 problem details, as far as they are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    field: Option<String>,
    errors: Vec<RowError>,
}

impl Refused {
    fn read(status: u16, text: &str, retry_after: Option<u64>) -> Self {
        let problem: Problem = serde_json::from_str(text).unwrap_or_default();
        let mut message = match (problem.detail.as_str(), problem.title.as_str()) {
            ("", "") => format!("the server answered {status} and no reason; is that Waypost's admin address?"),
            ("", title) => title.to_owned(),
            (detail, _) => detail.to_owned(),
        };
        if let Some(field) = problem.field.filter(|field| !message.starts_with(field.as_str())) {
            message = format!("{field}: {message}");
        }
        if status == 401 {
            message.push_str(" (the key is in the file admin.key of the server's data folder)");
        }
        if let Some(seconds) = retry_after {
            message.push_str(&format!("; try again in {seconds} s"));
        }
        Self { status, message, rows: problem.errors }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_server_elsewhere_needs_a_key() {
        let error = Client::new("http://localhost:1", String::new()).err().unwrap();
        assert!(error.is::<Usage>());
        assert!(Client::new("localhost:1", "k".to_owned()).err().unwrap().is::<Usage>());
        assert!(Client::new("http://localhost:1", "k\r\nHost: x".to_owned()).err().unwrap().is::<Usage>());
    }

    #[test]
    fn a_refusal_names_the_field_and_the_way_out() {
        let text = r#"{"title":"Unprocessable","status":422,"detail":"it is reserved; choose another","field":"slug"}"#;
        assert_eq!(Refused::read(422, text, None).to_string(), "slug: it is reserved; choose another");
        let text = r#"{"title":"Conflict","detail":"slug \"a\" is taken","field":"slug"}"#;
        assert_eq!(Refused::read(409, text, None).to_string(), "slug \"a\" is taken");
        let busy = Refused::read(503, r#"{"title":"the store is not available"}"#, Some(2));
        assert_eq!(busy.to_string(), "the store is not available; try again in 2 s");
        let stranger = Refused::read(502, "<html>Bad Gateway</html>", None);
        assert!(stranger.to_string().contains("502"), "{stranger}");
    }

    /// Answers one request with `answer` and hands back what was asked.
    fn stand_in(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = vec![0; 8192];
            let length = socket.read(&mut request).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (url, asked)
    }

    #[test]
    fn a_request_carries_the_key_and_only_the_parameters_that_are_set() {
        let (url, asked) = stand_in("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        let client = Client::new(&url, "wp_secret".to_owned()).unwrap();
        let query = [("slug", Some("a b".to_owned())), ("tag", None)];
        let answer = block_on(client.get("/api/v1/links", &query)).unwrap();
        assert_eq!(answer.text, "{}");
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /api/v1/links?slug=a+b HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("authorization: Bearer wp_secret\r\n"), "{asked}");
    }

    #[test]
    fn a_redirect_is_never_followed_with_the_key() {
        let (url, asked) = stand_in("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        let client = Client::new(&url, "wp_secret".to_owned()).unwrap();
        let error = block_on(client.get("/api/v1/node", &[])).err().unwrap();
        assert_eq!(error.downcast::<Refused>().unwrap().status, 302);
        asked.join().unwrap();
    }

    #[test]
    fn an_answer_that_breaks_off_is_a_failure() {
        let (url, asked) = stand_in("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}");
        let client = Client::new(&url, "k".to_owned()).unwrap();
        let error = block_on(client.get("/api/v1/node", &[])).err().unwrap();
        assert!(format!("{error:#}").contains("broke off"), "{error:#}");
        asked.join().unwrap();
    }

    #[test]
    fn nobody_listening_is_told_with_the_address() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}/"), "k".to_owned()).unwrap();
        let error = block_on(client.get("/api/v1/node", &[])).err().unwrap().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}: Connection refused")), "{error}");
    }
}
