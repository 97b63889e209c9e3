//! A target of hooks: a server on a port that the system gave, which writes down every request and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// How it answers the next request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// With headers and a body of its own.
    Whole {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: &'static str,
    },
    /// Not at all, with the connection kept open.
    Silence,
    /// A good status and a body that never ends.
    Endless,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Method and target: `POST /hook`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// The ids of the clicks that a webhook tells of.
    pub(crate) fn click_ids(&self) -> Vec<String> {
        let body = self.json();
        let clicks = body["data"]["clicks"].as_array().cloned().unwrap_or_default();
        clicks.iter().map(|click| click["id"].as_str().unwrap().to_owned()).collect()
    }
}

type Answering = dyn Fn(&Received, usize) -> Reply + Send + Sync;

pub(crate) struct Target {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    received: Mutex<Vec<Received>>,
    answering: Mutex<Box<Answering>>,
    connections: AtomicUsize,
}

impl Target {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            received: Mutex::default(),
            answering: Mutex::new(Box::new(|_, _| Reply::Status(200))),
            connections: AtomicUsize::new(0),
        });
        let serving = state.clone();
        // It ends with the test's process; a connection that is refused would be another test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let state = serving.clone();
                std::thread::spawn(move || drop(state.serve(stream)));
            }
        });
        Self { port, state }
    }

    /// Answers from now on by the request and by how many came before it.
    pub(crate) fn answer(&self, answering: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) {
        *self.state.answering.lock().unwrap() = Box::new(answering);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// The ids of all clicks that webhooks told of, in the order they came, with repetitions.
    pub(crate) fn click_ids(&self) -> Vec<String> {
        self.received().iter().flat_map(Received::click_ids).collect()
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut out = stream.try_clone()?;
        let mut stream = BufReader::new(stream);
        while let Some(received) = read(&mut stream)? {
            let before = {
                let mut all = self.received.lock().unwrap();
                all.push(received.clone());
                all.len() - 1
            };
            let reply = (self.answering.lock().unwrap())(&received, before);
            match reply {
                Reply::Status(status) => write!(out, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n")?,
                Reply::Whole { status, headers, body } => {
                    write!(out, "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n", body.len())?;
                    headers.iter().try_for_each(|(name, value)| write!(out, "{name}: {value}\r\n"))?;
                    write!(out, "\r\n{body}")?;
                }
                // Whoever waits for more finds out by itself.
                Reply::Silence => return stream.read_to_end(&mut Vec::new()).map(drop),
                Reply::Endless => {
                    write!(out, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                    loop {
                        write!(out, "400\r\n{}\r\n", "x".repeat(1024))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn read(stream: &mut impl BufRead) -> std::io::Result<Option<Received>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let pair = |line: &String| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let headers: Vec<_> = lines.iter().filter_map(pair).collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok(Some(Received { line, headers, body: String::from_utf8(body).unwrap() }))
}
