//! How comparing counters, click files and journals stands, as the API tells it. It says; it never compares.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How comparing counters, click files and journals stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Verification {
    /// `idle` (nobody asked since the start), `running`, `done` or `failed`.
    pub(crate) state: String,
    /// The first day.
    pub(crate) since: Option<String>,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// What was found, once it is done.
    pub(crate) report: Option<Comparison>,
}

/// What was looked at, and what does not agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Comparison {
    /// Nothing below speaks against it.
    pub(crate) agrees: bool,
    pub(crate) files: u64,
    /// Click files that are damaged or of another format, with what is wrong.
    pub(crate) files_damaged: Vec<String>,
    pub(crate) days: u64,
    /// Hits in the counters of those days.
    pub(crate) hits: u64,
    pub(crate) differences: u64,
    /// The first 200 of them.
    pub(crate) differing: Vec<Differing>,
    /// Hits that other nodes counted into the same store; their click files are theirs.
    pub(crate) hits_of_other_nodes: u64,
    /// Journals of earlier processes.
    pub(crate) journals: u64,
    /// Those that are not counted or not in click files to their end.
    pub(crate) journals_behind: Vec<JournalBehind>,
    /// Hits that came to this process.
    pub(crate) received: u64,
    /// Hits that earlier processes left to it.
    pub(crate) recovered: u64,
    pub(crate) counted: u64,
    pub(crate) lost: u64,
    pub(crate) in_journal: u64,
}

/// One number that is not the same in the store and in the click files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Differing {
    pub(crate) day: String,
    pub(crate) link: u64,
    /// `dimension:value`, `dimension:(all)` where values went to `(other)`, or `visitors`.
    pub(crate) what: String,
    pub(crate) in_store: u64,
    pub(crate) in_files: u64,
}

/// A journal of an earlier process that is not worked off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct JournalBehind {
    pub(crate) journal: String,
    pub(crate) hits: u64,
    /// Hits before this one are counted.
    pub(crate) counted: u64,
    /// Hits before this one are in click files.
    pub(crate) in_files: u64,
}

impl Verification {
    const RUNNING: &str = "running";

    pub(crate) fn idle() -> Self {
        Self { state: "idle".to_owned(), ..Self::default() }
    }

    pub(crate) fn running(since: jiff::civil::Date) -> Self {
        Self { state: Self::RUNNING.to_owned(), since: Some(since.to_string()), ..Self::default() }
    }

    pub(crate) fn ended(self, outcome: Result<Comparison, String>) -> Self {
        match outcome {
            Ok(report) => Self { state: "done".to_owned(), report: Some(report), ..self },
            Err(error) => Self { state: "failed".to_owned(), error: Some(error), ..self },
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == Self::RUNNING
    }
}
