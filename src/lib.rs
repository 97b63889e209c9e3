//! Waypost, told in the order a click travels.
//!
//! A reader who follows these modules from top to bottom follows one click from the socket to the report.

pub mod cli;

mod config;
mod server;

// What everything speaks of.
mod domain;

// The redirect plane.
mod links;
mod redirect;

// Behind the answer.
mod journal;

mod classify;

mod tally;

mod store;

mod archive;

mod forward;

// The read side.
mod stats;

mod impressions;

mod conversions;

mod judged;

mod admin;

// Around all of it.
mod by_number;
mod clock;
mod priority;
mod telemetry;
