//! The public sockets and the threads behind them: one single-threaded runtime per core, no shared state but the
//! handler. Everything hyper leaves to its user is set here: the timer, the limits, the end of a connection.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::connections::{Connections, PerNetwork, Seat};
use super::linger::Lingering;
use super::proxy::peer_behind;
use super::{Config, Handler};

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
const BACKLOG: i32 = 4096;
/// Descriptors left for the journal, the store, the archive and the admin plane.
const RESERVED_FILES: u64 = 200;
/// How long a connection that has to go may still finish its answer.
const GRACE: Duration = Duration::from_secs(3);
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
        let connections_max = connections_max(config) / listeners.len().max(1);
        let mut threads = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (handler, config) = (handler.clone(), config.clone());
            let (per_network, stopped) = (per_network.clone(), stopped.clone());
            let run = move || {
                let connections = Connections::new(connections_max, per_network, config.connections_per_network_max);
                let worker = Rc::new(Worker { handler, config, connections, stopped });
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, worker.run(listener));
            };
            threads.push(std::thread::Builder::new().name(format!("redirect-{number}")).spawn(run)?);
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
    config: Config,
    connections: Rc<Connections>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    async fn run(self: Rc<Self>, listener: StdListener) {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "a listening socket cannot be used"),
        };
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                },
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        drop(listener);
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
        let head_within = Duration::from_millis(self.config.header_timeout_ms.max(1));
        let Some(peer) = peer_behind(&self.handler.proxies, &mut stream, peer.ip(), head_within).await else { return };
        let service = service_fn(|request| {
            let (worker, ticket) = (self.clone(), seat.ticket.clone());
            async move {
                worker.connections.used(&ticket);
                Ok::<_, Infallible>(worker.handler.answer(&request, peer).await)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_within)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            // Not `pipeline_flush`: with it hyper 1.12 never sends an answer behind which unread bytes are left, which
            // is every refusal of a bad head or a body.
            .writev(false)
            // A client that has said all it wants to say may close its half and still wants the answer.
            .half_close(true)
            .serve_connection(Lingering::new(stream), service);
        let mut connection = pin!(connection);
        let mut stopped = self.stopped.clone();
        tokio::select! {
            // An error here is the client's: a broken head, a reset, a timeout. hyper has answered what can be.
            _ = connection.as_mut() => return,
            () = tokio::time::sleep(Duration::from_secs(self.config.connection_age_s.max(1))) => {}
            () = seat.ticket.asked_to_close() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(GRACE, connection).await;
    }
}
