//! A socket that is closed so that its last answer arrives.
//!
//! Closing a socket with unread bytes in it resets the connection, and a reset can overtake the answer: whoever sent a
//! head too large would see a broken connection instead of a 431. So the sending half is closed first, and what the
//! client still sends is read and thrown away, for a bounded while and a bounded number of bytes.
//!
//! Answers are sent by system calls of our own: glibc's `send` and `recv` are points at which a thread can be cancelled,
//! which nobody does here and which takes two locked instructions with every call.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 << 10;

pub(super) struct Lingering {
    socket: TokioIo<TcpStream>,
    /// Set once the sending half is closed.
    closing: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

impl Lingering {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket: TokioIo::new(socket), closing: None, discarded: 0 }
    }

    /// Sends what the socket takes now.
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.socket.inner();
        at_once(socket, Interest::WRITABLE, bytes.len(), || Ok(send(socket, bytes, SendFlags::NOSIGNAL)?))
    }

    /// Reads until the client has closed its half too, or the limits are reached.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        while self.discarded < LINGER_BYTES_MAX {
            let mut into = ReadBuf::new(&mut scratch);
            match Pin::new(self.socket.inner_mut()).poll_read(context, &mut into) {
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

impl Read for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, into)
    }
}

impl Write for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // A socket that is ready is not asked for tokio's leave to go on. hyper gives way to other connections after 16
        // rounds, long before tokio would.
        loop {
            match self.send(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::task::ready!(self.socket.inner().poll_write_ready(context))?;
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            std::task::ready!(Pin::new(&mut self.socket).poll_shutdown(context))?;
            self.closing = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        self.poll_discard(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
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
}
