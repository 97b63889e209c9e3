//! The connections of one thread: how many, from where, and which idle one makes room for a new one.
//!
//! A stranger can open as many connections as the kernel allows; what bounds them is here. At the limit the
//! longest-idle connection is closed, so a good client waits for nobody's timeout.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Connections per network, counted over all threads.
#[derive(Debug, Default)]
pub(super) struct PerNetwork(Mutex<HashMap<IpAddr, usize>>);

impl PerNetwork {
    fn enter(&self, network: IpAddr) -> usize {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_insert(0);
        *count += 1;
        *count
    }

    fn leave(&self, network: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&network);
            }
        }
    }
}

/// One thread's open connections.
pub(super) struct Connections {
    open: RefCell<HashMap<u64, Rc<Ticket>>>,
    next: Cell<u64>,
    max: usize,
    per_network: Arc<PerNetwork>,
    per_network_max: usize,
}

/// A connection's place. It is given back when dropped through [`Seat`].
pub(super) struct Ticket {
    network: Option<IpAddr>,
    /// When it last had a request, by a counter that grows with every request of the thread.
    last_used: Cell<u64>,
    busy: Cell<bool>,
    close: Notify,
}

impl Ticket {
    /// Resolves when the connection should make room.
    pub(super) async fn asked_to_close(&self) {
        self.close.notified().await;
    }
}

/// Holds a ticket for as long as the connection lives.
pub(super) struct Seat {
    pub(super) ticket: Rc<Ticket>,
    number: u64,
    of: Rc<Connections>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.of.open.borrow_mut().remove(&self.number);
        if let Some(network) = self.ticket.network {
            self.of.per_network.leave(network);
        }
    }
}

impl Connections {
    pub(super) fn new(max: usize, per_network: Arc<PerNetwork>, per_network_max: usize) -> Rc<Self> {
        Rc::new(Self { open: RefCell::default(), next: Cell::new(0), max: max.max(1), per_network, per_network_max })
    }

    /// Seats a new connection. `exempt` peers speak for many people: the loopback and trusted proxies. `None` when its
    /// network is at its limit and has nothing idle here to give up.
    pub(super) fn seat(self: &Rc<Self>, peer: IpAddr, exempt: bool) -> Option<Seat> {
        let network = (!exempt).then(|| network_of(peer));
        if let Some(network) = network
            && self.per_network.enter(network) > self.per_network_max
            && !self.close_idle(|ticket| ticket.network == Some(network))
        {
            self.per_network.leave(network);
            return None;
        }
        if self.open.borrow().len() >= self.max {
            self.close_idle(|_| true);
        }
        let number = self.tick();
        let ticket =
            Rc::new(Ticket { network, last_used: Cell::new(number), busy: Cell::new(false), close: Notify::new() });
        self.open.borrow_mut().insert(number, ticket.clone());
        Some(Seat { ticket, number, of: self.clone() })
    }

    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    pub(super) fn used(&self, ticket: &Ticket) {
        ticket.last_used.set(self.tick());
    }

    fn tick(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    /// Asks the connection that has been idle for longest to close.
    fn close_idle(&self, candidate: impl Fn(&Ticket) -> bool) -> bool {
        let open = self.open.borrow();
        let oldest = open
            .values()
            .filter(|ticket| !ticket.busy.get() && candidate(ticket))
            .min_by_key(|ticket| ticket.last_used.get());
        if let Some(ticket) = oldest {
            // Marked busy so that the next newcomer picks another one.
            ticket.busy.set(true);
            ticket.close.notify_one();
        }
        oldest.is_some()
    }
}

/// An IPv4 address, or the /64 of an IPv6 one.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn at_the_limit_the_longest_idle_connection_makes_room() {
        let connections = Connections::new(2, Arc::default(), 100);
        let first = connections.seat(peer("192.0.2.1"), false).unwrap();
        let second = connections.seat(peer("192.0.2.2"), false).unwrap();
        connections.used(&first.ticket);
        let _third = connections.seat(peer("192.0.2.3"), false).unwrap();
        second.ticket.asked_to_close().await;
        drop(second);
        assert_eq!(connections.len(), 2);
    }

    #[test]
    fn a_network_at_its_limit_trades_its_own_connections_and_nobody_elses() {
        let per_network: Arc<PerNetwork> = Arc::default();
        let connections = Connections::new(100, per_network.clone(), 1);
        let held = connections.seat(peer("2001:db8::1"), false).unwrap();
        let elsewhere = Connections::new(100, per_network, 1);
        assert!(elsewhere.seat(peer("2001:db8::2"), false).is_none());
        assert!(elsewhere.seat(peer("2001:db8:0:1::2"), false).is_some());
        assert!(elsewhere.seat(peer("2001:db8::3"), true).is_some());
        drop(held);
        assert!(elsewhere.seat(peer("2001:db8::2"), false).is_some());
    }
}
