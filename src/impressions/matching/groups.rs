//! Links and posts that hang together: every post of these links, and every link of these posts. Pure.

use std::collections::{BTreeMap, HashMap};

use super::Match;
use crate::domain::link::LinkId;
use crate::impressions::book::PostId;

/// One such set, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) links: Vec<LinkId>,
    pub(crate) posts: Vec<PostId>,
}

/// In the order of their first posts (a union-find over posts).
pub(super) fn groups(matches: &[Match]) -> Vec<Group> {
    let mut parents: HashMap<PostId, PostId> = HashMap::new();
    let mut first_of: HashMap<LinkId, PostId> = HashMap::new();
    for found in matches {
        parents.entry(found.post).or_insert(found.post);
        let first = *first_of.entry(found.link).or_insert(found.post);
        let (a, b) = (root(&mut parents, first), root(&mut parents, found.post));
        parents.insert(a.max(b), a.min(b));
    }
    let mut groups: BTreeMap<PostId, Group> = BTreeMap::new();
    for found in matches {
        let group = groups.entry(root(&mut parents, found.post)).or_default();
        group.posts.push(found.post);
        group.links.push(found.link);
    }
    let tidy = |mut group: Group| {
        group.links.sort_unstable();
        group.links.dedup();
        group.posts.sort_unstable();
        group.posts.dedup();
        group
    };
    groups.into_values().map(tidy).collect()
}

/// Shortens the path on the way, so that long chains stay cheap.
fn root(parents: &mut HashMap<PostId, PostId>, at: PostId) -> PostId {
    let mut root = at;
    while let Some(parent) = parents.get(&root).filter(|parent| **parent != root) {
        root = *parent;
    }
    parents.insert(at, root);
    root
}
