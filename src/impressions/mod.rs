//! Impressions: files in, denominators out.
//!
//! A file is parsed in a limited child process, its rows are resolved to links and posts, and all of them are stored
//! or none. What a file does not say stays unknown.

pub(crate) mod child;
pub(crate) mod csv;
#[cfg(test)]
pub(crate) mod fake_store;
pub(crate) mod import;
mod number;
pub(crate) mod reading;
mod sniff;
pub(crate) mod wire;
