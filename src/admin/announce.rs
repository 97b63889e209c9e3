//! Tells hooks what was done to links and imports, in the shape that the API has them in.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::api::cursor;
use super::wire;
use crate::domain::import::ImportSummary;
use crate::domain::link::{DomainName, Link, LinkId};
use crate::forward::Outbox;
use crate::impressions::import::ImportListener;
use crate::links::Domains;
use crate::links::catalog::{Done, LinkListener};

/// Links of one step that are told of one by one. More are told of together, by their ids, so that an import of 200,000
/// links is 200 changes of the 10,000 that the outbox keeps, and not all of them.
const ONE_BY_ONE_MAX: usize = 100;

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

    fn told(&self, done: Done, links: &[Link]) {
        let (one, many) = match done {
            Done::Made => ("link.made", "links.made"),
            Done::Changed => ("link.changed", "links.changed"),
            Done::Removed => ("link.removed", "links.removed"),
        };
        if links.len() > ONE_BY_ONE_MAX {
            return self.tell(many, together(links));
        }
        for link in links {
            let mut about = json!(wire::Link::new(link, &self.domains, 0));
            // Clicks are told of by themselves.
            about.as_object_mut().map(|about| about.remove("clicks"));
            self.tell(one, about);
        }
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

/// Which they are, and the cursor after which the API lists them.
fn together(links: &[Link]) -> Value {
    let ids: Vec<u64> = links.iter().map(|link| link.id.0).collect();
    let before = ids.iter().min().map_or(0, |first| first.saturating_sub(1));
    json!({ "count": ids.len(), "after": cursor::write(&before.to_string()), "ids": ids })
}

fn about(import: &ImportSummary) -> Value {
    let mut about = json!(wire::ImportEntry::new(import, &[]));
    about.as_object_mut().map(|about| about.remove("superseded_by"));
    about
}
