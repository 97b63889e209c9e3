//! Impressions: files in, denominators out.
//!
//! A file is parsed in a limited child process and kept as it was read, all of it or nothing (`import`). What all imports
//! say together is the book (`book`): posts, the numbers in force, and what was before. What a file does not say stays
//! unknown.

mod admit;
mod answer;
mod body;
pub(crate) mod book;
pub(crate) mod child;
pub(crate) mod columns;
pub(crate) mod container;
pub(crate) mod date;
pub(crate) mod desk;
pub(crate) mod dialects;
mod draft;
pub(crate) mod effect;
#[cfg(test)]
pub(crate) mod fake_store;
mod frames;
pub(crate) mod import;
mod library;
pub(crate) mod manual;
pub(crate) mod mapping;
pub(crate) mod matching;
mod number;
pub(crate) mod options;
pub(crate) mod read;
pub(crate) mod reading;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod wire;
