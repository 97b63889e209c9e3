//! Posts of many files become one where they share a name. Pure.
//!
//! It must never merge two posts that one file tells apart: a name that both have there is a name of neither.

use std::collections::{HashMap, HashSet};

use super::bind::Filed;
use super::{PostId, Source};
use crate::domain::import::ImportId;
use crate::domain::permalink;
use crate::domain::placement::Level;
use crate::impressions::reading::PlatformPost;

/// The posts of some files.
pub(super) struct Merged {
    /// As the files came.
    pub(super) sources: Vec<Source>,
    /// Which posts those of each file are.
    pub(super) posts_of: Vec<Vec<PostId>>,
    pub(super) posts: Vec<PlatformPost>,
    /// That speak of each post.
    pub(super) imports: Vec<Vec<ImportId>>,
    pub(super) names: HashMap<String, PostId>,
}

/// Of files that come with the older first.
pub(super) fn merge(files: Vec<Filed>) -> Merged {
    let mut same = Same::default();
    let named: Vec<Vec<Named>> = files.iter().map(|file| names_in(&file.posts)).collect();
    let places: Vec<Vec<usize>> = (0..).zip(&named).map(|(file, posts)| same.places(file, posts)).collect();
    let (ids, count) = same.numbered();
    let mut merged = Merged {
        sources: Vec::with_capacity(files.len()),
        posts_of: Vec::with_capacity(files.len()),
        posts: vec![PlatformPost::default(); count],
        imports: vec![Vec::new(); count],
        names: HashMap::new(),
    };
    for ((file, named), places) in files.into_iter().zip(named).zip(places) {
        let of_file: Vec<PostId> = places.into_iter().map(|place| ids[same.root(place)]).collect();
        for ((post, named), id) in file.posts.into_iter().zip(named).zip(&of_file) {
            describe(&mut merged.posts[id.index()], PlatformPost { names: named.names, ..post });
            add(&mut merged.imports[id.index()], file.source.import);
        }
        merged.sources.push(file.source);
        merged.posts_of.push(of_file);
    }
    let names = std::mem::take(&mut same.names);
    merged.names = names.into_iter().map(|(name, place)| (name, ids[same.root(place)])).collect();
    merged
}

/// A post of a file by its names. Rows with the same first name are one post.
struct Named {
    names: Vec<String>,
    /// The first row of the file with its first name.
    known_by: u32,
}

/// The names of each post of a file, without those that several of them have.
fn names_in(posts: &[PlatformPost]) -> Vec<Named> {
    let all: Vec<Vec<String>> = posts.iter().map(names_of).collect();
    let mut rows: HashMap<&str, u32> = HashMap::new();
    let known_by: Vec<u32> = (0..)
        .zip(&all)
        .map(|(row, names)| names.first().map_or(row, |name| *rows.entry(name).or_insert(row)))
        .collect();
    let mut first_with: HashMap<&str, u32> = HashMap::new();
    let mut shared: HashSet<String> = HashSet::new();
    for (names, row) in all.iter().zip(&known_by) {
        for name in names {
            if first_with.entry(name).or_insert(*row) != row {
                shared.insert(name.clone());
            }
        }
    }
    let named = |(names, known_by): (Vec<String>, u32)| {
        let clear = names.into_iter().enumerate().filter(|(at, name)| *at == 0 || !shared.contains(name));
        Named { names: clear.map(|(_, name)| name).collect(), known_by }
    };
    all.into_iter().zip(known_by).map(named).collect()
}

/// By the rules of today, whatever they were when the file was read.
fn names_of(post: &PlatformPost) -> Vec<String> {
    let texts = post.names.iter().chain(&post.permalink).map(String::as_str);
    permalink::names(&post.platform, texts)
}

/// A post of one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    file: u32,
    post: u32,
}

/// Which names mean the same post (a union-find over names). Files come in their order.
#[derive(Default)]
struct Same {
    names: HashMap<String, usize>,
    parents: Vec<usize>,
    /// Of each root, sorted.
    members: Vec<Vec<Member>>,
}

impl Same {
    /// The places of a file's posts. Those whose first name is known go first: it says more than any other.
    fn places(&mut self, file: u32, posts: &[Named]) -> Vec<usize> {
        let is_known = |post: &Named| post.names.first().is_some_and(|name| self.names.contains_key(name));
        let mut order: Vec<usize> = (0..posts.len()).collect();
        order.sort_by_key(|at| !is_known(&posts[*at]));
        let mut places = vec![0; posts.len()];
        for at in order {
            places[at] = self.place(&posts[at].names, Member { file, post: posts[at].known_by });
        }
        places
    }

    /// The place of a post with these names.
    fn place(&mut self, names: &[String], post: Member) -> usize {
        let mut place = None;
        for name in names {
            let Some(known) = self.names.get(name).copied() else { continue };
            let known = self.root(known);
            if self.may_hold(known, post) {
                place = Some(place.map_or(known, |place| self.unite(place, known)));
            }
        }
        let place = place.unwrap_or_else(|| self.new_place());
        if self.members[place].last() != Some(&post) {
            self.members[place].push(post);
        }
        names.iter().for_each(|name| {
            self.names.entry(name.clone()).or_insert(place);
        });
        place
    }

    /// Not where another post of its file is. The members of the present file are the last ones.
    fn may_hold(&self, place: usize, post: Member) -> bool {
        let of_file = self.members[place].iter().rev().take_while(|member| member.file == post.file);
        of_file.into_iter().all(|member| *member == post)
    }

    fn new_place(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.members.push(Vec::new());
        self.parents.len() - 1
    }

    /// Makes two roots one, unless a file tells them apart; then the first one is left as it is.
    fn unite(&mut self, a: usize, b: usize) -> usize {
        if a == b || self.are_told_apart(a, b) {
            return a;
        }
        let (to, from) = (a.min(b), a.max(b));
        self.parents[from] = to;
        let moved = std::mem::take(&mut self.members[from]);
        self.members[to].extend(moved);
        self.members[to].sort_unstable();
        to
    }

    fn are_told_apart(&self, a: usize, b: usize) -> bool {
        let members = |place: usize| self.members[place].iter().map(|member| (member.file, member.post));
        let of_a: HashMap<u32, u32> = members(a).collect();
        members(b).any(|(file, post)| of_a.get(&file).is_some_and(|other| *other != post))
    }

    /// Halves the path on the way, so that long chains stay cheap.
    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// For each place that is a root the number of its post, and how many posts there are.
    fn numbered(&self) -> (Vec<PostId>, usize) {
        let mut count = 0;
        let mut number = |(at, parent): (usize, &usize)| {
            let id = PostId(count as u32);
            count += usize::from(at == *parent);
            id
        };
        let ids = self.parents.iter().enumerate().map(&mut number).collect();
        (ids, count)
    }
}

/// Puts a newer description over an older one.
fn describe(post: &mut PlatformPost, newer: PlatformPost) {
    for (known, newer) in [
        (&mut post.names, newer.names),
        (&mut post.mentions, newer.mentions),
        (&mut post.urls, newer.urls),
        (&mut post.ids, newer.ids),
    ] {
        newer.into_iter().for_each(|item| add(known, item));
    }
    if !newer.platform.is_empty() {
        post.platform = newer.platform;
    }
    if !newer.text.is_empty() {
        post.text = newer.text;
    }
    if newer.level != Level::Other {
        post.level = newer.level;
    }
    // An instant is written longer than a day, and says more.
    if newer.published.as_ref().map(String::len) >= post.published.as_ref().map(String::len) {
        post.published = newer.published;
    }
    for (known, newer) in [
        (&mut post.account, newer.account),
        (&mut post.permalink, newer.permalink),
        (&mut post.format, newer.format),
        (&mut post.campaign, newer.campaign),
        (&mut post.ad_set, newer.ad_set),
        (&mut post.ad, newer.ad),
    ] {
        if newer.is_some() {
            *known = newer;
        }
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
