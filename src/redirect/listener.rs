//! The public sockets and the threads behind them: one single-threaded runtime per core, no shared state but the
//! handler. A connection begins with plain clicks and is hyper's from the first request that is none. Everything hyper
//! leaves to its user is set here: the limits and the end of a connection. Serving a request must never poll more than
//! hyper, nor set a timer unless its client does not read.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::Either;
use http_body_util::Full;
use hyper::Response;
use hyper::rt::Write;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::connections::{Connections, Ending, Limits, PerNetwork, Seat, Ticket};
use super::linger::{Lingering, RECEIVE_BYTES_MAX};
use super::plain::{self, PlainClick};
use super::proxy::peer_behind;
use super::{Answering, Config, Handler, Later};

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;
const BACKLOG: i32 = 4096;
/// Descriptors left for the journal, the store, the archive and the admin plane.
const RESERVED_FILES: u64 = 200;
/// How long a connection that has to go may still finish its answer.
const GRACE: Duration = Duration::from_secs(3);
/// The pause between two looks for connections whose time is over.
const SWEEP_EVERY: Duration = Duration::from_millis(200);
/// How long accepting rests after an error such as "too many open files", instead of spinning.
const ACCEPT_REST: Duration = Duration::from_millis(10);

/// Opens one listening socket per thread on `address`; or shares `held`, a socket that a supervisor keeps open
/// through restarts, so that none refuses a connection.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) fn bind(config: &Config, held: Option<StdListener>) -> io::Result<Vec<StdListener>> {
    let threads = match config.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    if let Some(held) = held {
        held.set_nonblocking(true)?;
        return (0..threads).map(|_| held.try_clone()).collect();
    }
    // Shared ports would let two servers answer on one address, each for half of the clicks; so the address is first
    // taken for this process alone.
    drop(open(config.address, Sharing::Alone)?);
    let first = open(config.address, Sharing::AmongThreads)?;
    // With port 0 the system chooses; the others then share its choice.
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..threads {
        listeners.push(open(address, Sharing::AmongThreads)?);
    }
    Ok(listeners)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    AmongThreads,
}

fn open(address: SocketAddr, sharing: Sharing) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::AmongThreads)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The running threads of the redirect plane.
pub(crate) struct Plane {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Plane {
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub(crate) fn start(listeners: Vec<StdListener>, handler: &Arc<Handler>, config: &Config) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let per_network: Arc<PerNetwork> = Arc::default();
        let limits = Limits {
            connections_max: (connections_max(config) / listeners.len().max(1)).max(1),
            per_network_max: config.connections_per_network_max,
            head_within: Duration::from_millis(config.header_timeout_ms.max(1)),
            age_max: Duration::from_secs(config.connection_age_s.max(1)),
        };
        let mut threads = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let connections = (limits, per_network.clone());
            let (handler, stopped) = (handler.clone(), stopped.clone());
            let (started, start) = sync_channel(1);
            let run = move || {
                // A runtime of this kind is made on the thread it lives on.
                match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                    Err(error) => drop(started.send(Err(error))),
                    Ok(runtime) => {
                        let _ = started.send(Ok(()));
                        let connections = Connections::new(connections.0, connections.1);
                        let worker = Worker { handler, connections, answer: RefCell::default(), stopped };
                        runtime.block_on(Rc::new(worker).run(listener));
                    }
                }
            };
            threads.push(std::thread::Builder::new().name(format!("redirect-{number}")).spawn(run)?);
            start.recv().map_err(io::Error::other)??;
        }
        Ok(Self { stop, threads })
    }

    /// Stops accepting, lets answers under way finish, and returns when every thread has ended, at most `GRACE` later.
    pub(crate) fn stop(self) {
        self.stop.send_replace(true);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn connections_max(config: &Config) -> usize {
    if config.connections_max > 0 {
        return config.connections_max;
    }
    let open_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    usize::try_from(open_files.saturating_sub(RESERVED_FILES).max(16)).unwrap_or(usize::MAX)
}

/// What one thread serves its connections with.
struct Worker {
    handler: Arc<Handler>,
    connections: Rc<Connections>,
    /// Where the answer of a plain click is put together.
    answer: RefCell<Vec<u8>>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    async fn run(self: Rc<Self>, listener: StdListener) {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "a listening socket cannot be used"),
        };
        let mut stopped = self.stopped.clone();
        let mut sweeps = tokio::time::interval(SWEEP_EVERY);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                },
                _ = sweeps.tick() => self.connections.sweep(Instant::now()),
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        drop(listener);
        self.connections.end_all();
        let emptied = async {
            while self.connections.len() > 0 {
                tokio::time::sleep(ACCEPT_REST).await;
            }
        };
        let _ = tokio::time::timeout(GRACE, emptied).await;
    }

    fn accept(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let exempt = peer.ip().to_canonical().is_loopback() || self.handler.proxies.trusts(peer.ip());
        let Some(seat) = self.connections.seat(peer.ip(), exempt) else { return };
        tokio::task::spawn_local(self.clone().serve(stream, peer, seat));
    }

    /// One connection, until it ends, has grown old, has to make room, or the plane stops.
    async fn serve(self: Rc<Self>, mut stream: TcpStream, peer: SocketAddr, seat: Seat) {
        let _ = stream.set_nodelay(true);
        let head_within = self.connections.head_within();
        let Some(peer) = peer_behind(&self.handler.proxies, &mut stream, peer.ip(), head_within).await else { return };
        let mut socket = Lingering::new(stream);
        match self.answer_plain_clicks(&mut socket, peer, &seat.ticket).await {
            Next::Hyper(received) => socket.unread(received),
            Next::Close => {
                let _ = poll_fn(|context| Pin::new(&mut socket).poll_shutdown(context)).await;
                return;
            }
            Next::Drop => return,
        }
        let service = service_fn(|request| {
            self.connections.used(&seat.ticket);
            match self.handler.answer(request, peer) {
                Answering::Done(response) => Either::Left(ready(Ok::<_, Infallible>(response))),
                Answering::Later(later) => Either::Right(self.clone().wait_for(later, seat.ticket.clone())),
            }
        });
        // hyper's own limit of 100 headers stays: any other makes it clear room for as many with every request. No
        // `header_read_timeout` either, which makes a timer for every request; the sweep does the same.
        // Nor `pipeline_flush`: with it hyper 1.12 never sends an answer behind which unread bytes are left, which is
        // every refusal of a bad head or a body.
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES_MAX)
            .writev(false)
            // A client that has said all it wants to say may close its half and still wants the answer.
            .half_close(true)
            .serve_connection(socket, service);
        let mut connection = pin!(connection);
        let ending = poll_fn(|context| match seat.ticket.poll_ending(context) {
            Poll::Ready(ending) => Poll::Ready(Some(ending)),
            // An error here is the client's: a broken head or a reset. hyper has answered what can be.
            Poll::Pending => connection.as_mut().poll(context).map(|_| None),
        });
        if ending.await == Some(Ending::AfterAnswer) {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GRACE, connection).await;
        }
    }

    /// Answers plain clicks until something else comes. hyper takes its buffers before it reads, which somebody who only
    /// connects shall not cost either.
    async fn answer_plain_clicks(&self, socket: &mut Lingering, peer: IpAddr, ticket: &Ticket) -> Next {
        let mut has_answered = false;
        loop {
            let ending = poll_fn(|context| match ticket.poll_ending(context) {
                Poll::Ready(ending) => Poll::Ready(Some(ending)),
                Poll::Pending => socket.poll_received(context).map(|()| None),
            });
            match ending.await {
                Some(Ending::AfterAnswer) if has_answered => return Next::Close,
                Some(_) => return Next::Drop,
                None => {}
            }
            match socket.receive(RECEIVE_BYTES_MAX, |received| self.answer_plain_click(socket, received, peer)) {
                Ok(Ok(unsent)) => {
                    self.connections.used(ticket);
                    has_answered = true;
                    if !unsent.is_empty() && Box::pin(send_all(socket, unsent)).await.is_err() {
                        return Next::Drop;
                    }
                }
                Ok(Err(next)) => return next,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Next::Drop,
            }
        }
    }

    /// Answers what was received if it is a plain click, and returns what the socket did not take of the answer.
    fn answer_plain_click(&self, socket: &Lingering, received: &[u8], peer: IpAddr) -> Result<Vec<u8>, Next> {
        if received.is_empty() {
            return Err(Next::Drop);
        }
        let mut room = plain::room();
        let mut answer = self.answer.borrow_mut();
        answer.clear();
        PlainClick::read(received, &mut room)
            .and_then(|click| self.handler.answer_plain(&click, peer, &mut answer))
            .ok_or_else(|| Next::Hyper(received.to_vec()))?;
        match socket.send(&answer) {
            Ok(sent) => Ok(answer[sent..].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(answer.clone()),
            Err(_) => Err(Next::Drop),
        }
    }

    /// The answer of a request that has to wait, in which the sweep lets the connection be.
    async fn wait_for(self: Rc<Self>, later: Later, ticket: Rc<Ticket>) -> Result<Response<Full<Bytes>>, Infallible> {
        ticket.is_answering();
        let response = later.await;
        self.connections.used(&ticket);
        Ok(response)
    }
}

/// What becomes of a connection when it has no more plain clicks.
enum Next {
    /// What was received is something else.
    Hyper(Vec<u8>),
    /// It has to end, and the client may not know yet.
    Close,
    /// The client has ended it, or has said nothing for too long.
    Drop,
}

/// Sends what is left of an answer.
async fn send_all(socket: &mut Lingering, mut unsent: Vec<u8>) -> io::Result<()> {
    let sending = async {
        while !unsent.is_empty() {
            let sent = poll_fn(|context| Pin::new(&mut *socket).poll_write(context, &unsent)).await?;
            unsent.drain(..sent);
        }
        Ok(())
    };
    tokio::time::timeout(GRACE, sending).await?
}
