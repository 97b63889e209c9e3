//! What a node says of itself: the books, the caches, the files; as JSON for the API and as metrics.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;

use super::Addresses;
use super::parts::Parts;
use crate::admin::NodeStatus;
use crate::admin::wire::{GeoFile, Node, NodeHits, Undelivered};
use crate::archive::Archive;
use crate::config::Config;
use crate::forward::{Counts, Desk, Kind};
use crate::journal::Journal;
use crate::links::cache::Cache;
use crate::store::Store;
use crate::tally::Accounts;
use crate::tally::geo::Geo;
use crate::telemetry::RedirectCounts;

pub(crate) struct Status {
    journal: Arc<Journal>,
    accounts: Arc<Accounts>,
    counts: Arc<RedirectCounts>,
    cache: Arc<Cache>,
    archive: Arc<Archive>,
    geo: Arc<Geo>,
    counted_in: Arc<dyn Store>,
    hooks: Arc<Desk>,
    addresses: Addresses,
    time_zone: String,
    store: String,
    /// Another one once the past was judged again.
    rules_version: Arc<AtomicU32>,
    started_at: Timestamp,
}

impl Status {
    pub(crate) fn new(
        parts: &Parts,
        counts: Arc<RedirectCounts>,
        hooks: Arc<Desk>,
        config: &Config,
        addresses: Addresses,
        rules_version: Arc<AtomicU32>,
        started_at: Timestamp,
    ) -> Self {
        Self {
            journal: parts.journal.clone(),
            accounts: parts.accounts.clone(),
            counts,
            cache: parts.cache.clone(),
            archive: parts.archive.clone(),
            geo: parts.geo.clone(),
            counted_in: parts.store.clone(),
            hooks,
            addresses,
            time_zone: config.report.time_zone.clone(),
            store: crate::store::name(&config.store, &config.data),
            rules_version,
            started_at,
        }
    }

    /// Received plus recovered equals counted plus lost plus in the journal. Each comes from another place, so the
    /// sum can be wrong; while hits are on their way it may be read a moment apart.
    fn hits(&self) -> NodeHits {
        let lost = [("journal_full", self.journal.lost()), ("damaged", self.accounts.damaged())];
        NodeHits {
            counted: self.accounts.counted(),
            in_journal: self.accounts.in_journal(self.journal.end()),
            recovered: self.accounts.recovered(),
            received: self.counts.hits(),
            lost: lost.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        }
    }

    fn undelivered(&self) -> Undelivered {
        let waiting = self.archive.waiting();
        Undelivered { files: waiting.files, bytes: waiting.bytes, trouble: self.archive.deliveries().trouble }
    }
}

/// Writes one family of metrics: name, kind, help, and samples with their labels.
type Family<'a> = dyn FnMut(&str, &str, &str, &[(String, u64)]) + 'a;

impl Status {
    fn hook_metrics(&self, family: &mut Family<'_>) {
        let books: Vec<_> = self.hooks.books().collect();
        let samples = |of: fn(&Counts) -> u64| -> Vec<_> {
            books.iter().map(|(kind, counts)| (label(*kind), of(counts))).collect()
        };
        let counter = "counter";
        let messages = samples(|counts| counts.messages);
        family("waypost_hook_messages_total", counter, "Messages that hooks' targets took, by kind.", &messages);
        let clicks = samples(|counts| counts.clicks);
        family("waypost_hook_clicks_total", counter, "Clicks in those messages.", &clicks);
        let failures = samples(|counts| counts.failures);
        family("waypost_hook_failures_total", counter, "Tries that went wrong.", &failures);
        let dead = samples(|counts| counts.dead);
        family("waypost_hook_dead_letters_total", counter, "Messages that were given up.", &dead);
        let skipped = samples(|counts| counts.skipped);
        let help = "Clicks and changes that were too old when their turn came, and dead letters that made room.";
        family("waypost_hook_skipped_total", counter, help, &skipped);
        let standing: Vec<_> = self.hooks.paused_and_behind().collect();
        let paused: Vec<_> = standing.iter().map(|(kind, paused, _)| (label(*kind), *paused)).collect();
        family("waypost_hooks_paused", "gauge", "Hooks that wait for somebody to look.", &paused);
        let behind: Vec<_> = standing.iter().map(|(kind, _, behind)| (label(*kind), *behind)).collect();
        family("waypost_hook_behind", "gauge", "Hits and changes that the slowest hook has still to look at.", &behind);
    }
}

fn label(kind: Kind) -> String {
    format!("{{kind=\"{}\"}}", kind.as_str())
}

impl NodeStatus for Status {
    fn report(&self) -> Node {
        let geo = self.geo.state().into_iter().map(|file| GeoFile {
            path: file.path.display().to_string(),
            r#type: file.database_type,
            built: Some(file.built).filter(|built| !built.is_empty()),
            state: file.state,
        });
        Node {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            redirect: format!("http://{}", self.addresses.redirect),
            admin: format!("http://{}", self.addresses.admin),
            time_zone: self.time_zone.clone(),
            store: self.store.clone(),
            archive: self.archive.name(),
            undelivered: self.undelivered(),
            hits: self.hits(),
            links_cached: self.cache.len() as u64,
            geo: geo.collect(),
            rules_version: self.rules_version.load(Ordering::Relaxed),
            started_at: self.started_at.to_string(),
        }
    }

    fn metrics(&self) -> String {
        let hits = self.hits();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let one = |value: u64| [(String::new(), value)];
        let lost: Vec<_> =
            hits.lost.iter().map(|(reason, count)| (format!("{{reason=\"{reason}\"}}"), *count)).collect();
        let statuses: Vec<_> =
            self.counts.by_status().map(|(status, count)| (format!("{{status=\"{status}\"}}"), count)).collect();
        family("waypost_hits_received_total", "counter", "Requests for known links.", &one(hits.received));
        family(
            "waypost_hits_recovered_total",
            "counter",
            "Hits that an earlier process left uncounted.",
            &one(hits.recovered),
        );
        family("waypost_hits_counted_total", "counter", "Hits in the store's counters.", &one(hits.counted));
        family("waypost_hits_lost_total", "counter", "Hits that could not be kept, by reason.", &lost);
        family("waypost_hits_in_journal", "gauge", "Hits that wait to be counted.", &one(hits.in_journal));
        family("waypost_redirects_total", "counter", "Answers of the redirect plane, by status.", &statuses);
        let plain = one(self.counts.plain_answers());
        family("waypost_plain_answers_total", "counter", "Answers to plain clicks, made without hyper.", &plain);
        family("waypost_links_cached", "gauge", "Links in memory.", &one(self.cache.len() as u64));
        family("waypost_journal_bytes", "gauge", "Bytes of all journal files.", &one(self.journal.bytes()));
        family(
            "waypost_archive_pending_clicks",
            "gauge",
            "Clicks not yet in a click file.",
            &one(self.archive.pending() as u64),
        );
        family(
            "waypost_store_errors_total",
            "counter",
            "Tries to count that the store refused.",
            &one(self.accounts.store_errors()),
        );
        family(
            "waypost_store_quarantined_rows_total",
            "counter",
            "Counters that could not be read and were set aside.",
            &one(self.counted_in.quarantined()),
        );
        family(
            "waypost_archive_errors_total",
            "counter",
            "Tries to write a click file that failed.",
            &one(self.accounts.archive_errors()),
        );
        let waiting = self.archive.waiting();
        family(
            "waypost_archive_undelivered_files",
            "gauge",
            "Click files that wait in the data folder for the object store.",
            &one(waiting.files),
        );
        family("waypost_archive_undelivered_bytes", "gauge", "Bytes of those files.", &one(waiting.bytes));
        family(
            "waypost_archive_delivery_errors_total",
            "counter",
            "Tries to deliver click files to the object store that failed.",
            &one(self.archive.deliveries().errors),
        );
        self.hook_metrics(&mut family);
        text
    }
}
