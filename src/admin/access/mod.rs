//! Who may do what: callers, and the one table that says which scope a request needs. It never answers a request; the
//! guard does, with what it learns here.

mod caller;
mod permit;
#[cfg(test)]
mod tests;

pub(in crate::admin) use caller::{Caller, Scope};
pub(in crate::admin) use permit::{Need, is_safe, need};
