//! The small client of `benches/run`: a closed loop, an open loop, a walk over all links, a page, a free port.
//!
//! It speaks to 127.0.0.1 only. Each of its loops ends by a count or a time that its caller gives.
//!
//! - `load closed ADDRESS LINKS SECONDS SEED`: over each connection the next request for a random link goes out when the last
//!   one is answered. It does as little as it can, so that it is not what is measured: one `recv` and one `send` for
//!   each, as in the servers. Prints `requests microseconds p50 p99`, the last two in microseconds.
//! - `load open ADDRESS LINKS RATE SECONDS`: requests for random links arrive as a Poisson process, whether answers
//!   come or not; a request's latency counts from the moment it was due, so a stalled server can't hide its queue.
//!   Prints `requests p50 p99 p999 max`, microseconds.
//! - `load walk ADDRESS LINKS`: asks for each link once, so that each is in the server's memory.
//! - `load get ADDRESS PATH [KEY]`: prints the body of a page of the admin plane.
//! - `load post ADDRESS PATH KEY JSON`: sends JSON to a page of the admin plane.
//! - `load fresh ADDRESS KEY SECONDS`: watches the metrics and prints after how many milliseconds a hit was counted, in
//!   the 99th of 100 cases.
//! - `load port`: prints a port that is free now.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// The most requests under way at once; more that are due wait, and their latency grows. Connections take turns, so
/// that none idles for as long as a server would mind.
const CONNECTIONS: usize = 64;
/// How many requests `walk` sends before it reads their answers.
const WALK_PIPELINE: u32 = 64;
/// The largest page `get` reads.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// People mostly, and a program that fetches previews.
const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36 Edg/146.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 \
     Instagram 405.0.0.29.75 (iPhone15,2; iOS 18_6; en_US; en; scale=3.00; 1179x2556; 800000000)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
];

const HEADERS: &str = "Host: 127.0.0.1\r\n\
     Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
     Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
     Referer: https://www.instagram.com/\r\n";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["closed", address, links, seconds, seed] => {
            let seconds = Duration::from_secs(seconds.parse()?);
            closed(address.parse()?, links.parse()?, seconds, seed.parse()?)
        }
        ["open", address, links, rate, seconds] => {
            let seconds = Duration::from_secs(seconds.parse()?);
            open(address.parse()?, links.parse()?, rate.parse()?, seconds)
        }
        ["walk", address, links] => walk(address.parse()?, links.parse()?),
        ["get", address, path] => get(address.parse()?, path, ""),
        ["get", address, path, key] => get(address.parse()?, path, key),
        ["post", address, path, key, json] => post(address.parse()?, path, key, json),
        ["fresh", address, key, seconds] => fresh(address.parse()?, key, Duration::from_secs(seconds.parse()?)),
        ["port"] => port(),
        _ => bail!("usage: load closed|open|walk|get|port …; see the top of benches/load.rs"),
    }
}

fn closed(address: SocketAddr, links: u32, duration: Duration, seed: u64) -> anyhow::Result<()> {
    ensure!(links > 0, "links are above 0");
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut clicks = Clicks::new(&mut random);
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut loops = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let connection = Connection::open(address)?;
        epoll::add(&epoll, &connection.stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
        loops.push((connection, Instant::now()));
    }
    let (start, mut latencies) = (Instant::now(), Vec::with_capacity(1 << 20));
    let end = start + duration;
    for (connection, _) in &mut loops {
        connection.stream.write_all(clicks.next(&mut random, links))?;
    }
    let (mut now, mut events) = (start, Vec::with_capacity(CONNECTIONS));
    while now < end {
        let patience = Timespec { tv_sec: PATIENCE.as_secs().try_into()?, tv_nsec: 0 };
        let ready = epoll::wait(&epoll, spare_capacity(&mut events), Some(&patience))?;
        ensure!(ready > 0, "no answer within {PATIENCE:?}");
        for event in events.drain(..) {
            let (connection, sent) = &mut loops[usize::try_from(event.data.u64())?];
            if connection.answered()? {
                now = Instant::now();
                latencies.push(u64::try_from((now - *sent).as_micros())?);
                *sent = now;
                connection.stream.write_all(clicks.next(&mut random, links))?;
            }
        }
    }
    ensure!(!latencies.is_empty(), "no request was answered in that time");
    latencies.sort_unstable();
    let micros = (now - start).as_micros();
    println!("{} {micros} {} {}", latencies.len(), per_mille(&latencies, 500), per_mille(&latencies, 990));
    Ok(())
}

/// Of sorted latencies the one that so many in a thousand do not exceed.
fn per_mille(sorted: &[u64], rank: usize) -> u64 {
    sorted[(sorted.len() - 1) * rank / 1000]
}

/// Clicks of some thousand visitors with the headers that browsers send, put together beforehand but for their links.
struct Clicks {
    visitors: Vec<String>,
    request: Vec<u8>,
}

impl Clicks {
    const VISITORS: u32 = 4096;

    fn new(random: &mut Random) -> Self {
        let visitor = |number: u32| {
            let [.., high, low] = number.to_be_bytes();
            let agent = AGENTS[random.below(AGENTS.len() as u32) as usize];
            format!(" HTTP/1.1\r\n{HEADERS}User-Agent: {agent}\r\nX-Forwarded-For: 11.{high}.{low}.1\r\n\r\n")
        };
        Self { visitors: (0..Self::VISITORS).map(visitor).collect(), request: Vec::with_capacity(1024) }
    }

    fn next(&mut self, random: &mut Random, links: u32) -> &[u8] {
        let mut link = *b"GET /l0000000";
        let mut rest = random.below(links) + 1;
        for digit in link.iter_mut().rev().take(7) {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        self.request.clear();
        self.request.extend_from_slice(&link);
        self.request.extend_from_slice(self.visitors[random.below(Self::VISITORS) as usize].as_bytes());
        &self.request
    }
}

fn open(address: SocketAddr, links: u32, rate: f64, duration: Duration) -> anyhow::Result<()> {
    ensure!(links > 0 && rate > 0.0, "links and rate are above 0");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut latencies = run_open(address, &arrivals(&mut random, rate, duration), || request(&mut random, links))?;
    ensure!(!latencies.is_empty(), "no request was due in that time");
    latencies.sort_unstable();
    let at = |rank| per_mille(&latencies, rank);
    println!("{} {} {} {} {}", latencies.len(), at(500), at(990), at(999), at(1000));
    Ok(())
}

/// When requests are due, as time since the start: exponential gaps make a Poisson process.
fn arrivals(random: &mut Random, rate: f64, duration: Duration) -> Vec<Duration> {
    let mut due = Vec::new();
    let mut at = 0.0;
    while at < duration.as_secs_f64() {
        due.push(Duration::from_secs_f64(at));
        at -= (1.0 - random.unit()).ln() / rate;
    }
    due
}

/// Sends each request when it is due and returns all latencies in microseconds. It spins instead of sleeping: a timer
/// of the system would be coarser than the latencies.
fn run_open(address: SocketAddr, due: &[Duration], mut request: impl FnMut() -> String) -> anyhow::Result<Vec<u64>> {
    let mut idle: VecDeque<_> = (0..CONNECTIONS).map(|_| Connection::open(address)).collect::<Result<_, _>>()?;
    let mut under_way: Vec<(Connection, Duration)> = Vec::with_capacity(CONNECTIONS);
    let mut latencies = Vec::with_capacity(due.len());
    let start = Instant::now();
    let end = due.last().copied().unwrap_or_default() + PATIENCE;
    let mut waiting = due.iter().peekable();
    while waiting.peek().is_some() || !under_way.is_empty() {
        let now = start.elapsed();
        ensure!(now < end, "{} answers did not come within {PATIENCE:?}", under_way.len() + waiting.len());
        if let Some(at) = waiting.next_if(|at| **at <= now && !idle.is_empty()) {
            let mut connection = idle.pop_front().context("a connection was idle a moment ago")?;
            connection.stream.write_all(request().as_bytes())?;
            under_way.push((connection, *at));
        }
        let mut at = 0;
        while at < under_way.len() {
            if under_way[at].0.answered()? {
                let (connection, due) = under_way.swap_remove(at);
                latencies.push(u64::try_from((start.elapsed() - due).as_micros())?);
                idle.push_back(connection);
            } else {
                at += 1;
            }
        }
    }
    Ok(latencies)
}

/// A kept connection with at most one request under way, for whose bytes there is always room.
struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// Whether the answer has come whole: its head and what the head says follows.
    fn answered(&mut self) -> anyhow::Result<bool> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => self.received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut answer = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = answer.parse(&self.received)? else { return Ok(false) };
        ensure!(answer.code == Some(302), "not a redirect: {:?}", answer.code);
        let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let body: usize = std::str::from_utf8(length.context("an answer without a length")?.value)?.parse()?;
        ensure!(self.received.len() <= head + body, "more than an answer came");
        let is_whole = self.received.len() == head + body;
        if is_whole {
            self.received.clear();
        }
        Ok(is_whole)
    }
}

/// Counts the ends of heads in a stream of bytes, across reads.
#[derive(Default)]
struct Tail {
    matched: usize,
}

impl Tail {
    fn count_heads(&mut self, bytes: &[u8]) -> u32 {
        const END: &[u8; 4] = b"\r\n\r\n";
        let mut heads = 0;
        for byte in bytes {
            self.matched = match *byte {
                byte if byte == END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == END.len() {
                heads += 1;
                self.matched = 0;
            }
        }
        heads
    }
}

fn walk(address: SocketAddr, links: u32) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut tail, mut buffer, mut next) = (Tail::default(), [0; 16 * 1024], 1);
    while next <= links {
        let last = links.min(next + WALK_PIPELINE - 1);
        let requests: String = (next..=last)
            .map(|link| format!("GET /l{link:07} HTTP/1.1\r\n{HEADERS}User-Agent: {}\r\n\r\n", AGENTS[1]))
            .collect();
        stream.write_all(requests.as_bytes())?;
        let mut answers = 0;
        while answers < last + 1 - next {
            let read = stream.read(&mut buffer)?;
            ensure!(read > 0, "the server closed the connection at link {next}");
            answers += tail.count_heads(&buffer[..read]);
        }
        next = last + 1;
    }
    Ok(())
}

fn get(address: SocketAddr, path: &str, key: &str) -> anyhow::Result<()> {
    print!("{}", page(address, path, key)?);
    Ok(())
}

fn post(address: SocketAddr, path: &str, key: &str, json: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = json.len();
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{json}").as_bytes())?;
    let mut answer = String::new();
    stream.take(PAGE_BYTES_MAX).read_to_string(&mut answer)?;
    ensure!(answer.split(' ').nth(1).is_some_and(|status| status.starts_with('2')), "{path}: {answer}");
    Ok(())
}

/// How often the metrics are read.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A hit that was received at one look is counted at the first look at which so many are counted.
fn fresh(address: SocketAddr, key: &str, duration: Duration) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut looks: Vec<(Duration, u64, u64)> = Vec::new();
    while start.elapsed() < duration + PATIENCE {
        let metrics = page(address, "/metrics", key)?;
        let value = |name: &str| sum_of(&metrics, name);
        let look = (start.elapsed(), value("waypost_hits_received_total"), value("waypost_hits_counted_total"));
        let is_over = look.0 > duration && look.1 == look.2;
        looks.push(look);
        if is_over {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let counted_at = |hits: u64| looks.iter().find(|(_, _, counted)| *counted >= hits).map(|(at, ..)| *at);
    let under_load = looks.iter().filter(|(at, ..)| *at <= duration);
    let mut ages: Vec<u128> = under_load
        .filter_map(|(at, received, _)| Some(counted_at(*received)?.saturating_sub(*at).as_millis()))
        .collect();
    ensure!(!ages.is_empty(), "nothing was counted");
    ages.sort_unstable();
    println!("{}", ages[(ages.len() - 1) * 99 / 100]);
    Ok(())
}

/// The sum over all label sets of a metric.
fn sum_of(metrics: &str, name: &str) -> u64 {
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    metrics.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

fn page(address: SocketAddr, path: &str, key: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut page = String::new();
    stream.take(PAGE_BYTES_MAX).read_to_string(&mut page)?;
    let (head, body) = page.split_once("\r\n\r\n").context("not an HTTP answer")?;
    ensure!(head.split(' ').nth(1) == Some("200"), "{path}: {head}");
    Ok(body.to_owned())
}

fn port() -> anyhow::Result<()> {
    println!("{}", TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
    Ok(())
}

/// A click of one of 65,536 visitors, each from a network of its own, on one of `links` links.
fn request(random: &mut Random, links: u32) -> String {
    let link = random.below(links) + 1;
    let [.., high, low] = random.below(1 << 16).to_be_bytes();
    let visitor = Ipv4Addr::new(11, high, low, 1);
    let agent = AGENTS[1];
    format!("GET /l{link:07} HTTP/1.1\r\n{HEADERS}User-Agent: {agent}\r\nX-Forwarded-For: {visitor}\r\n\r\n")
}

/// xorshift64*: the same requests in each run, and no crate for it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u32) -> u32 {
        // The high half of a product: as even as a benchmark needs.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u32
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
