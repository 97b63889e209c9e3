//! What the tally does between two rounds: judging the past again, proving that everything agrees, and counting again
//! what the store has forgotten of earlier processes.

use std::time::Duration;

use super::accounts::Origin;
use super::running::Order;
use super::stream::Stream;
use super::worker::{Survey, Trouble, Worker};
use super::{recount, verify};

impl Worker {
    /// Works off again what an earlier process left and the store has forgotten since: a failover or a backup can reach
    /// back beyond the start of this process.
    pub(super) fn return_to_forgotten(&mut self, live: &mut Stream) {
        if live.origin != Origin::Live
            || self.ended.forgotten.is_empty()
            || !live.has_caught_up()
            || self.deadline.is_some()
        {
            return;
        }
        // What waits for a click file is of the live journal alone.
        if self.insist(|worker| worker.seal(live)).is_none() {
            return;
        }
        for incarnation in std::mem::take(&mut self.ended.forgotten) {
            match self.insist(|worker| worker.survey(incarnation)) {
                Some(Survey::Finished { end }) => self.ended.add(incarnation, end),
                Some(Survey::WorkLeft { counted }) => self.work_off(incarnation, counted),
                // It is stopping; the next start finds them.
                None => return,
            }
        }
    }

    /// Asks of one ended journal after the other whether the store still knows it as counted.
    pub(super) fn probe_ended(&mut self) -> Result<(), Trouble> {
        let Some((incarnation, end)) = self.ended.next(self.pace.now()) else { return Ok(()) };
        let counted = self.runtime.block_on(self.tools.store.watermarks(incarnation))?;
        let archived = self.runtime.block_on(self.tools.store.archived(incarnation))?;
        if counted.into_iter().chain([archived]).any(|at| at < end) {
            tracing::warn!(%incarnation, "the store has forgotten hits of an earlier process; they are counted again");
            self.ended.forget(incarnation);
        }
        Ok(())
    }

    /// Judges the past again if that was asked for. Every counted click is in a file before it begins.
    pub(super) fn recount(&mut self, stream: &mut Stream) {
        if !stream.has_caught_up() {
            return;
        }
        let Some(request) = self.recount.take() else { return };
        let sealed = self.seal(stream).map_err(|trouble| recount::RecountError::Seal(trouble.to_string()));
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
        let Some(request) = self.verify.take_if(|_| stream.origin == Origin::Live && stream.has_caught_up()) else {
            return;
        };
        let report = verify::run(&self.tools, &self.runtime, stream, request.since);
        (request.done)(report.map_err(|trouble| trouble.to_string()));
    }
}
