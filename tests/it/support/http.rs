//! HTTP/1.1 by hand on a blocking socket, so that a test decides about every byte it sends.
//!
//! Never used for anything but loopback: no TLS, no redirects followed, no connection shared between tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for bytes that do not come.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer a test reads; anything more is a bug that must not eat the machine.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The `Location` of a redirect.
    pub(crate) fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("no Location in {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The answer itself if it has this status.
    ///
    /// # Panics
    /// With the body when it has another.
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// A request, as it is put on the wire: headers in the order they were added.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: None }
    }

    /// Sets a header; one that was set before is replaced.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a header away again.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self.header("Content-Type", content_type)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    /// Sends it on a connection of its own.
    pub(crate) fn send(self, address: SocketAddr) -> io::Result<Answer> {
        Connection::open(address)?.send(&self.header("Connection", "close"))
    }

    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// A connection that is kept for several requests.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, READ_TIMEOUT)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_write_timeout(Some(READ_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Sends a request and reads its answer.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Answer> {
        self.stream.get_mut().write_all(&request.bytes(self.address))?;
        read_answer(&mut self.stream, request.method == "HEAD")
    }

    /// Sends these bytes and nothing else.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sets how long a write waits for the other side to make room.
    pub(crate) fn write_timeout(&mut self, timeout: Duration) {
        self.stream.get_ref().set_write_timeout(Some(timeout)).expect("the timeout is not zero");
    }

    /// Reads one answer to whatever was written.
    pub(crate) fn read(&mut self) -> io::Result<Answer> {
        read_answer(&mut self.stream, false)
    }
}

/// Sends bytes, closes the sending half and returns all that comes back; a reset ends it like a close does.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut connection = Connection::open(address)?;
    // A server may answer and close before it has read everything; what it answered still counts.
    let _ = connection.write(bytes);
    let _ = connection.stream.get_ref().shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let read = connection.stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    match read {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(answer),
    }
}

fn read_answer(stream: &mut impl BufRead, head_only: bool) -> io::Result<Answer> {
    loop {
        let status = read_status(stream)?;
        let headers = read_headers(stream)?;
        if (100..200).contains(&status) {
            continue;
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !head_only && status != 204 && status != 304 {
            answer.body = read_body(stream, &answer)?;
        }
        return Ok(answer);
    }
}

fn read_status(stream: &mut impl BufRead) -> io::Result<u16> {
    let line = read_line(stream)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.filter(|_| line.starts_with("HTTP/1.")).ok_or_else(|| broken(format!("not a status line: {line:?}")))
}

fn read_headers(stream: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken(format!("not a header: {line:?}")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_body(stream: &mut impl BufRead, answer: &Answer) -> io::Result<Vec<u8>> {
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(stream);
    }
    let mut body = Vec::new();
    let length = answer.header("content-length").map(|length| length.parse::<u64>());
    match length {
        Some(Ok(length)) if length <= ANSWER_BYTES_MAX => {
            stream.take(length).read_to_end(&mut body)?;
            if (body.len() as u64) < length {
                return Err(broken(format!("{} of {length} bytes came", body.len())));
            }
        }
        Some(length) => return Err(broken(format!("content-length {length:?}"))),
        None => {
            stream.take(ANSWER_BYTES_MAX).read_to_end(&mut body)?;
        }
    }
    Ok(body)
}

fn read_chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|_| broken(format!("not a chunk size: {line:?}")))?;
        if body.len() as u64 + size > ANSWER_BYTES_MAX {
            return Err(broken("an answer without end".to_owned()));
        }
        let before = body.len() as u64;
        stream.take(size).read_to_end(&mut body)?;
        if body.len() as u64 - before < size {
            return Err(broken("the answer was cut off".to_owned()));
        }
        if !read_line(stream)?.is_empty() {
            return Err(broken("a chunk does not end where it says".to_owned()));
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.take(64 * 1024).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| broken("a header that is not UTF-8".to_owned()))
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str) -> io::Result<Answer> {
        read_answer(&mut bytes.as_bytes(), false)
    }

    #[test]
    fn an_answer_is_read_by_its_length_by_its_chunks_or_to_the_end() {
        let by_length = read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore").unwrap();
        assert_eq!((by_length.status, by_length.text().as_str()), (200, "ok"));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap().text(), "abc");
        assert_eq!(read("HTTP/1.0 404 No\r\n\r\nnone").unwrap().text(), "none");
        let hint = "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 None\r\nA: b\r\n\r\n";
        assert_eq!(read(hint).unwrap().header("a"), Some("b"));
    }

    #[test]
    fn a_cut_off_answer_is_an_error() {
        for bytes in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "SMTP ready\r\n\r\n",
        ] {
            read(bytes).unwrap_err();
        }
    }

    #[test]
    fn a_request_carries_its_headers_in_order_and_one_of_each() {
        let request = Request::new("GET", "/a").header("A", "1").header("B", "2").header("a", "3");
        let bytes = String::from_utf8(request.bytes("127.0.0.1:9".parse().unwrap())).unwrap();
        assert_eq!(bytes, "GET /a HTTP/1.1\r\nHost: 127.0.0.1:9\r\nB: 2\r\na: 3\r\n\r\n");
    }
}
