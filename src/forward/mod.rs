//! Passing on: hooks are told of clicks, links and imports, somewhere else.
//!
//! A [`hook`] says where to and of what; its [`fields`] are checked in one place, the [`desk`]. On a thread of its own the
//! [`worker`] keeps one [`runner`] for each hook. A runner takes what comes next (changes from the [`outbox`], clicks by
//! [`reading`] on in the archive), makes [`message`]s of it (for webhooks, or as the [`products`] want them), has the
//! [`sender`] send them past the [`guard`], and notes in its [`ledger`] how far it is. What goes wrong takes its [`course`]:
//! again later, given up to the dead [`letters`], or paused until somebody looks.
//!
//! At least once, with ids that stay the same. It must never hold up a redirect or the tally: they do not know of it. A
//! hook that cannot be reached costs nothing but its place in the archive, which is bounded by `hooks.backlog_hours`.

mod course;
mod desk;
mod fields;
mod guard;
mod hook;
mod ledger;
mod letters;
mod message;
mod outbox;
mod products;
mod reading;
mod runner;
mod secret;
mod sender;
mod worker;

use ipnet::IpNet;
use serde::Deserialize;

pub(crate) use desk::{DeadLetter, Desk, DeskError, Made, Shown};
pub(crate) use fields::HookFields;
pub(crate) use hook::{Hook, HookId, Kind};
pub(crate) use ledger::{Counts, Delivery, begin_journal};
pub(crate) use outbox::Outbox;
pub(crate) use reading::Counted;
pub(crate) use worker::{Forward, Tools};

/// `[hooks]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) allow_private: Vec<IpNet>,
    pub(crate) interval_ms: u64,
    pub(crate) batch_clicks_max: usize,
    pub(crate) timeout_ms: u64,
    pub(crate) retry_ms: u64,
    pub(crate) retry_hours: u64,
    pub(crate) backlog_hours: u64,
}
