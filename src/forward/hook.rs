//! A hook: where clicks and changes are passed on to, and which of them. Kept as a record that all nodes share.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::Secret;
use crate::domain::click::Click;
use crate::domain::record::{Record, RecordKey, RecordValue, Revision};
use crate::domain::verdict::Verdict;

/// How long the former secret still signs after a new one was made.
pub(super) const FORMER_SECRET_MS: i64 = 24 * 60 * 60 * 1000;

/// The number of a hook, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HookId(pub(crate) u64);

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl HookId {
    /// Sorts as the number does.
    pub(super) fn key(self) -> RecordKey {
        RecordKey::new(&format!("{:010}", self.0)).expect("it is short and has no control characters")
    }

    pub(super) fn of_key(key: &RecordKey) -> Option<Self> {
        key.as_str().parse().ok().map(Self)
    }
}

/// What a hook speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Signed JSON, as Standard Webhooks has it.
    Webhook,
    /// The Measurement Protocol of Google Analytics 4.
    Ga4,
    Plausible,
    Umami,
    Matomo,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Webhook, Self::Ga4, Self::Plausible, Self::Umami, Self::Matomo];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Ga4 => "ga4",
            Self::Plausible => "plausible",
            Self::Umami => "umami",
            Self::Matomo => "matomo",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What it is called by those who make it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webhook => "Webhook",
            Self::Ga4 => "Google Analytics 4",
            Self::Plausible => "Plausible",
            Self::Umami => "Umami",
            Self::Matomo => "Matomo",
        }
    }
}

/// What a webhook tells of. A product is told of clicks alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Events {
    pub(crate) clicks: bool,
    pub(crate) links: bool,
    pub(crate) imports: bool,
}

impl Events {
    pub(crate) const CLICKS: Self = Self { clicks: true, links: false, imports: false };

    /// Their names, in a fixed order.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let all = [(self.clicks, "clicks"), (self.links, "links"), (self.imports, "imports")];
        all.into_iter().filter_map(|(is_on, name)| is_on.then_some(name)).collect()
    }

    /// Whether it tells of what is called `link.made`, `links.removed`, `import.done` and so on.
    pub(super) fn admit(self, event: &str) -> bool {
        match event.split('.').next() {
            Some("link" | "links") => self.links,
            Some("import") => self.imports,
            _ => false,
        }
    }
}

/// Which clicks. An empty list admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filter {
    #[serde(serialize_with = "verdict_names", deserialize_with = "verdicts")]
    pub(crate) verdicts: Vec<Verdict>,
    /// `utm_campaign`, exactly.
    pub(crate) campaigns: Vec<String>,
    /// As links have them: empty for the default domain.
    pub(crate) domains: Vec<String>,
}

fn verdict_names<S: Serializer>(verdicts: &[Verdict], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(verdicts.iter().map(|verdict| verdict.as_str()))
}

fn verdicts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Verdict>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    Ok(names.iter().filter_map(|name| Verdict::parse(name)).collect())
}

impl Filter {
    pub(super) fn admits(&self, click: &Click) -> bool {
        let named = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
        (self.verdicts.is_empty() || self.verdicts.contains(&click.verdict))
            && named(&self.campaigns, click.link.utm.campaign.as_deref().unwrap_or_default())
            && named(&self.domains, &click.link.domain)
    }
}

/// A secret that was replaced, and until when it still signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Former {
    pub(super) secret: Secret,
    pub(super) until_ms: i64,
}

/// Everything that is decided about a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    /// What people call it; may be empty.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Of a webhook where it is sent to; of a product where that is, without the path of its API.
    pub(crate) url: String,
    /// What the product knows the site by: measurement id, domain, website id, site id.
    pub(crate) site: String,
    /// What a click is called at the product.
    pub(crate) event: String,
    /// Whether anything is sent. What comes while it is switched off is never sent.
    pub(crate) active: bool,
    pub(crate) events: Events,
    pub(crate) filter: Filter,
    /// What a webhook is signed with, or what the product asks for.
    pub(super) secret: Option<Secret>,
    pub(super) former: Option<Former>,
    pub(crate) created_at: Timestamp,
    /// When somebody said that a paused hook shall go on.
    pub(super) resumed_at: Option<Timestamp>,
}

impl Hook {
    pub(super) fn value(&self) -> Option<RecordValue> {
        RecordValue::new(serde_json::to_vec(self).ok()?)
    }

    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Until when two secrets sign.
    pub(crate) fn former_until(&self, now_ms: i64) -> Option<Timestamp> {
        let until_ms = self.former.as_ref().map(|former| former.until_ms).filter(|until| *until > now_ms)?;
        Timestamp::from_millisecond(until_ms).ok()
    }

    /// What to sign with now, the present secret first.
    pub(super) fn signers(&self, now_ms: i64) -> impl Iterator<Item = &Secret> {
        let former = self.former.iter().filter(move |former| former.until_ms > now_ms).map(|former| &former.secret);
        self.secret.iter().chain(former)
    }
}

/// A hook as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptHook {
    pub(crate) id: HookId,
    pub(crate) revision: Revision,
    pub(crate) hook: Hook,
}

impl KeptHook {
    /// `None` when the record is not a hook that this version can read.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let hook = serde_json::from_slice(record.value.as_bytes()).ok()?;
        Some(Self { id: HookId::of_key(&record.key)?, revision: record.revision, hook })
    }
}

#[cfg(test)]
impl Hook {
    /// A webhook for human clicks, for tests that set what matters to them.
    pub(super) fn blank(kind: Kind, url: &str) -> Self {
        Self {
            name: String::new(),
            kind,
            url: url.to_owned(),
            site: String::new(),
            event: String::new(),
            active: true,
            events: Events::CLICKS,
            filter: Filter { verdicts: vec![Verdict::Human], ..Filter::default() },
            secret: Some(Secret::given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            former: None,
            created_at: Timestamp::UNIX_EPOCH,
            resumed_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::link::{LinkFacts, LinkId};
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;
    use crate::domain::visitor::Visitor;

    fn click(domain: &str, campaign: &str, verdict: Verdict) -> Click {
        let link = LinkFacts {
            id: LinkId(1),
            domain: domain.to_owned(),
            slug: "s".to_owned(),
            utm: Utm { campaign: Some(campaign.to_owned()), ..Utm::default() },
            platform: None,
            level: Level::Post,
        };
        Click { verdict, ..Click::blank(Arc::new(link), Visitor(1)) }
    }

    #[test]
    fn a_filter_admits_what_all_its_lists_name() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let filter = |campaigns, domains| Filter {
            verdicts: vec![Verdict::Human],
            campaigns: list(campaigns),
            domains: list(domains),
        };
        let human = click("go.example", "spring", Verdict::Human);
        assert!(filter(&[], &[]).admits(&human));
        assert!(filter(&["spring", "x"], &["go.example"]).admits(&human));
        assert!(!filter(&["spring"], &[""]).admits(&human) && !filter(&["Spring"], &[]).admits(&human));
        assert!(!filter(&[], &[]).admits(&click("go.example", "spring", Verdict::Bot)));
        assert!(Filter::default().admits(&click("", "", Verdict::Bot)));
    }

    #[test]
    fn a_hook_is_read_as_it_was_kept_with_its_secrets() {
        let mut hook = Hook::blank(Kind::Webhook, "https://example.com/");
        hook.former = Some(Former { secret: Secret::given("whsec_b2xk"), until_ms: 10 });
        let key = HookId(7).key();
        let record = Record { key, revision: Revision(3), value: hook.value().unwrap() };
        assert_eq!(
            KeptHook::read(&record),
            Some(KeptHook { id: HookId(7), revision: Revision(3), hook: hook.clone() })
        );
        assert_eq!((hook.signers(9).count(), hook.signers(10).count()), (2, 1));
        assert!(!format!("{hook:?}").contains("whsec_"), "{hook:?}");
    }
}
