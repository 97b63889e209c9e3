//! A socket that is closed so that its last answer arrives.
//!
//! Closing a socket with unread bytes in it resets the connection, and a reset can overtake the answer: whoever sent a
//! head too large would see a broken connection instead of a 431. So the sending half is closed first, and what the
//! client still sends is read and thrown away, for a bounded while and a bounded number of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf};
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

impl Read for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, into)
    }
}

impl Write for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
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
