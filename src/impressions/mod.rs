//! Impressions: files in, denominators out.
//!
//! A file is parsed in a limited child process and kept as it was read, all of it or nothing (`import`). What all imports
//! say together is the book (`book`): posts, the numbers in force, and what was before. What a file does not say stays
//! unknown.

mod body;
pub(crate) mod book;
pub(crate) mod child;
pub(crate) mod csv;
#[cfg(test)]
pub(crate) mod fake_store;
mod generic;
pub(crate) mod import;
mod library;
mod number;
pub(crate) mod reading;
mod sniff;
pub(crate) mod wire;
