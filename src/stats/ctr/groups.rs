//! Links in groups: by link, post, campaign, platform or level, and within a group the links whose clicks belong to
//! the same posts. Pure. It must never put links of different levels into one group.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::impression::Subject;
use crate::domain::link::{Link, LinkId};
use crate::domain::permalink;
use crate::domain::placement::{Level, PostRef};
use crate::stats::ctr::Grouping;

/// The value of a campaign or platform that a link does not have.
const NONE: &str = "(none)";

/// The most posts that are named one by one.
const NAMED_MAX: usize = 5;

/// What a click-through rate needs to know of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkEntry {
    pub(crate) id: LinkId,
    /// The slug, after its domain unless that is the default one.
    pub(crate) label: String,
    pub(crate) level: Level,
    pub(crate) platform: Option<String>,
    pub(crate) campaign: Option<String>,
    /// In their canonical form.
    pub(crate) posts: Vec<PostRef>,
}

impl LinkEntry {
    pub(crate) fn of(link: &Link) -> Self {
        let spec = &link.spec;
        let slug = spec.slug.as_str();
        let label = if spec.domain.is_default() { slug.to_owned() } else { format!("{}/{slug}", spec.domain.0) };
        Self {
            id: link.id,
            label,
            level: spec.placement.level,
            platform: spec.placement.platform.as_ref().map(|platform| platform.as_str().to_owned()),
            campaign: spec.utm.campaign.clone(),
            posts: spec.placement.posts.iter().map(permalink::canonical).collect(),
        }
    }
}

/// What one or more rows of the report are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) value: String,
    pub(crate) label: Option<String>,
    pub(crate) level: Level,
    pub(crate) components: Vec<Component>,
}

/// Links and posts that hang together: every post of these links, and every link of the group in these posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) links: Vec<LinkId>,
    /// The posts, as subjects of impressions.
    pub(crate) posts: BTreeSet<Subject>,
}

impl Group {
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.components.iter().flat_map(|component| component.links.iter().copied())
    }
}

/// Puts links into groups; a link without posts is in no group of posts.
pub(crate) fn groups(links: &[LinkEntry], by: Grouping) -> Vec<Group> {
    match by {
        Grouping::Link => links.iter().map(group_of_link).collect(),
        Grouping::Post => groups_of_posts(links),
        Grouping::Campaign => groups_by(links, |link| link.campaign.clone().unwrap_or_else(|| NONE.to_owned())),
        Grouping::Platform => groups_by(links, |link| link.platform.clone().unwrap_or_else(|| NONE.to_owned())),
        Grouping::Level => groups_by(links, |link| link.level.as_str().to_owned()),
    }
}

fn group_of_link(link: &LinkEntry) -> Group {
    Group {
        value: link.id.to_string(),
        label: Some(link.label.clone()),
        level: link.level,
        components: components(&[link]),
    }
}

fn groups_of_posts(links: &[LinkEntry]) -> Vec<Group> {
    let in_posts = |level| links.iter().filter(move |link| link.level == level && !link.posts.is_empty());
    let group = |level, component: Component| Group {
        value: name_posts(component.posts.iter(), " + "),
        label: None,
        level,
        components: vec![component],
    };
    Level::ALL
        .into_iter()
        .flat_map(|level| {
            components(&in_posts(level).collect::<Vec<_>>()).into_iter().map(move |found| group(level, found))
        })
        .collect()
}

fn groups_by(links: &[LinkEntry], value: impl Fn(&LinkEntry) -> String) -> Vec<Group> {
    let mut members: BTreeMap<(String, Level), Vec<&LinkEntry>> = BTreeMap::new();
    for link in links {
        members.entry((value(link), link.level)).or_default().push(link);
    }
    let group = |((value, level), links): ((String, Level), Vec<&LinkEntry>)| Group {
        value,
        label: None,
        level,
        components: components(&links),
    };
    members.into_iter().map(group).collect()
}

/// The first posts by name, and how many more there are.
pub(crate) fn name_posts<'a>(posts: impl ExactSizeIterator<Item = &'a Subject>, separator: &str) -> String {
    let more = posts.len().saturating_sub(NAMED_MAX);
    let mut names: Vec<_> = posts.take(NAMED_MAX).map(subject_name).collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(separator)
}

pub(crate) fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Link(link) => link.to_string(),
        Subject::Post(post) => post.as_str().to_owned(),
    }
}

/// Splits links into those that share posts, directly or through others (a union-find over the posts).
fn components(links: &[&LinkEntry]) -> Vec<Component> {
    let mut parents: Vec<usize> = (0..links.len()).collect();
    let mut first_in: HashMap<&PostRef, usize> = HashMap::new();
    for (at, link) in links.iter().enumerate() {
        for post in &link.posts {
            match first_in.entry(post) {
                Entry::Occupied(first) => unite(&mut parents, *first.get(), at),
                Entry::Vacant(free) => {
                    free.insert(at);
                }
            }
        }
    }
    let mut found: BTreeMap<usize, Component> = BTreeMap::new();
    for (at, link) in links.iter().enumerate() {
        let component = found.entry(root(&mut parents, at)).or_default();
        component.links.push(link.id);
        component.posts.extend(link.posts.iter().cloned().map(Subject::Post));
    }
    found.into_values().collect()
}

fn unite(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

/// The representative of `at`; halves the path on the way, so that long chains stay cheap.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(id: u64, level: Level, campaign: Option<&str>, posts: &[&str]) -> LinkEntry {
        LinkEntry {
            id: LinkId(id),
            label: format!("slug{id}"),
            level,
            platform: None,
            campaign: campaign.map(str::to_owned),
            posts: posts.iter().map(|post| PostRef::parse(post).unwrap()).collect(),
        }
    }

    fn brief(groups: &[Group]) -> Vec<(String, Vec<Vec<u64>>)> {
        let ids = |component: &Component| component.links.iter().map(|link| link.0).collect();
        groups.iter().map(|group| (group.value.clone(), group.components.iter().map(ids).collect())).collect()
    }

    #[test]
    fn posts_that_share_a_link_are_one_group_however_long_the_chain() {
        let links = [
            link(1, Level::Post, None, &["a"]),
            link(2, Level::Post, None, &["b", "c"]),
            link(3, Level::Post, None, &["c", "d"]),
            link(4, Level::Post, None, &["d", "b"]),
            link(5, Level::Post, None, &[]),
        ];
        let found = groups(&links, Grouping::Post);
        assert_eq!(brief(&found), [("a".to_owned(), vec![vec![1]]), ("b + c + d".to_owned(), vec![vec![2, 3, 4]])]);
    }

    #[test]
    fn links_of_two_levels_in_one_post_are_two_groups() {
        let links = [link(1, Level::Post, None, &["a"]), link(2, Level::Profile, None, &["a"])];
        let levels: Vec<_> = groups(&links, Grouping::Post).iter().map(|group| group.level).collect();
        assert_eq!(levels, [Level::Post, Level::Profile]);
    }

    #[test]
    fn a_campaign_is_a_group_per_level_and_links_without_one_are_a_group_too() {
        let links = [
            link(1, Level::Post, Some("spring"), &["a"]),
            link(2, Level::Story, Some("spring"), &[]),
            link(3, Level::Post, Some("spring"), &["a"]),
            link(4, Level::Post, None, &[]),
        ];
        let found = groups(&links, Grouping::Campaign);
        let expected = [
            ("(none)".to_owned(), vec![vec![4]]),
            ("spring".to_owned(), vec![vec![1, 3]]),
            ("spring".to_owned(), vec![vec![2]]),
        ];
        assert_eq!(brief(&found), expected);
    }

    #[test]
    fn many_posts_are_named_in_part() {
        let posts: Vec<_> = (0..9).map(|n| Subject::Post(PostRef::parse(&format!("p{n}")).unwrap())).collect();
        assert_eq!(name_posts(posts.iter(), ", "), "p0, p1, p2, p3, p4, 4 more");
    }
}
