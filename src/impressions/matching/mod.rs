//! Matching: which links stand in which imported posts. A cascade of rules, each surer than the next; a post keeps what
//! the first rule finds that finds anything, and whatever less sure rules would say is only proposed. What a person
//! decided stands above all rules.
//!
//! Pure, and never stored: links made later, imports undone and better rules reach the past by themselves. It must never
//! match by a likeness: a wrong match divides clicks by somebody else's impressions.

mod campaign;
pub(crate) mod decision;
mod short_url;
mod suggest;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use self::campaign::Campaigns;
use self::decision::{Decision, Says};
pub(crate) use self::short_url::Hosts;
use self::short_url::Places;
use self::suggest::Times;
use crate::domain::link::{DomainName, Link, LinkId};
use crate::domain::permalink;
use crate::domain::placement::{Level, PostRef};
use crate::domain::utm::Utm;
use crate::impressions::book::{Book, PostId};
use crate::impressions::reading::{LINK_ID, PlatformPost};

/// The most links that are suggested for one post.
pub(crate) const SUGGESTIONS_MAX: usize = 5;

/// What matching and rates need to know of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: LinkId,
    /// The slug, after its domain unless that is the default one.
    pub(crate) label: String,
    domain: DomainName,
    /// The slug as its domain compares it.
    folded: String,
    pub(crate) created_at: Timestamp,
    /// As its owner says.
    pub(crate) placed_on: Option<String>,
    /// The same, else as its `utm_source` says.
    platform: Option<String>,
    pub(crate) level: Level,
    pub(crate) utm: Utm,
    pub(crate) tags: Vec<String>,
    /// Whether browsers keep its answer.
    pub(crate) permanent: bool,
    /// Of the posts that its owner says it stands in.
    pub(crate) names: Vec<String>,
}

impl Candidate {
    pub(crate) fn of(link: &Link, hosts: &Hosts) -> Self {
        let spec = &link.spec;
        let placement = &spec.placement;
        let placed_on = placement.platform.as_ref().map(|platform| platform.as_str().to_owned());
        let slug = spec.slug.as_str();
        Self {
            id: link.id,
            label: if spec.domain.is_default() { slug.to_owned() } else { format!("{}/{slug}", spec.domain.0) },
            domain: spec.domain.clone(),
            folded: spec.slug.folded(hosts.matching(&spec.domain)),
            created_at: link.created_at,
            platform: placed_on.clone().or_else(|| campaign::platform_of(spec.utm.source.as_deref()?)),
            level: placement.level,
            utm: spec.utm.clone(),
            tags: spec.tags.clone(),
            permanent: spec.rules.status.is_permanent(),
            names: permalink::names(
                placed_on.as_deref().unwrap_or_default(),
                placement.posts.iter().map(PostRef::as_str),
            ),
            placed_on,
        }
    }
}

/// Why a link and a post belong together, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// The file speaks of the link itself.
    Link,
    /// The link's owner saved the post's id or permalink.
    Permalink,
    /// A column of destinations holds the short URL.
    Url,
    /// The text of the post holds the short URL.
    Text,
    /// The only account of a platform, and a link in a profile there.
    Profile,
    /// Names of campaign and ad are those of the link's UTM.
    Utm,
    /// A person said so.
    Decision,
}

impl Rule {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Permalink => "permalink",
            Self::Url => "url",
            Self::Text => "text",
            Self::Profile => "profile",
            Self::Utm => "utm",
            Self::Decision => "decision",
        }
    }
}

/// Why a link might stand in a post, the likeliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Hint {
    /// The short URL is there, but a surer rule found another link.
    Mentioned,
    /// The short URL is there, but the link was made after the post: its slug may have been another link's then.
    MadeLater,
    /// One of several accounts of the platform.
    Profile,
    /// The campaign is the same; the ad is not, or the platform is not known.
    Campaign,
    /// It was made shortly before the post was published, for the same platform and level.
    Time,
}

impl Hint {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mentioned => "mentioned",
            Self::MadeLater => "made-later",
            Self::Profile => "profile",
            Self::Campaign => "campaign",
            Self::Time => "time",
        }
    }
}

/// The last instant at which a post may have been published, as far as its export tells: days end 12 hours later in the
/// west than in UTC.
pub(crate) fn published_by(post: &PlatformPost) -> Option<Timestamp> {
    let (_, latest) = suggest::published(post)?;
    latest.checked_add(SignedDuration::from_hours(12)).ok()
}

/// A link that stands in a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) post: PostId,
    pub(crate) link: LinkId,
    pub(crate) rule: Rule,
    /// What the rule saw, for people.
    pub(crate) evidence: String,
}

/// A link that may stand in a post. Nothing is divided by it until somebody confirms it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    pub(crate) post: PostId,
    pub(crate) link: LinkId,
    pub(crate) hint: Hint,
    pub(crate) evidence: String,
}

/// All matches of a book.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matches {
    /// By post, then link.
    matches: Vec<Match>,
    /// By post, the likeliest first.
    suggestions: Vec<Suggestion>,
    by_link: HashMap<LinkId, Vec<PostId>>,
}

impl Matches {
    /// Matches every post of `book`.
    pub(crate) fn new(book: &Book, links: &[Candidate], hosts: &Hosts, decisions: &[Decision]) -> Self {
        let rules = Rules::new(book, links, hosts);
        let decided = decision::by_post(decisions, book);
        let mut all = Self::default();
        for (id, post) in book.posts() {
            let decided = decided.get(&id).map_or(&[][..], Vec::as_slice);
            all.add((id, post.level), rules.judge(post), decided);
        }
        for found in &all.matches {
            all.by_link.entry(found.link).or_default().push(found.post);
        }
        all
    }

    fn add(&mut self, (post, level): (PostId, Level), judged: Judged<'_>, decided: &[&Decision]) {
        let says = |link: LinkId| decided.iter().find(|decision| decision.link == link).map(|decision| decision.says);
        let by_rule = judged.found.into_iter().filter(|(link, ..)| says(link.id).is_none());
        let by_rule = by_rule.map(|(link, rule, evidence)| Match { post, link: link.id, rule, evidence });
        let confirmed = decided.iter().filter(|decision| decision.says == Says::Confirmed);
        let by_hand = confirmed.map(|decision| Match {
            post,
            link: decision.link,
            rule: Rule::Decision,
            evidence: format!("decided {}", decision.at.strftime("%F")),
        });
        let mut found: Vec<_> = by_rule.chain(by_hand).collect();
        found.sort_by_key(|found| (found.link, found.rule));
        found.dedup_by_key(|found| found.link);
        let matched: BTreeSet<LinkId> = found.iter().map(|found| found.link).collect();
        let open = judged.proposed.into_iter().filter(|(link, hint, _)| {
            // Whoever has a post's link needs no guess; a short URL that is there is none.
            let is_useful = matched.is_empty() || *hint <= Hint::MadeLater;
            is_useful && !matched.contains(&link.id) && says(link.id).is_none()
        });
        // Of one hint, links of the post's own level come first: a campaign has links in bios and letters, too.
        let mut open: Vec<_> = open.collect();
        open.sort_by_key(|(link, hint, _)| (*hint, link.level != level));
        open.truncate(SUGGESTIONS_MAX);
        let open = open.into_iter().map(|(link, hint, evidence)| Suggestion { post, link: link.id, hint, evidence });
        self.matches.extend(found);
        self.suggestions.extend(open);
    }

    /// The links that stand in a post.
    pub(crate) fn of_post(&self, post: PostId) -> &[Match] {
        let begin = self.matches.partition_point(|found| found.post < post);
        let end = begin + self.matches[begin..].partition_point(|found| found.post == post);
        &self.matches[begin..end]
    }

    /// The posts that a link stands in.
    pub(crate) fn of_link(&self, link: LinkId) -> &[PostId] {
        self.by_link.get(&link).map_or(&[], Vec::as_slice)
    }

    /// What may be confirmed for a post, the likeliest first.
    pub(crate) fn suggestions(&self, post: PostId) -> &[Suggestion] {
        let begin = self.suggestions.partition_point(|open| open.post < post);
        let end = begin + self.suggestions[begin..].partition_point(|open| open.post == post);
        &self.suggestions[begin..end]
    }

    /// Whether every link of a post stands in this post alone, so that its clicks are this post's: of several posts with
    /// one link nobody knows which of them was clicked.
    pub(crate) fn is_alone(&self, post: PostId) -> bool {
        self.of_post(post).iter().all(|found| self.of_link(found.link).len() == 1)
    }
}

/// A link, why, and what was seen.
type Found<'a> = (&'a Candidate, Rule, String);
type Proposed<'a> = (&'a Candidate, Hint, String);

/// What the rules say of one post.
#[derive(Default)]
struct Judged<'a> {
    found: Vec<Found<'a>>,
    proposed: Vec<Proposed<'a>>,
}

/// The links, by everything that rules look them up by.
struct Rules<'a> {
    by_id: HashMap<LinkId, &'a Candidate>,
    by_name: HashMap<&'a str, Vec<&'a Candidate>>,
    places: Places<'a>,
    profiles: HashMap<&'a str, Vec<&'a Candidate>>,
    /// How many accounts a platform has in the book.
    accounts: HashMap<&'a str, usize>,
    campaigns: Campaigns<'a>,
    times: Times<'a>,
}

impl<'a> Rules<'a> {
    fn new(book: &'a Book, links: &'a [Candidate], hosts: &'a Hosts) -> Self {
        let mut by_name: HashMap<&str, Vec<&Candidate>> = HashMap::new();
        let mut profiles: HashMap<&str, Vec<&Candidate>> = HashMap::new();
        for link in links {
            link.names.iter().for_each(|name| by_name.entry(name).or_default().push(link));
            if let (Level::Profile, Some(platform)) = (link.level, &link.platform) {
                profiles.entry(platform).or_default().push(link);
            }
        }
        let mut accounts: HashMap<&str, usize> = HashMap::new();
        for (_, post) in book.posts().filter(|(_, post)| post.level == Level::Profile) {
            *accounts.entry(&post.platform).or_default() += 1;
        }
        Self {
            by_id: links.iter().map(|link| (link.id, link)).collect(),
            by_name,
            places: Places::new(links, hosts),
            profiles,
            accounts,
            campaigns: Campaigns::new(links),
            times: Times::new(links),
        }
    }

    /// The first rule that finds links finds them for good.
    fn judge(&self, post: &PlatformPost) -> Judged<'a> {
        let mut judged = Judged::default();
        let (mentioned, made_later) = self.mentioned(post);
        let (of_profile, of_profiles) = self.of_profile(post);
        let (of_campaign, like_campaign) = self.campaigns.of(post);
        let stages = [self.of_link(post), self.by_permalink(post), mentioned, of_profile, of_campaign];
        let mut stages = stages.into_iter().skip_while(Vec::is_empty);
        judged.found = stages.next().unwrap_or_default();
        let less_sure = stages.flatten().map(|(link, rule, evidence)| (link, hint_of(rule), evidence));
        judged.proposed.extend(less_sure);
        judged.proposed.extend(made_later.into_iter().chain(of_profiles).chain(like_campaign));
        if judged.found.is_empty() {
            judged.proposed.extend(self.times.near(post));
        }
        judged
    }

    fn of_link(&self, post: &PlatformPost) -> Vec<Found<'a>> {
        let ids = post.names.iter().filter_map(|name| name.strip_prefix(LINK_ID)?.parse().ok().map(LinkId));
        let known = ids.filter_map(|id| self.by_id.get(&id).copied());
        known.map(|link| (link, Rule::Link, link.label.clone())).collect()
    }

    fn by_permalink(&self, post: &PlatformPost) -> Vec<Found<'a>> {
        let of_name = |name: &String| {
            let links = self.by_name.get(name.as_str()).into_iter().flatten();
            links.map(|link| (*link, Rule::Permalink, name.clone())).collect::<Vec<_>>()
        };
        post.names.iter().flat_map(of_name).collect()
    }

    /// By the short URL: first in columns made for destinations, else in the text.
    fn mentioned(&self, post: &PlatformPost) -> (Vec<Found<'a>>, Vec<Proposed<'a>>) {
        let (mut found, mut later) = (Vec::new(), Vec::new());
        for (rule, texts) in [(Rule::Url, &post.urls), (Rule::Text, &post.mentions)] {
            for (link, seen) in texts.iter().filter_map(|text| self.places.named_in(text)) {
                match suggest::is_made_later(link, post) {
                    true => later.push((link, Hint::MadeLater, seen)),
                    false => found.push((link, rule, seen)),
                }
            }
        }
        let surest = found.iter().map(|(_, rule, _)| *rule).min();
        let (sure, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, rule, _)| Some(*rule) == surest);
        later.extend(rest.into_iter().map(|(link, _, seen)| (link, Hint::Mentioned, seen)));
        (sure, later)
    }

    /// A bio link belongs to the account of its platform, if there is one only or it names the account.
    fn of_profile(&self, post: &PlatformPost) -> (Vec<Found<'a>>, Vec<Proposed<'a>>) {
        if post.level != Level::Profile {
            return (Vec::new(), Vec::new());
        }
        let links = self.profiles.get(post.platform.as_str()).into_iter().flatten();
        let links = links.filter(|link| link.names.is_empty()).copied();
        let evidence = || format!("a profile link on {}", post.platform);
        match self.accounts.get(post.platform.as_str()) {
            Some(1) => (links.map(|link| (link, Rule::Profile, evidence())).collect(), Vec::new()),
            _ => (Vec::new(), links.map(|link| (link, Hint::Profile, evidence())).collect()),
        }
    }
}

fn hint_of(rule: Rule) -> Hint {
    match rule {
        Rule::Profile => Hint::Profile,
        Rule::Utm => Hint::Campaign,
        Rule::Link | Rule::Permalink | Rule::Url | Rule::Text | Rule::Decision => Hint::Mentioned,
    }
}

#[cfg(test)]
mod tests;
