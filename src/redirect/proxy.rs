//! The PROXY protocol: a load balancer that passes bytes on says first, in a line or a block of its own, who connected.
//!
//! Only networks that the configuration names may say so, and they must: guessing whether a header is there would let a
//! stranger introduce himself. Not a byte behind the header is taken, so what follows is read as if it had never been.
//! Format: "The PROXY protocol", versions 1 and 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt).

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::address::Proxies;

/// The longest header of version 1, by its specification.
const LINE_BYTES_MAX: usize = 107;

/// What version 2 begins with, and its fixed part: the signature, a version, a family, a length.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_BYTES: usize = 16;

/// The longest block of version 2 that is read: addresses take at most 216 bytes, the rest are notes of the balancer.
const BLOCK_BYTES_MAX: usize = 4096;

/// Who is at the other end: the peer itself, or whom it introduces. `None` when it should have introduced somebody and
/// did not within `deadline`; the connection is then of no use.
pub(super) async fn peer_behind(
    proxies: &Proxies,
    stream: &mut TcpStream,
    peer: IpAddr,
    deadline: Duration,
) -> Option<IpAddr> {
    if !proxies.introduces(peer) {
        return Some(peer);
    }
    // In a box, or every connection would have room for a header.
    match tokio::time::timeout(deadline, Box::pin(introduced(stream))).await {
        // Health checks of the balancer itself introduce nobody.
        Ok(Ok(client)) => Some(client.unwrap_or(peer)),
        Ok(Err(error)) => {
            proxies.miss_introduction(&error.to_string());
            None
        }
        Err(_) => {
            proxies.miss_introduction("nothing came in time");
            None
        }
    }
}

/// Reads the header and nothing more; `None` when it introduces nobody.
async fn introduced(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut header = [0; FIXED_BYTES + BLOCK_BYTES_MAX];
    let mut length = SIGNATURE.len();
    stream.read_exact(&mut header[..length]).await?;
    if header.starts_with(SIGNATURE) {
        stream.read_exact(&mut header[length..FIXED_BYTES]).await?;
        length = FIXED_BYTES + usize::from(u16::from_be_bytes([header[14], header[15]]));
        let block = header.get_mut(FIXED_BYTES..length).ok_or_else(|| invalid("a PROXY header that is too long"))?;
        stream.read_exact(block).await?;
    } else {
        length = read_line(stream, &mut header[..LINE_BYTES_MAX], length).await?;
    }
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let (header, _) =
        ProxyHeader::parse(&header[..length], config).map_err(|_| invalid("what came is no PROXY header"))?;
    Ok(header.proxied_address().map(|address| address.source.ip().to_canonical()))
}

/// Reads on to the end of the line and returns its length. It looks before it takes, so that nothing behind the line
/// goes with it.
async fn read_line(stream: &mut TcpStream, line: &mut [u8], mut length: usize) -> io::Result<usize> {
    if !line.starts_with(b"PROXY ") {
        return Err(invalid("what came is no PROXY header"));
    }
    while length < line.len() {
        let seen = stream.peek(&mut line[length..]).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = line[length..length + seen].iter().position(|byte| *byte == b'\n');
        let take = end.map_or(seen, |end| end + 1);
        stream.read_exact(&mut line[length..length + take]).await?;
        length += take;
        if end.is_some() {
            return Ok(length);
        }
    }
    Err(invalid("a PROXY line that does not end"))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    /// Who a connection is of that begins with these pieces, and what can be read from it afterwards.
    async fn met(pieces: &[&[u8]], networks: &[&str]) -> (Option<String>, Vec<u8>) {
        let mut config = Config::default_values().redirect;
        config.proxy_protocol = networks.iter().map(|network| network.parse().unwrap()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (mut stream, peer) = listener.accept().await.unwrap();
        let proxies = Proxies::new(&config);
        let sending = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
        };
        let (met, ()) = tokio::join!(peer_behind(&proxies, &mut stream, peer.ip(), Duration::from_secs(5)), sending);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        (met.map(|address| address.to_string()), rest)
    }

    fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family][..], &length, block].concat()
    }

    #[tokio::test]
    async fn both_versions_introduce_the_client_and_leave_the_request_whole() {
        let v4 = version_2(0x21, 0x11, &[203, 0, 113, 7, 10, 0, 0, 1, 0x1f, 0x90, 0, 80]);
        let mut addresses = vec![0_u8; 36];
        addresses[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        addresses[15] = 7;
        // Notes of the balancer follow the addresses.
        addresses.extend_from_slice(&[0x04, 0, 2, 1, 2]);
        let v6 = version_2(0x21, 0x21, &addresses);
        for (header, client) in [
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 80\r\n".to_vec(), "203.0.113.7"),
            (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 80\r\n".to_vec(), "2001:db8::7"),
            (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 56324 80\r\n".to_vec(), "203.0.113.7"),
            (v4, "203.0.113.7"),
            (v6, "2001:db8::7"),
        ] {
            let whole = [&header, REQUEST].concat();
            let pieces: Vec<&[u8]> = whole.chunks(7).collect();
            for pieces in [vec![whole.as_slice()], pieces] {
                assert_eq!(met(&pieces, &["127.0.0.0/8"]).await, (Some(client.to_owned()), REQUEST.to_vec()));
            }
        }
    }

    #[tokio::test]
    async fn a_balancer_that_speaks_for_itself_is_itself() {
        for header in [b"PROXY UNKNOWN\r\n".to_vec(), version_2(0x20, 0, &[]), version_2(0x21, 0, &[])] {
            let whole = [&header, REQUEST].concat();
            assert_eq!(met(&[&whole], &["127.0.0.1/32"]).await, (Some("127.0.0.1".to_owned()), REQUEST.to_vec()));
        }
    }

    #[tokio::test]
    async fn who_may_introduce_must_and_nobody_else_can() {
        assert_eq!(met(&[REQUEST], &["127.0.0.1/32"]).await.0, None);
        let endless = [b"PROXY TCP4 ", [b'1'; 200].as_slice()].concat();
        let too_long = [SIGNATURE, &[0x21, 0x11, 0xff, 0xff][..], &[0; 100]].concat();
        for broken in [&b"PROXY TCP4 203.0.113.7\r\n"[..], b"PROXY", b"", &endless, &too_long, &SIGNATURE[..11]] {
            assert_eq!(met(&[broken], &["127.0.0.1/32"]).await.0, None, "{broken:?}");
        }
        let stranger = b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 80\r\n";
        let (met, rest) = met(&[stranger], &["192.0.2.0/24"]).await;
        assert_eq!((met.as_deref(), rest.as_slice()), (Some("127.0.0.1"), &stranger[..]));
    }
}
