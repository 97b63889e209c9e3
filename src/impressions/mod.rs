//! Impressions: files in, denominators out.
//!
//! A file is parsed in a limited child process and kept as it was read, all of it or nothing (`import`). What all imports
//! say together is the book (`book`): posts, the numbers in force, and what was before. What a file does not say stays
//! unknown.

mod answer;
mod body;
pub(crate) mod book;
pub(crate) mod child;
pub(crate) mod container;
pub(crate) mod csv;
pub(crate) mod date;
pub(crate) mod dialects;
#[cfg(test)]
pub(crate) mod fake_store;
mod generic;
pub(crate) mod import;
mod library;
pub(crate) mod mapping;
mod number;
pub(crate) mod options;
pub(crate) mod read;
pub(crate) mod reading;
mod sniff;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod wire;
