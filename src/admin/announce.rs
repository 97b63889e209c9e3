//! Tells hooks what was done to links and imports, in the shape that the API has them in.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::wire;
use crate::domain::import::ImportSummary;
use crate::domain::link::{DomainName, Link, LinkId};
use crate::forward::Outbox;
use crate::impressions::import::ImportListener;
use crate::links::Domains;
use crate::links::catalog::{Done, LinkListener};

/// Hears of changes, and passes on to `first` what is in force at once.
pub(crate) struct Announcer {
    first: Arc<dyn LinkListener>,
    outbox: Arc<Outbox>,
    domains: Arc<Domains>,
}

impl Announcer {
    pub(crate) fn new(first: Arc<dyn LinkListener>, outbox: Arc<Outbox>, domains: Arc<Domains>) -> Self {
        Self { first, outbox, domains }
    }

    fn tell(&self, event: &str, about: impl Serialize) {
        self.outbox.tell(event, json!(about));
    }
}

impl LinkListener for Announcer {
    fn changed(&self, link: &Link) {
        self.first.changed(link);
    }

    fn removed(&self, id: LinkId, domain: &DomainName, folded: &str) {
        self.first.removed(id, domain, folded);
    }

    fn told(&self, done: Done, link: &Link) {
        let event = match done {
            Done::Made => "link.made",
            Done::Changed => "link.changed",
            Done::Removed => "link.removed",
        };
        let mut about = json!(wire::Link::new(link, &self.domains, 0));
        // Clicks are told of by themselves.
        about.as_object_mut().map(|about| about.remove("clicks"));
        self.tell(event, about);
    }
}

impl ImportListener for Announcer {
    fn done(&self, import: &ImportSummary) {
        self.tell("import.done", about(import));
    }

    fn undone(&self, import: &ImportSummary) {
        self.tell("import.undone", about(import));
    }
}

fn about(import: &ImportSummary) -> Value {
    let mut about = json!(wire::ImportEntry::new(import, &[]));
    about.as_object_mut().map(|about| about.remove("superseded_by"));
    about
}
