//! The answers about imports, in the shape that the API sends, the CLI reads back and the pages show.
//!
//! It must never hold a rule: what becomes of a file is decided in `import`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::impressions::container::PassedOver;
use crate::impressions::summary::TableSummary;

/// `POST /api/v1/imports`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportReport {
    /// None for a dry run.
    pub(crate) import: Option<u64>,
    /// Whether this very file was imported before with the same options, so that nothing changed.
    pub(crate) same: bool,
    /// The import of the same file with other options that this one stands in the place of.
    pub(crate) supersedes: Option<u64>,
    /// The one that stands in the place of this one.
    pub(crate) superseded_by: Option<u64>,
    pub(crate) dry_run: bool,
    /// Numbers in the file; a row with two kinds holds two.
    pub(crate) rows: u64,
    pub(crate) posts: u64,
    /// What it was read with, as it was given.
    pub(crate) options: Vec<(String, String)>,
    /// Until when its numbers hold.
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) added: u64,
    /// Numbers that took the place of other ones.
    pub(crate) replaced: u64,
    /// Numbers that say what was known, of a later instant.
    pub(crate) unchanged: u64,
    /// Numbers that are older than what is known: they are kept as history.
    pub(crate) kept: u64,
    /// The first 100 of `conflict_count` numbers that another import of the same as-of says otherwise.
    pub(crate) conflicts: Vec<String>,
    pub(crate) conflict_count: u64,
    /// The sum per metric, to compare with what the platform shows; of spend in millionths. Metrics that do not add up,
    /// because they count people or stand there by different spans of time, have none.
    pub(crate) sum: BTreeMap<String, u64>,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
    /// Each table that was read, and parts of the upload that were not, with the reason.
    pub(crate) tables: Vec<TableSummary>,
    pub(crate) passed_over: Vec<PassedOver>,
    /// Numbers of links, and of posts that a link stands in.
    pub(crate) matched: u64,
    pub(crate) matched_posts: u64,
    /// Of these, posts whose link stands in other posts as well: their rate is that of all of them together.
    pub(crate) shared_posts: u64,
    /// The first 100 of `unmatched_count` posts that no link stands in.
    pub(crate) unmatched: Vec<PostLine>,
    pub(crate) unmatched_count: u64,
}

/// A post that no link stands in, and what may be confirmed for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PostLine {
    pub(crate) post: String,
    pub(crate) text: String,
    pub(crate) published: Option<String>,
    pub(crate) suggestions: Vec<SuggestionLine>,
}

/// A link that may stand in a post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SuggestionLine {
    pub(crate) link: u64,
    pub(crate) label: String,
    /// `mentioned`, `made-later`, `profile`, `campaign`, `time`.
    pub(crate) hint: String,
    pub(crate) evidence: String,
}

/// One post of `GET /api/v1/matches`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MatchedPost {
    pub(crate) post: String,
    /// Every name it has in any import.
    pub(crate) names: Vec<String>,
    pub(crate) platform: String,
    pub(crate) level: String,
    pub(crate) account: Option<String>,
    pub(crate) permalink: Option<String>,
    pub(crate) text: String,
    pub(crate) published: Option<String>,
    pub(crate) imports: Vec<u64>,
    pub(crate) links: Vec<MatchLine>,
    pub(crate) suggestions: Vec<SuggestionLine>,
    /// Whether its links stand in other posts as well, so that its rate is that of all of them together.
    pub(crate) shared: bool,
}

/// A link that stands in a post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MatchLine {
    pub(crate) link: u64,
    /// Empty for a link that is gone.
    pub(crate) label: String,
    /// `link`, `permalink`, `url`, `text`, `profile`, `utm`, `decision`.
    pub(crate) rule: String,
    pub(crate) evidence: String,
}

/// `GET /api/v1/matches`; `next` is what `after` shall be for the following page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MatchList {
    pub(crate) posts: Vec<MatchedPost>,
    pub(crate) next: Option<String>,
}

/// A decision about a link and a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct DecisionLine {
    pub(crate) link: u64,
    pub(crate) post: String,
    /// `confirmed` or `refused`.
    pub(crate) says: String,
    pub(crate) at: Timestamp,
}

/// `GET /api/v1/matches/decisions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct DecisionList {
    pub(crate) decisions: Vec<DecisionLine>,
    /// Where the list goes on: `after` of the next request. `null` on its last page.
    pub(crate) next: Option<String>,
}

/// What was said about the columns of a file that no dialect knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct KnownColumn {
    /// `post=url,date=day,views=views`: headers without case.
    pub(crate) map: String,
    pub(crate) platform: Option<String>,
    pub(crate) said_at: Timestamp,
}

/// `GET /api/v1/imports/columns`, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct KnownColumns {
    /// All of them, the latest that were said: at most 1,000.
    pub(crate) columns: Vec<KnownColumn>,
}
