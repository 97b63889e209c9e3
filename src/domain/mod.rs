//! The nouns of Waypost. Nothing here does IO, reads a clock or knows a wire format.
//!
//! Whatever comes from outside is parsed into one of these types at the edge; a value of the type is valid
//! by construction.

pub(crate) mod click;
pub(crate) mod click_ids;
pub(crate) mod click_token;
pub(crate) mod counter;
pub(crate) mod delta;
pub(crate) mod destination;
pub(crate) mod explain;
pub(crate) mod facet;
pub(crate) mod filter;
pub(crate) mod hit;
pub(crate) mod import;
pub(crate) mod impression;
pub(crate) mod link;
pub(crate) mod metric;
pub(crate) mod object;
pub(crate) mod owner;
pub(crate) mod passthrough;
pub(crate) mod permalink;
pub(crate) mod placement;
pub(crate) mod position;
pub(crate) mod record;
pub(crate) mod slug;
pub(crate) mod spreadsheet;
pub(crate) mod uniques;
pub(crate) mod utm;
pub(crate) mod verdict;
pub(crate) mod visitor;
