//! How a connection is made: socket, TLS where the address asks for it, login. Each attempt has a deadline, and none
//! is repeated here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisConnectionInfo, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::address::Endpoint;
use super::reaction::{Failure, Result};
use super::tls::Tls;

/// How long Redis may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    pub(super) connect: Duration,
    pub(super) reply: Duration,
}

pub(super) struct Dialer {
    pub(super) deadlines: Deadlines,
    tls: Option<Tls>,
}

/// A connection that ends with its last handle, even while an answer is awaited.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) to: MultiplexedConnection,
    _driver: Arc<Driver>,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Dialer {
    pub(super) fn new(deadlines: Deadlines, tls: Option<Tls>) -> Self {
        Self { deadlines, tls }
    }

    pub(super) async fn connect(&self, to: &Endpoint, login: &RedisConnectionInfo) -> Result<Connection> {
        // Our own deadlines are around every call; one more inside would only hide which of them ended it.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connect = async {
            let stream = self.stream(to).await?;
            let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
            let (to, driver) = MultiplexedConnection::new_with_config(&nobody, stream, config).await?;
            let mut connection = Connection { to, _driver: Arc::new(Driver(tokio::spawn(driver))) };
            log_in(&mut connection.to, login).await?;
            Ok(connection)
        };
        timeout(self.deadlines.connect, connect).await.unwrap_or_else(|_| Err(Failure::silent()))
    }

    /// A connection on which `channel` is listened to.
    pub(super) async fn subscribe(&self, to: &Endpoint, login: &RedisConnectionInfo, channel: &str) -> Result<PubSub> {
        let connect = async {
            let mut connection = PubSub::new(login, self.stream(to).await?).await?;
            connection.subscribe(channel).await?;
            Ok(connection)
        };
        timeout(self.deadlines.connect, connect).await.unwrap_or_else(|_| Err(Failure::silent()))
    }

    async fn stream(&self, to: &Endpoint) -> Result<Box<dyn Stream>> {
        let unreachable = |error: io::Error| Failure::cut(error.to_string());
        let stream = TcpStream::connect((to.host.as_str(), to.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => Ok(Box::new(tls.around(stream, &to.host).await?)),
        }
    }
}

/// Says who we are and which database is meant. Were it left to the library, it would call every refusal a wrong password,
/// also that of a server without a place for one more client.
async fn log_in(connection: &mut MultiplexedConnection, login: &RedisConnectionInfo) -> Result<()> {
    if let Some(password) = login.password() {
        let mut auth = redis::cmd("AUTH");
        auth.arg(login.username()).arg(password);
        connection.send_packed_command(&auth).await.and_then(Value::extract_error)?;
    }
    if login.db() != 0 {
        let select = redis::cmd("SELECT").arg(login.db()).to_owned();
        connection.send_packed_command(&select).await.and_then(Value::extract_error)?;
    }
    Ok(())
}
