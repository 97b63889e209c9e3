//! The verdict: the named steps, in their order. The first that speaks decides, and its name is the reason.

use compact_str::{CompactString, format_compact};
use ipnet::IpNet;

use crate::domain::hit::{Hit, Method};
use crate::domain::verdict::Verdict;

use super::agent::Agent;

/// A verdict and the rule that gave it.
pub(super) type Judgement = (Verdict, CompactString);

/// Judges a hit. `by_owner` says that its query carries the owner's mark.
pub(super) fn judge(hit: &Hit<'_>, agent: &Agent, by_owner: bool, own_networks: &[IpNet]) -> Judgement {
    owner(hit, by_owner, own_networks)
        .or_else(|| head(hit))
        .or_else(|| prefetch(hit.purpose))
        .unwrap_or_else(|| (agent.verdict, agent.reason.clone()))
}

fn owner(hit: &Hit<'_>, by_owner: bool, own_networks: &[IpNet]) -> Option<Judgement> {
    let address = hit.address.to_canonical();
    let reason = match (own_networks.iter().any(|network| network.contains(&address)), by_owner) {
        (true, _) => "network:own",
        (false, true) => "query:wp-no-track",
        (false, false) => return None,
    };
    Some((Verdict::Owner, CompactString::const_new(reason)))
}

fn head(hit: &Hit<'_>) -> Option<Judgement> {
    (hit.method == Method::Head).then_some((Verdict::Head, CompactString::const_new("method:head")))
}

/// `Sec-Purpose: prefetch;prerender`, `Purpose: prefetch`, `X-Moz: prefetch`, `X-Purpose: preview` or `instant`:
/// a browser loads the link in case somebody taps it.
fn prefetch(purpose: &str) -> Option<Judgement> {
    const WORDS: [&str; 4] = ["prefetch", "prerender", "preview", "instant"];
    let given = purpose.trim_start().as_bytes();
    let word = WORDS
        .iter()
        .find(|word| given.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes())))?;
    Some((Verdict::Prefetch, format_compact!("purpose:{word}")))
}
