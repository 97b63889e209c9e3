//! Links in groups: by link, post, placement, platform, campaign, tag, account or level, and within a group the links
//! whose clicks belong to the same posts. Pure. It must never put links of different levels into one group.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::domain::link::LinkId;
use crate::domain::placement::Level;
use crate::impressions::matching::Candidate;
use crate::stats::ctr::Grouping;
use crate::stats::ctr::evidence::PostEntry;

/// The value of a campaign, platform, tag or account that a link does not have.
const NONE: &str = "(none)";

/// The account of a link that stands in posts of more than one.
const SEVERAL: &str = "(several)";

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
    pub(crate) tags: Vec<String>,
    pub(crate) created_at: Timestamp,
    /// Whether browsers keep its answer, so that repeat clicks may never be seen.
    pub(crate) permanent: bool,
    /// The posts it stands in, as places in [`Material::posts`](super::Material::posts).
    pub(crate) posts: Vec<usize>,
    /// The entry whose numbers are about this link alone.
    pub(crate) own: Option<usize>,
}

impl LinkEntry {
    /// A link, as yet without posts.
    pub(crate) fn of(link: &Candidate) -> Self {
        Self {
            id: link.id,
            label: link.label.clone(),
            level: link.level,
            platform: link.placed_on.clone(),
            campaign: link.utm.campaign.clone(),
            tags: link.tags.clone(),
            created_at: link.created_at,
            permanent: link.permanent,
            posts: Vec::new(),
            own: None,
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

/// Links and posts that hang together: every post of these links, and every link of the group in these posts. Both as
/// places in the material.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) links: Vec<usize>,
    pub(crate) posts: BTreeSet<usize>,
}

/// Puts links into groups; a link without posts is in no group of posts.
pub(crate) fn groups(links: &[LinkEntry], posts: &[PostEntry], by: Grouping) -> Vec<Group> {
    let one = |value: Option<&String>| vec![value.map_or_else(|| NONE.to_owned(), String::clone)];
    match by {
        Grouping::Link => (0..links.len()).map(|at| group_of_link(links, at)).collect(),
        Grouping::Post => groups_of_posts(links, posts),
        Grouping::Campaign => groups_by(links, |link| one(link.campaign.as_ref())),
        Grouping::Platform => groups_by(links, |link| one(platform(link, posts).as_ref())),
        Grouping::Placement => groups_by(links, |link| {
            let platform = platform(link, posts).unwrap_or_else(|| NONE.to_owned());
            vec![format!("{platform} {}", link.level)]
        }),
        Grouping::Tag => groups_by(links, |link| if link.tags.is_empty() { one(None) } else { link.tags.clone() }),
        Grouping::Account => groups_by(links, |link| vec![account(link, posts)]),
        Grouping::Level | Grouping::Day | Grouping::Week => groups_by(links, |link| vec![link.level.to_string()]),
    }
}

fn group_of_link(links: &[LinkEntry], at: usize) -> Group {
    let link = &links[at];
    Group {
        value: link.id.to_string(),
        label: Some(link.label.clone()),
        level: link.level,
        components: vec![Component { links: vec![at], posts: link.posts.iter().copied().collect() }],
    }
}

pub(super) fn groups_of_posts(links: &[LinkEntry], posts: &[PostEntry]) -> Vec<Group> {
    let of_level = |level| (0..links.len()).filter(move |at| links[*at].level == level && !links[*at].posts.is_empty());
    let group = |level, component: Component| Group {
        value: name_posts(posts, component.posts.iter(), " + "),
        label: label(posts, &component),
        level,
        components: vec![component],
    };
    let in_level = |level| components(links, &of_level(level).collect::<Vec<_>>());
    Level::ALL.into_iter().flat_map(|level| in_level(level).into_iter().map(move |found| group(level, found))).collect()
}

/// The text of a single post, where there is one.
fn label(posts: &[PostEntry], component: &Component) -> Option<String> {
    let only = component.posts.first().filter(|_| component.posts.len() == 1)?;
    posts.get(*only).map(|post| post.text.clone()).filter(|text| !text.is_empty())
}

/// The platform that a link names, or that all of its posts are on.
pub(crate) fn platform(link: &LinkEntry, posts: &[PostEntry]) -> Option<String> {
    let of_posts =
        || same(link.posts.iter().map(|post| posts[*post].platform.as_str()).filter(|name| !name.is_empty()));
    link.platform.clone().or_else(|| of_posts().map(str::to_owned))
}

fn account(link: &LinkEntry, posts: &[PostEntry]) -> String {
    let accounts = || link.posts.iter().filter_map(|post| posts[*post].account.as_deref());
    let several = accounts().next().map_or(NONE, |_| SEVERAL);
    same(accounts()).unwrap_or(several).to_owned()
}

/// What all of them are, if they are one.
pub(crate) fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// `values` names the groups that a link is in: usually one, of tags as many as it has.
fn groups_by(links: &[LinkEntry], values: impl Fn(&LinkEntry) -> Vec<String>) -> Vec<Group> {
    let mut members: BTreeMap<(String, Level), Vec<usize>> = BTreeMap::new();
    for (at, link) in links.iter().enumerate() {
        for value in values(link) {
            members.entry((value, link.level)).or_default().push(at);
        }
    }
    let group = |((value, level), members): ((String, Level), Vec<usize>)| Group {
        value,
        label: None,
        level,
        components: components(links, &members),
    };
    members.into_iter().map(group).collect()
}

/// The first posts by name, and how many more there are.
pub(crate) fn name_posts<'a>(
    posts: &[PostEntry],
    named: impl ExactSizeIterator<Item = &'a usize>,
    separator: &str,
) -> String {
    let more = named.len().saturating_sub(NAMED_MAX);
    let mut names: Vec<_> = named.take(NAMED_MAX).map(|post| posts[*post].name.clone()).collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(separator)
}

/// Splits links into those that share posts, directly or through others (a union-find over the posts).
fn components(links: &[LinkEntry], members: &[usize]) -> Vec<Component> {
    let mut parents: Vec<usize> = (0..members.len()).collect();
    let mut first_in: HashMap<usize, usize> = HashMap::new();
    for (at, member) in members.iter().enumerate() {
        for post in &links[*member].posts {
            match first_in.entry(*post) {
                Entry::Occupied(first) => unite(&mut parents, *first.get(), at),
                Entry::Vacant(free) => {
                    free.insert(at);
                }
            }
        }
    }
    let mut found: BTreeMap<usize, Component> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        let component = found.entry(root(&mut parents, at)).or_default();
        component.links.push(*member);
        component.posts.extend(&links[*member].posts);
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

    fn link(id: u64, level: Level, campaign: Option<&str>, posts: &[usize]) -> LinkEntry {
        LinkEntry {
            id: LinkId(id),
            label: format!("slug{id}"),
            level,
            platform: None,
            campaign: campaign.map(str::to_owned),
            tags: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            permanent: false,
            posts: posts.to_vec(),
            own: None,
        }
    }

    fn posts() -> Vec<PostEntry> {
        ["a", "b", "c", "d"].map(PostEntry::named).to_vec()
    }

    fn brief(links: &[LinkEntry], by: Grouping) -> Vec<(String, Vec<Vec<usize>>)> {
        let of = |group: Group| (group.value, group.components.into_iter().map(|component| component.links).collect());
        groups(links, &posts(), by).into_iter().map(of).collect()
    }

    #[test]
    fn posts_that_share_a_link_are_one_group_however_long_the_chain() {
        let links = [
            link(1, Level::Post, None, &[0]),
            link(2, Level::Post, None, &[1, 2]),
            link(3, Level::Post, None, &[2, 3]),
            link(4, Level::Post, None, &[3, 1]),
            link(5, Level::Post, None, &[]),
        ];
        let found = brief(&links, Grouping::Post);
        assert_eq!(found, [("a".to_owned(), vec![vec![0]]), ("b + c + d".to_owned(), vec![vec![1, 2, 3]])]);
    }

    #[test]
    fn links_of_two_levels_in_one_post_are_two_groups() {
        let links = [link(1, Level::Post, None, &[0]), link(2, Level::Profile, None, &[0])];
        let levels: Vec<_> = groups(&links, &posts(), Grouping::Post).iter().map(|group| group.level).collect();
        assert_eq!(levels, [Level::Post, Level::Profile]);
    }

    #[test]
    fn a_campaign_is_a_group_per_level_and_links_without_one_are_a_group_too() {
        let links = [
            link(1, Level::Post, Some("spring"), &[0]),
            link(2, Level::Story, Some("spring"), &[]),
            link(3, Level::Post, Some("spring"), &[0]),
            link(4, Level::Post, None, &[]),
        ];
        let expected = [
            ("(none)".to_owned(), vec![vec![3]]),
            ("spring".to_owned(), vec![vec![0, 2]]),
            ("spring".to_owned(), vec![vec![1]]),
        ];
        assert_eq!(brief(&links, Grouping::Campaign), expected);
    }

    #[test]
    fn a_link_is_in_the_group_of_each_of_its_tags() {
        let tagged = |id, tags: &[&str]| LinkEntry {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..link(id, Level::Post, None, &[])
        };
        let links = [tagged(1, &["sale", "shoes"]), tagged(2, &["sale"]), tagged(3, &[])];
        let expected = [
            ("(none)".to_owned(), vec![vec![2]]),
            ("sale".to_owned(), vec![vec![0], vec![1]]),
            ("shoes".to_owned(), vec![vec![0]]),
        ];
        assert_eq!(brief(&links, Grouping::Tag), expected);
    }

    #[test]
    fn an_account_and_a_platform_come_from_the_posts_unless_they_differ() {
        let post = |platform: &str, account: Option<&str>| PostEntry {
            platform: platform.to_owned(),
            account: account.map(str::to_owned),
            ..PostEntry::named("p")
        };
        let posts = [post("x", Some("@me")), post("x", Some("@us")), post("", None)];
        let names = |links: &[LinkEntry], by| -> Vec<String> {
            groups(links, &posts, by).into_iter().map(|group| group.value).collect()
        };
        let links =
            [link(1, Level::Post, None, &[0]), link(2, Level::Post, None, &[0, 1]), link(3, Level::Post, None, &[2])];
        assert_eq!(names(&links, Grouping::Account), ["(none)", "(several)", "@me"]);
        assert_eq!(names(&links, Grouping::Platform), ["(none)", "x"]);
        assert_eq!(names(&links, Grouping::Placement), ["(none) post", "x post"]);
    }

    #[test]
    fn many_posts_are_named_in_part() {
        let posts: Vec<_> = (0..9).map(|n| PostEntry::named(&format!("p{n}"))).collect();
        let all: BTreeSet<usize> = (0..9).collect();
        assert_eq!(name_posts(&posts, all.iter(), ", "), "p0, p1, p2, p3, p4, 4 more");
    }
}
