//! A cable between a node and its Redis that can be pulled: nothing gets through, nothing is closed, and what was under way
//! arrives when it is put back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How soon a pulled cable is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) struct Relay {
    port: u16,
    is_pulled: Arc<AtomicBool>,
}

impl Relay {
    /// Leads to this port of the machine.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), is_pulled: Arc::default() };
        let is_pulled = Arc::clone(&relay.is_pulled);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))) else { continue };
                let (near_again, far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                carry(near, far, &is_pulled);
                carry(far_again, near_again, &is_pulled);
            }
        });
        relay
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pull(&self) {
        self.is_pulled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn put_back(&self) {
        self.is_pulled.store(false, Ordering::Relaxed);
    }
}

/// One direction, until either end closes.
fn carry(mut from: TcpStream, mut to: TcpStream, is_pulled: &Arc<AtomicBool>) {
    let is_pulled = Arc::clone(is_pulled);
    std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            while is_pulled.load(Ordering::Relaxed) {
                std::thread::sleep(LOOK_EVERY);
            }
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
