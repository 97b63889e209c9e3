//! A socket that is closed so that its last answer arrives.
//!
//! Closing a socket with unread bytes in it resets the connection, and a reset can overtake the answer: whoever sent a
//! head too large would see a broken connection instead of a 431. So the sending half is closed first, and what the
//! client still sends is read and thrown away, for a bounded while and a bounded number of bytes.
//!
//! It sends and receives by system calls of our own: glibc's `send` and `recv` are points at which a thread can be
//! cancelled, which nobody does here and which takes two locked instructions with every call.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 << 10;

/// The most that is received with one call; as much as hyper first makes room for.
pub(super) const RECEIVE_BYTES_MAX: usize = 8 << 10;

pub(super) struct Lingering {
    socket: TcpStream,
    /// What was received and is read once more.
    unread: Vec<u8>,
    /// Set once the sending half is closed.
    closing: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

impl Lingering {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, unread: Vec::new(), closing: None, discarded: 0 }
    }

    /// Has these bytes read as if they had not been received yet.
    pub(super) fn unread(&mut self, bytes: Vec<u8>) {
        self.unread = bytes;
    }

    /// Resolves when there is something to receive, if only an end or an error.
    pub(super) fn poll_received(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_read_ready(context).map(drop)
    }

    /// Sends what the socket takes now.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = bytes.len();
        at_once(&self.socket, Interest::WRITABLE, wanted, || Ok(send(&self.socket, bytes, SendFlags::NOSIGNAL)?))
    }

    /// Receives what has come, at most `room` bytes, and hands it over: nothing once the client has closed its half.
    pub(super) fn receive<R>(&self, room: usize, take: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        // hyper's buffer lends itself to unsafe code alone; a head is copied in less time than glibc takes.
        let mut buffer = [MaybeUninit::uninit(); RECEIVE_BYTES_MAX];
        let wanted = room.min(RECEIVE_BYTES_MAX);
        let (room, mut received) = (&mut buffer[..wanted], None);
        at_once(&self.socket, Interest::READABLE, wanted, || {
            let ((bytes, _), _) = recv(&self.socket, room, RecvFlags::empty())?;
            Ok(received.insert(bytes).len())
        })?;
        Ok(take(received.as_deref().unwrap_or_default()))
    }

    /// Reads until the client has closed its half too, or the limits are reached.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        while self.discarded < LINGER_BYTES_MAX {
            let mut into = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.socket).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => self.discarded += into.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let Some(closing) = &mut self.closing else { return Poll::Ready(()) };
                    return closing.as_mut().poll(context);
                }
            }
        }
        Poll::Ready(())
    }
}

/// One call that moves up to `wanted` bytes, if the socket is thought to be ready; `WouldBlock` if it is not, and then
/// tokio knows and can be asked to wait.
fn at_once(
    socket: &TcpStream,
    interest: Interest,
    wanted: usize,
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let mut moved = 0;
    let outcome = socket.try_io(interest, || {
        moved = call()?;
        // A part of what was wanted is all there is for now. Told so, tokio spares the next call, which would move
        // nothing; with its own calls it does the same.
        if (1..wanted).contains(&moved) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    if moved > 0 { Ok(moved) } else { outcome.map(|()| 0) }
}

/// Whether a call came to nothing because the socket was not ready.
fn would_block<T>(outcome: &io::Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

// A socket that is ready is not asked for tokio's leave to go on: hyper gives way to other connections after 16 rounds,
// long before tokio would.
impl Read for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let length = into.remaining().min(self.unread.len());
            into.put_slice(&self.unread[..length]);
            self.unread.drain(..length);
            if self.unread.is_empty() {
                // The connection may live long.
                self.unread = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        loop {
            let received = self.receive(into.remaining(), |bytes| into.put_slice(bytes));
            if !would_block(&received) {
                return Poll::Ready(received);
            }
            ready!(self.socket.poll_read_ready(context))?;
        }
    }
}

impl Write for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let sent = self.send(bytes);
            if !would_block(&sent) {
                return Poll::Ready(sent);
            }
            ready!(self.socket.poll_write_ready(context))?;
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(context))?;
            self.closing = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        self.poll_discard(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// More than a socket holds.
    const MUCH: usize = 16 << 20;

    async fn pair() -> (TcpStream, Lingering) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, Lingering::new(listener.accept().await.unwrap().0))
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_gets_every_byte_and_one_that_is_gone_ends_the_answer() {
        let (mut client, mut server) = pair().await;
        let sent = bytes(MUCH);
        let sending = async {
            let mut rest = sent.as_slice();
            while !rest.is_empty() {
                let length = poll_fn(|context| Pin::new(&mut server).poll_write(context, rest)).await.unwrap();
                rest = &rest[length..];
            }
        };
        let mut received = vec![0; MUCH];
        let (_, read) = tokio::join!(sending, client.read_exact(&mut received));
        assert_eq!(read.unwrap(), MUCH);
        assert!(received == sent);
        drop(client);
        let refused = loop {
            if let Err(error) = poll_fn(|context| Pin::new(&mut server).poll_write(context, &sent)).await {
                break error;
            }
        };
        assert!(matches!(refused.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset), "{refused}");
    }

    #[tokio::test]
    async fn what_a_client_sends_arrives_in_order_and_within_the_room_there_is() {
        let (mut client, mut server) = pair().await;
        let sent = bytes(MUCH);
        let sending = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let receiving = async {
            let (mut room, mut received) = (vec![0; 3 * RECEIVE_BYTES_MAX], Vec::new());
            for length in (1..=room.len()).cycle().step_by(4099) {
                let mut into = hyper::rt::ReadBuf::new(&mut room[..length]);
                poll_fn(|context| Pin::new(&mut server).poll_read(context, into.unfilled())).await.unwrap();
                if into.filled().is_empty() {
                    break;
                }
                received.extend_from_slice(into.filled());
            }
            received
        };
        let (received, ()) = tokio::join!(receiving, sending);
        assert!(received == sent);
    }
}
