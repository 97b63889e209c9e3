//! What the tally does between two rounds when it is asked to: judging the past again, and proving that everything agrees.
//!
//! It must do neither while counted clicks are on their way to the archive.

use std::time::Duration;

use super::accounts::Origin;
use super::running::Order;
use super::stream::Stream;
use super::worker::Worker;
use super::{recount, verify};

/// Why something cannot be done while a shard is held: the others have counted what is in no click file yet.
const HELD: &str = "counting waits in some shards of the store";

impl Worker {
    /// Judges the past again if that was asked for. Every counted click is in a file before it begins.
    pub(super) fn recount(&mut self, stream: &mut Stream) {
        let Some(request) = self.recount.take_if(|_| is_time(stream)) else { return };
        let sealed = match stream.held.is_empty() {
            true => self.seal(stream).map_err(|trouble| recount::RecountError::Seal(trouble.to_string())),
            false => Err(recount::RecountError::Seal(HELD.to_owned())),
        };
        let pace = &mut self.pace;
        let mut told_to_stop = self.deadline.is_some();
        let is_stopping = || {
            told_to_stop = told_to_stop || matches!(pace.wait(Duration::ZERO), Some(Order::Stop));
            told_to_stop
        };
        let done = sealed.and_then(|()| recount::run(&mut self.tools, &self.runtime, &request, is_stopping));
        if told_to_stop && self.deadline.is_none() {
            self.take(Order::Stop);
        }
        (request.done)(done);
    }

    /// Compares the counters with the click files if that was asked for.
    pub(super) fn verify(&mut self, stream: &Stream) {
        let Some(request) = self.verify.take_if(|_| stream.origin == Origin::Live && is_time(stream)) else { return };
        let report = match stream.held.is_empty() {
            true => {
                verify::run(&self.tools, &self.runtime, stream, request.since).map_err(|trouble| trouble.to_string())
            }
            false => Err(HELD.to_owned()),
        };
        (request.done)(report);
    }
}

/// Waiting is of use only while no shard is held.
fn is_time(stream: &Stream) -> bool {
    stream.has_caught_up() || !stream.held.is_empty()
}
