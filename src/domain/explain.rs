//! Why a click is what it is, in words for the person who asks "why was this one filtered?". Pure.
//!
//! It only reads reasons and never gives one: what it says must follow from what the click keeps.

use super::click::Click;
use super::verdict::Verdict;

/// One or two sentences on the verdict.
pub(crate) fn verdict(click: &Click) -> String {
    let effect =
        if click.verdict == Verdict::Human { "It counts as a click." } else { "It does not count as a click." };
    format!("{} {effect}", reason(click.verdict, &click.reason))
}

/// One sentence on the reason of a verdict.
pub(crate) fn reason(verdict: Verdict, reason: &str) -> String {
    let (kind, what) = reason.split_once(':').unwrap_or((reason, ""));
    match (kind, what) {
        ("browser", _) => "It looks like a browser with a person in front, and no rule found a fault.".to_owned(),
        ("app", app) => format!("The user agent is that of the browser inside {app}, where people tap links."),
        ("user-agent", "missing") => "The request named no user agent; every browser does.".to_owned(),
        ("user-agent", "no-platform" | "not-a-browser" | "compatible") => {
            "The user agent has a shape that programs have and browsers do not.".to_owned()
        }
        ("user-agent", name) => agent(verdict, name),
        ("purpose", word) => {
            format!("The browser said that it loads the link in advance ({word}); nobody had tapped it.")
        }
        ("method", method) => {
            format!("It was a {} request, which asks where a link leads and does not go there.", method.to_uppercase())
        }
        ("network", "own") => "The address is in one of your own networks (classify.own_networks).".to_owned(),
        ("network", name) => format!("The address is in the network that your table networks.tsv calls {name:?}."),
        ("query", _) => "The link was opened with wp-no-track, the owner's mark.".to_owned(),
        ("cookie", _) => "The browser carries the owner's mark.".to_owned(),
        ("hosting", name) => {
            format!("A desktop browser called from machines for rent ({name}); mail gateways check links like that.")
        }
        ("sequence", "head-then-get") => {
            "The same visitor had asked for this link by HEAD moments before, as link checkers do.".to_owned()
        }
        ("sequence", "links-of-one-mail") => {
            "The same visitor opened several links of a mail within seconds, as mail gateways do.".to_owned()
        }
        ("sequence", "fediverse-burst") => {
            "It came among many fediverse servers that fetched this link within a minute, as they do when a post arrives, \
             and names its server as they do."
                .to_owned()
        }
        ("sequence", _) => "The same visitor opened more links within seconds than a person can tap.".to_owned(),
        ("double-tap", _) => "The same visitor had opened the same link a moment before.".to_owned(),
        _ => format!("The rule {reason:?} decided."),
    }
}

fn agent(verdict: Verdict, name: &str) -> String {
    let who = match verdict {
        Verdict::Preview => "which fetches links to draw a preview card",
        Verdict::Scanner => "which checks links for a mail gateway or a firewall",
        Verdict::Prefetch => "which loads pages before anybody taps",
        _ => "which is a program",
    };
    format!("The user agent names {name}, {who}.")
}

/// One sentence on the source.
pub(crate) fn source(click: &Click) -> String {
    let source = click.origin.source.as_str();
    match click.origin.source_rule.as_str() {
        "link" => format!("The link itself declares {source:?}."),
        "utm" => format!("The visitor brought utm_source={:?}.", click.visitor_utm_source.as_str()),
        "click-id" => format!("A click id that only {source} adds came along ({}).", click.click_ids),
        "app" => format!("The click came out of the {source} app."),
        "referrer" => format!("The page it came from is at {}.", click.look.referrer_host),
        _ => "Nothing says where it came from.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::super::link::{LinkFacts, LinkId};
    use super::super::placement::Level;
    use super::super::utm::Utm;
    use super::super::visitor::Visitor;
    use super::*;

    fn click(verdict: Verdict, reason: &str) -> Click {
        let link = LinkFacts {
            id: LinkId(1),
            domain: String::new(),
            slug: "x".to_owned(),
            utm: Utm::default(),
            platform: None,
            level: Level::Other,
        };
        Click { verdict, reason: Cow::Owned(reason.into()), ..Click::blank(Arc::new(link), Visitor(0)) }
    }

    #[test]
    fn every_kind_of_reason_has_words_of_its_own() {
        for (given, reason, words) in [
            (Verdict::Human, "browser", "no rule found a fault. It counts"),
            (Verdict::Human, "app:instagram", "inside instagram"),
            (Verdict::Preview, "user-agent:slackbot", "names slackbot, which fetches links to draw"),
            (Verdict::Bot, "user-agent:missing", "named no user agent"),
            (Verdict::Bot, "user-agent:no-platform", "a shape"),
            (Verdict::Scanner, "user-agent:proofpoint", "checks links for a mail gateway"),
            (Verdict::Scanner, "hosting:microsoft", "machines for rent (microsoft)"),
            (Verdict::Scanner, "sequence:head-then-get", "by HEAD moments before"),
            (Verdict::Scanner, "sequence:links-of-one-mail", "several links of a mail"),
            (Verdict::Preview, "sequence:fediverse-burst", "among many fediverse servers"),
            (Verdict::Scanner, "sequence:many-links", "more links within seconds"),
            (Verdict::Prefetch, "purpose:prefetch", "in advance (prefetch)"),
            (Verdict::Head, "method:head", "a HEAD request"),
            (Verdict::Owner, "network:own", "classify.own_networks"),
            (Verdict::Bot, "network:monitor", "calls \"monitor\""),
            (Verdict::Owner, "query:wp-no-track", "the owner's mark"),
            (Verdict::Owner, "cookie:owner", "carries the owner's mark"),
            (Verdict::Duplicate, "double-tap", "a moment before. It does not count"),
            (Verdict::Bot, "something new", "The rule \"something new\" decided."),
        ] {
            let said = verdict(&click(given, reason));
            assert!(said.contains(words), "{reason}: {said}");
        }
    }

    #[test]
    fn the_source_is_explained_by_the_rule_that_named_it() {
        let named = |rule: &str| {
            let mut click = click(Verdict::Human, "browser");
            let origin = Arc::make_mut(click.origin.to_mut());
            (origin.source, origin.source_rule) = ("instagram".into(), rule.into());
            click.visitor_utm_source = "IG".into();
            Arc::make_mut(click.look.to_mut()).referrer_host = "l.instagram.com".into();
            source(&click)
        };
        assert_eq!(named("link"), "The link itself declares \"instagram\".");
        assert_eq!(named("utm"), "The visitor brought utm_source=\"IG\".");
        assert_eq!(named("referrer"), "The page it came from is at l.instagram.com.");
        assert_eq!(named("direct"), "Nothing says where it came from.");
    }
}
