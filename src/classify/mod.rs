//! Classification: a named list of pure steps that turns a hit into a click. The raw address ends here.
//!
//! Nothing under here does IO, waits, reads a clock or keeps state that changes an answer. The steps, in order:
//! the agent is read, the query and the referrer are taken apart, the verdict is given, the source is attributed,
//! the place is looked up and the visitor is hashed. `double_tap` judges afterwards, because it needs the past.

mod agent;
pub(crate) mod double_tap;
mod language;
mod names;
pub(crate) mod place;
mod query;
mod referrer;
mod source;
mod tables;
mod verdict;
mod visitor;

use std::path::PathBuf;
use std::sync::Arc;

use compact_str::CompactString;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::click::Click;
use crate::domain::hit::Hit;
use crate::domain::link::LinkFacts;
use crate::domain::visitor::Salt;

use agent::Agents;
use names::Names;
use place::Places;
use referrer::Referrer;

/// Grows with every change of a rule or a table that changes what a hit becomes; every click carries it.
pub(crate) const RULES_VERSION: u32 = 2;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) geo: Vec<PathBuf>,
    pub(crate) geo_poll_s: u64,
    pub(crate) duplicate_ms: i64,
    pub(crate) own_networks: Vec<ipnet::IpNet>,
}

/// The rules and tables, compiled once.
pub(crate) struct Classifier {
    agents: Agents,
    own_networks: Vec<ipnet::IpNet>,
    hosts: Names,
    packages: Names,
    click_ids: Names,
    aliases: Names,
}

impl Classifier {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            agents: Agents::compile(),
            own_networks: config.own_networks.clone(),
            hosts: Names::of(tables::referrers()),
            packages: Names::of(tables::packages()),
            click_ids: Names::of(tables::click_ids()),
            aliases: Names::of(tables::aliases()),
        }
    }

    /// Pure: the same arguments give the same click. It never gives [`Verdict::Duplicate`]; `DoubleTap` does.
    ///
    /// [`Verdict::Duplicate`]: crate::domain::verdict::Verdict::Duplicate
    pub(crate) fn classify(
        &self,
        hit: &Hit<'_>,
        id: Uuid,
        link: &Arc<LinkFacts>,
        salt: &Salt,
        places: &Places,
    ) -> Click {
        let agent = self.agents.read(hit);
        let arrival = query::read(hit.query, &self.click_ids);
        let referrer = Referrer::parse(hit.referrer);
        let referred_by = self.referred_by(&referrer, link);
        let (verdict, reason) = verdict::judge(hit, &agent, arrival.by_owner, &self.own_networks);
        let attribution = source::attribute(link, &agent, &referred_by, &arrival, &self.aliases);
        Click {
            id,
            time_ms: hit.time_ms,
            link: Arc::clone(link),
            verdict,
            reason,
            source: attribution.source,
            source_rule: CompactString::const_new(attribution.rule),
            seen_on: source::seen_on(&agent, &referred_by, &arrival),
            app: CompactString::const_new(agent.app),
            referrer_host: referrer.host,
            referrer_path: referrer.path,
            place: places.find(hit.address),
            device: agent.device,
            os: CompactString::const_new(agent.os),
            browser: CompactString::const_new(agent.browser),
            language: language::first(hit.accept_language),
            visitor: visitor::visitor(salt, hit.address, &agent.fingerprint, &link.domain),
            click_ids: arrival.click_ids,
            user_agent: CompactString::from(hit.user_agent),
            purpose: CompactString::from(hit.purpose),
            hints: agent.hints.clone(),
            rules_version: RULES_VERSION,
        }
    }

    /// Who the referrer names. A link's own domain names nobody: it is where a redirect chain passed through.
    fn referred_by(&self, referrer: &Referrer, link: &LinkFacts) -> CompactString {
        if !link.domain.is_empty() && referrer.host == link.domain {
            return CompactString::default();
        }
        referrer.source(&self.hosts, &self.packages)
    }
}

#[cfg(test)]
mod tests;
