//! What the time of a post says about links: enough to propose one, never to match it. Pure.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Candidate, Hint, Proposed, SUGGESTIONS_MAX};
use crate::domain::placement::Level;
use crate::impressions::reading::PlatformPost;

/// How long after a post a link in it may have been made: exports write times of a zone that nobody states.
const SLACK: SignedDuration = SignedDuration::from_hours(24);
/// Links made so long before a post are proposed for it.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// And so long after it, because clocks differ.
const AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Whether a link did not exist yet when a post was published.
pub(super) fn is_made_later(link: &Candidate, post: &PlatformPost) -> bool {
    published(post).is_some_and(|(_, latest)| latest.saturating_add(SLACK).is_ok_and(|by| link.created_at > by))
}

/// The first and the last instant at which a post may have been published: one where the export knows it.
pub(super) fn published(post: &PlatformPost) -> Option<(Timestamp, Timestamp)> {
    let text = post.published.as_deref()?;
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some((instant, instant));
    }
    let day: Date = text.parse().ok()?;
    let start = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp());
    Some((start(day)?, start(day.tomorrow().ok()?)?))
}

/// Links by platform and level, then by when they were made.
pub(super) struct Times<'a> {
    links: HashMap<(&'a str, Level), Vec<&'a Candidate>>,
}

impl<'a> Times<'a> {
    pub(super) fn new(links: &'a [Candidate]) -> Self {
        let mut by_place: HashMap<(&str, Level), Vec<&Candidate>> = HashMap::new();
        for link in links {
            if let Some(platform) = &link.platform {
                by_place.entry((platform, link.level)).or_default().push(link);
            }
        }
        by_place.values_mut().for_each(|links| links.sort_by_key(|link| link.created_at));
        Self { links: by_place }
    }

    /// The links that were made around the time of a post whose instant is known, the nearest first.
    pub(super) fn near(&self, post: &PlatformPost) -> Vec<Proposed<'a>> {
        let Some((at, _)) = published(post).filter(|(first, last)| first == last) else { return Vec::new() };
        let Some(links) = self.links.get(&(post.platform.as_str(), post.level)) else { return Vec::new() };
        let (Ok(from), Ok(to)) = (at.saturating_sub(BEFORE), at.saturating_add(AFTER)) else { return Vec::new() };
        let begin = links.partition_point(|link| link.created_at < from);
        let end = links.partition_point(|link| link.created_at <= to);
        let mut near: Vec<_> = links[begin..end].to_vec();
        near.sort_by_key(|link| at.duration_since(link.created_at).abs());
        near.truncate(SUGGESTIONS_MAX);
        near.into_iter().map(|link| (link, Hint::Time, distance(at.duration_since(link.created_at)))).collect()
    }
}

fn distance(before: SignedDuration) -> String {
    let minutes = before.as_mins().abs();
    let long = if minutes < 120 { format!("{minutes} minutes") } else { format!("{} hours", minutes / 60) };
    let side = if before.is_negative() { "after" } else { "before" };
    format!("made {long} {side} it was published")
}
