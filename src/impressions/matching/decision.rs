//! What people decided about a link and a post, and the form in which a record keeps it. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::link::LinkId;
use crate::domain::record::{Record, RecordKey, RecordValue};
use crate::impressions::book::{Book, PostId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Says {
    /// The link stands in the post, whatever the rules say.
    Confirmed,
    /// It does not, whatever the rules say.
    Refused,
}

impl Says {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) link: LinkId,
    /// A name of the post (`domain::permalink`); the post need not be imported yet.
    pub(crate) post: String,
    pub(crate) says: Says,
    pub(crate) at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Document {
    says: Says,
    at: Timestamp,
}

/// `7 x:20`: one decision for each link and name. `None` when the name is longer than any.
pub(crate) fn key(link: LinkId, post: &str) -> Option<RecordKey> {
    RecordKey::new(&format!("{link} {post}"))
}

impl Decision {
    pub(crate) fn value(&self) -> Option<RecordValue> {
        RecordValue::new(serde_json::to_vec(&Document { says: self.says, at: self.at }).ok()?)
    }

    /// `None` for a record that no decision was written as.
    pub(crate) fn read(record: &Record) -> Option<Self> {
        let (link, post) = record.key.as_str().split_once(' ')?;
        let Document { says, at } = serde_json::from_slice(record.value.as_bytes()).ok()?;
        Some(Self { link: LinkId(link.parse().ok()?), post: post.to_owned(), says, at })
    }
}

/// The decisions about each post of the book. Of two about one link, by two names of the post, the newer one holds.
pub(super) fn by_post<'a>(decisions: &'a [Decision], book: &Book) -> HashMap<PostId, Vec<&'a Decision>> {
    let mut newest_first: Vec<_> = decisions.iter().collect();
    newest_first.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    let mut by_post: HashMap<PostId, Vec<&Decision>> = HashMap::new();
    for decision in newest_first {
        let Some(post) = book.find(&decision.post) else { continue };
        let of_post = by_post.entry(post).or_default();
        if of_post.iter().all(|newer| newer.link != decision.link) {
            of_post.push(decision);
        }
    }
    by_post
}
