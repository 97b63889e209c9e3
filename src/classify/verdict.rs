//! The verdict: the named steps, in their order. The first that speaks decides, and its name is the reason.

use std::borrow::Cow;
use std::net::IpAddr;

use compact_str::{CompactString, format_compact};
use ipnet::IpNet;

use crate::domain::click::{ClickOf, Device, Place};
use crate::domain::hit::{HitOf, Method};
use crate::domain::verdict::Verdict;

use super::agent::Agent;
use super::names::Names;

/// What every reason begins with that an address gave: the address is not kept, so such a verdict stays what it was.
const BY_NETWORK: &str = "network:";

/// The verdicts of the query parameter and of the cookie cannot be given again either, because neither is kept.
const BY_OWNERS_PARAMETER: &str = "query:wp-no-track";
const BY_OWNERS_COOKIE: &str = "cookie:owner";

/// A verdict and the rule that gave it.
pub(super) type Judgement<'a> = (Verdict, Cow<'a, CompactString>);

/// The networks that are judged by where they are.
#[derive(Debug)]
pub(super) struct Networks {
    rows: Vec<(IpNet, Verdict, CompactString)>,
}

impl Networks {
    /// `own` are the owner's, by the configuration.
    pub(super) fn new<'t>(own: &[IpNet], rows: impl Iterator<Item = (IpNet, Verdict, &'t str)>) -> Self {
        let own = own.iter().map(|network| (*network, Verdict::Owner, CompactString::const_new("own")));
        Self { rows: own.chain(rows.map(|(network, verdict, name)| (network, verdict, name.into()))).collect() }
    }

    fn judge(&self, address: IpAddr) -> Option<Judgement<'static>> {
        let address = address.to_canonical();
        let (_, verdict, name) = self.rows.iter().find(|(network, ..)| network.contains(&address))?;
        Some((*verdict, Cow::Owned(format_compact!("{BY_NETWORK}{name}"))))
    }
}

/// What the address, the query and the cookie of a hit say of its verdict. None of them outlives classification.
pub(super) fn by_what_is_not_kept<T>(
    hit: &HitOf<T>,
    by_parameter: bool,
    networks: &Networks,
) -> Option<Judgement<'static>> {
    let owners = |reason| (Verdict::Owner, Cow::Owned(CompactString::const_new(reason)));
    networks
        .judge(hit.address)
        .or_else(|| by_parameter.then(|| owners(BY_OWNERS_PARAMETER)))
        .or_else(|| hit.by_owner.then(|| owners(BY_OWNERS_COOKIE)))
}

/// What a click has kept of that.
pub(super) fn as_it_was<'a>(click: &'a ClickOf<'_>) -> Option<Judgement<'a>> {
    let stays = click.reason.starts_with(BY_NETWORK)
        || [BY_OWNERS_PARAMETER, BY_OWNERS_COOKIE].contains(&click.reason.as_str());
    stays.then(|| (click.verdict, Cow::Borrowed(&*click.reason)))
}

/// Judges what is left after [`by_what_is_not_kept`]; where nothing speaks, the agent's own verdict stands. `hosting` names the
/// networks of machines for rent.
pub(super) fn by_more_than_the_agent(
    method: Method,
    purpose: &str,
    agent: &Agent,
    place: &Place,
    hosting: &Names,
) -> Option<Judgement<'static>> {
    head(method).or_else(|| prefetch(purpose)).or_else(|| rented_machine(agent, place, hosting))
}

fn head(method: Method) -> Option<Judgement<'static>> {
    (method == Method::Head).then_some((Verdict::Head, Cow::Owned(CompactString::const_new("method:head"))))
}

/// `Sec-Purpose: prefetch;prerender`, `Purpose: prefetch`, `X-Moz: prefetch`, `X-Purpose: preview` or `instant`:
/// a browser loads the link in case somebody taps it.
fn prefetch(purpose: &str) -> Option<Judgement<'static>> {
    const WORDS: [&str; 4] = ["prefetch", "prerender", "preview", "instant"];
    let given = purpose.trim_start().as_bytes();
    let word = WORDS
        .iter()
        .find(|word| given.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes())))?;
    Some((Verdict::Prefetch, Cow::Owned(format_compact!("purpose:{word}"))))
}

/// Mail gateways look at links from rented machines and say that they are a browser on a desk. Phones are left alone:
/// their owners route them through a machine of their own now and then.
fn rented_machine(agent: &Agent, place: &Place, hosting: &Names) -> Option<Judgement<'static>> {
    let may_be_one = agent.verdict == Verdict::Human && agent.app.is_empty() && agent.device == Device::Desktop;
    let name = may_be_one.then(|| hosting.find(&place.asn)).flatten()?;
    Some((Verdict::Scanner, Cow::Owned(format_compact!("hosting:{name}"))))
}
