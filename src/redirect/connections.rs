//! The connections of one thread: how many, from where, and which idle one makes room for a new one.
//!
//! A stranger can open as many connections as the kernel allows; what bounds them is here. At the limit the
//! longest-idle connection is closed, so a good client waits for nobody's timeout. A connection that is too old or says
//! nothing for too long is found by a sweep now and then: a request must never touch a timer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

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

/// What a thread allows its connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most connections of this thread.
    pub(super) connections_max: usize,
    /// The most connections of one network, over all threads.
    pub(super) per_network_max: usize,
    /// How long a connection may wait for the head of its next request to be whole.
    pub(super) head_within: Duration,
    /// The age at which a connection ends.
    pub(super) age_max: Duration,
}

/// One thread's open connections.
pub(super) struct Connections {
    open: RefCell<HashMap<u64, Rc<Ticket>>>,
    next: Cell<u64>,
    /// The time of the last sweep, which is all that requests need to know of it.
    swept: Cell<Instant>,
    per_network: Arc<PerNetwork>,
    limits: Limits,
}

/// A connection's place. It is given back when dropped through [`Seat`].
pub(super) struct Ticket {
    network: Option<IpAddr>,
    opened: Instant,
    /// When it last had a request, by a counter that grows with every request of the thread.
    last_used: Cell<u64>,
    /// By the last sweep's time: since when it has waited for a request. `None` while one is answered.
    waiting: Cell<Option<Instant>>,
    ending: Cell<Option<Ending>>,
    task: RefCell<Option<Waker>>,
}

/// How a connection is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the answer it is at, if it is at one.
    AfterAnswer,
    /// It had its time and sent no request.
    AtOnce,
}

impl Ticket {
    /// Resolves when the connection shall end. It is polled with every request, so it looks at a cell and no more.
    pub(super) fn poll_ending(&self, context: &Context<'_>) -> Poll<Ending> {
        if let Some(ending) = self.ending.get() {
            return Poll::Ready(ending);
        }
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// An answer takes its time, so until the next request the sweep has to leave the connection alone.
    pub(super) fn is_answering(&self) {
        self.waiting.set(None);
    }

    fn end(&self, ending: Ending) {
        self.ending.set(Some(ending));
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
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
    pub(super) fn new(limits: Limits, per_network: Arc<PerNetwork>) -> Rc<Self> {
        let swept = Cell::new(Instant::now());
        Rc::new(Self { open: RefCell::default(), next: Cell::new(0), swept, per_network, limits })
    }

    /// Seats a new connection. `exempt` peers speak for many people: the loopback and trusted proxies. `None` when its
    /// network is at its limit and has nothing idle here to give up.
    pub(super) fn seat(self: &Rc<Self>, peer: IpAddr, exempt: bool) -> Option<Seat> {
        let network = (!exempt).then(|| network_of(peer));
        if let Some(network) = network
            && self.per_network.enter(network) > self.limits.per_network_max
            && !self.close_idle(|ticket| ticket.network == Some(network))
        {
            self.per_network.leave(network);
            return None;
        }
        if self.open.borrow().len() >= self.limits.connections_max {
            self.close_idle(|_| true);
        }
        let number = self.tick();
        let ticket = Rc::new(Ticket {
            network,
            opened: self.swept.get(),
            last_used: Cell::new(number),
            waiting: Cell::new(Some(self.swept.get())),
            ending: Cell::new(None),
            task: RefCell::new(None),
        });
        self.open.borrow_mut().insert(number, ticket.clone());
        Some(Seat { ticket, number, of: self.clone() })
    }

    pub(super) fn head_within(&self) -> Duration {
        self.limits.head_within
    }

    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Notes that the connection had a request, and waits for its next one from here on.
    pub(super) fn used(&self, ticket: &Ticket) {
        ticket.last_used.set(self.tick());
        ticket.waiting.set(Some(self.swept.get()));
    }

    /// Ends the connections whose time is over. Times are noted as of the sweep before, so a connection has at least
    /// the time it is promised and at most one sweep more than the pause between two.
    pub(super) fn sweep(&self, now: Instant) {
        let pause = now.saturating_duration_since(self.swept.replace(now));
        let is_over = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit + pause;
        for ticket in self.open.borrow().values().filter(|ticket| ticket.ending.get().is_none()) {
            if ticket.waiting.get().is_some_and(|since| is_over(since, self.limits.head_within)) {
                ticket.end(Ending::AtOnce);
            } else if is_over(ticket.opened, self.limits.age_max) {
                ticket.end(Ending::AfterAnswer);
            }
        }
    }

    /// Ends all connections, as when the plane stops.
    pub(super) fn end_all(&self) {
        self.open.borrow().values().for_each(|ticket| ticket.end(Ending::AfterAnswer));
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
            // One that ends already makes room for somebody else.
            .filter(|ticket| ticket.ending.get().is_none() && candidate(ticket))
            .min_by_key(|ticket| ticket.last_used.get());
        if let Some(ticket) = oldest {
            ticket.end(Ending::AfterAnswer);
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

    fn with_limits(connections_max: usize, per_network_max: usize, per_network: &Arc<PerNetwork>) -> Rc<Connections> {
        let (head_within, age_max) = (Duration::from_secs(5), Duration::from_secs(60));
        let limits = Limits { connections_max, per_network_max, head_within, age_max };
        Connections::new(limits, per_network.clone())
    }

    fn ending(seat: &Seat) -> Option<Ending> {
        match seat.ticket.poll_ending(&Context::from_waker(Waker::noop())) {
            Poll::Ready(ending) => Some(ending),
            Poll::Pending => None,
        }
    }

    #[test]
    fn at_the_limit_the_longest_idle_connection_makes_room() {
        let connections = with_limits(2, 100, &Arc::default());
        let first = connections.seat(peer("192.0.2.1"), false).unwrap();
        let second = connections.seat(peer("192.0.2.2"), false).unwrap();
        connections.used(&first.ticket);
        let _third = connections.seat(peer("192.0.2.3"), false).unwrap();
        assert_eq!((ending(&first), ending(&second)), (None, Some(Ending::AfterAnswer)));
        drop(second);
        assert_eq!(connections.len(), 2);
    }

    #[test]
    fn a_connection_ends_when_it_is_silent_for_too_long_or_too_old_and_not_while_it_is_answered() {
        let connections = with_limits(100, 100, &Arc::default());
        let [silent, busy, slow] = [1, 2, 3].map(|_| connections.seat(peer("192.0.2.1"), false).unwrap());
        let began = connections.swept.get();
        slow.ticket.is_answering();
        for second in 1..=60 {
            connections.used(&busy.ticket);
            connections.sweep(began + Duration::from_secs(second));
            assert_eq!(ending(&silent).is_some(), second >= 6, "{second}");
            assert_eq!((ending(&busy), ending(&slow)), (None, None), "{second}");
        }
        connections.sweep(began + Duration::from_secs(61));
        assert_eq!(ending(&silent), Some(Ending::AtOnce));
        assert_eq!((ending(&busy), ending(&slow)), (Some(Ending::AfterAnswer), Some(Ending::AfterAnswer)));
    }

    #[test]
    fn a_network_at_its_limit_trades_its_own_connections_and_nobody_elses() {
        let per_network: Arc<PerNetwork> = Arc::default();
        let connections = with_limits(100, 1, &per_network);
        let held = connections.seat(peer("2001:db8::1"), false).unwrap();
        let elsewhere = with_limits(100, 1, &per_network);
        assert!(elsewhere.seat(peer("2001:db8::2"), false).is_none());
        assert!(elsewhere.seat(peer("2001:db8:0:1::2"), false).is_some());
        assert!(elsewhere.seat(peer("2001:db8::3"), true).is_some());
        drop(held);
        assert!(elsewhere.seat(peer("2001:db8::2"), false).is_some());
    }
}
