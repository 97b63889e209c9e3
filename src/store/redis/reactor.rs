//! The thread that speaks with Redis. Connections live on its runtime alone, so that no caller's runtime has to run
//! for an answer to arrive, and no caller that gives up can cut a call in half.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::store::StoreError;

pub(super) struct Reactor {
    handle: Handle,
    /// Dropped with the reactor, which ends the thread.
    _alive: oneshot::Sender<()>,
}

impl Reactor {
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, gone) = oneshot::channel::<()>();
        let run = move || {
            let _ = runtime.block_on(gone);
        };
        std::thread::Builder::new().name("store-redis".to_owned()).spawn(run)?;
        Ok(Self { handle, _alive: alive })
    }

    /// Runs a call to its end, whatever becomes of the caller.
    pub(super) async fn run<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let ended = |_| StoreError::Unavailable("the store is closed".to_owned());
        self.handle.spawn(call).await.map_err(ended)?
    }

    /// Runs something beside the calls, until the reactor is dropped.
    pub(super) fn keep(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Runs a call and waits for it with the calling thread; for the start of the process alone.
    pub(super) fn wait<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.handle.spawn(async move {
            let _ = sender.send(call.await);
        });
        receiver.recv().ok()
    }
}
