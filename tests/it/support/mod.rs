//! What the tests are written with. Nothing here knows the inside of Waypost.
#![allow(dead_code, reason = "each verb is here for the tests that come to need it")]

pub(crate) mod agents;
pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod http;
pub(crate) mod mmdb;
pub(crate) mod process;
pub(crate) mod redis;
