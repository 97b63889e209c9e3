//! Who goes first when there is less processor time than work: redirects before people at the dashboard, both before
//! what can be done later.
//!
//! It must never be called on a thread that a redirect waits for, nor on one that keeps hits from being lost.

/// A thread's place in the queue for the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Redirects, what they wait for, and what keeps their hits.
    Ordinary,
    /// Somebody waits for an answer, but not a visitor: a third of what an ordinary thread gets.
    AfterRedirects,
    /// What only has to be done sometime: a seventieth of what an ordinary thread gets. Counting after a burst instead of
    /// between its redirects also costs less, because whatever runs then finds its data in the processor's caches.
    WhenIdle,
}

impl Priority {
    /// What is added to the thread's niceness; 19 is the most there is.
    fn niceness(self) -> i32 {
        match self {
            Self::Ordinary => 0,
            Self::AfterRedirects => 5,
            Self::WhenIdle => 19,
        }
    }

    /// Lowers the calling thread, and the threads that it starts from then on. There is no way back: who may not lower
    /// others may not raise itself.
    pub(crate) fn take(self) {
        // Elsewhere it would lower all of the process.
        if cfg!(target_os = "linux") {
            // A system that refuses leaves the thread where it is, which is slower and not wrong.
            let _ = rustix::process::nice(self.niceness());
        }
    }
}
