//! What an import changes, told from the book that it stands in. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{Discriminant, discriminant};

use crate::domain::import::{About, ImportId};
use crate::domain::metric::Metric;
use crate::impressions::book::{Book, Conflict, Number, PostId, Thing};
use crate::impressions::matching::{Candidate, Matches};
use crate::impressions::reading::{Grain, PlatformFile, Reading};
use crate::impressions::wire::{ImportReport, PostLine, SuggestionLine};

/// The most posts, suggestions and conflicts that are listed one by one; all are counted.
pub(crate) const LISTED_MAX: usize = 100;

/// What a file holds, whatever was imported before.
pub(super) fn of_files(files: &[PlatformFile], about: &About) -> ImportReport {
    let mut sums: BTreeMap<Metric, (Discriminant<Grain>, Option<u64>)> = BTreeMap::new();
    for Reading { metric, grain, value, .. } in files.iter().flat_map(|file| &file.readings) {
        let grain = discriminant(grain);
        let add = |(of, sum): &mut (Discriminant<Grain>, Option<u64>)| {
            *sum = sum.filter(|_| metric.is_additive() && *of == grain).map(|sum| sum.saturating_add(*value));
        };
        sums.entry(*metric).and_modify(add).or_insert((grain, Some(*value)));
    }
    let sum = sums.into_iter().filter_map(|(metric, (_, sum))| Some((metric.as_str().to_owned(), sum?))).collect();
    ImportReport {
        rows: about.numbers,
        posts: about.posts,
        as_of: Some(about.as_of),
        sum,
        first: about.first,
        last: about.last,
        ..ImportReport::default()
    }
}

/// How many of its numbers are new, replace others, say the same, or are older than what is known.
pub(super) fn tell_numbers(book: &Book, id: ImportId, report: &mut ImportReport) {
    let is_own = |number: &Number| book.import(number) == id;
    for Thing { in_force, before } in book.things() {
        match before.iter().rfind(|before| !is_own(before)) {
            _ if !is_own(in_force) => report.kept += before.iter().filter(|before| is_own(before)).count() as u64,
            None => report.added += 1,
            Some(before) if before.value == in_force.value => report.unchanged += 1,
            Some(_) => report.replaced += 1,
        }
    }
    for found in book.conflicts().filter(|conflict| is_own(conflict.in_force) || is_own(conflict.other)) {
        report.conflict_count += 1;
        if report.conflicts.len() < LISTED_MAX {
            report.conflicts.push(conflict(&found, book));
        }
    }
}

fn conflict(conflict: &Conflict<'_>, book: &Book) -> String {
    let Conflict { in_force, other } = conflict;
    format!(
        "{} of {} ({}): {} by import {}, {} by import {}; the later import is in force",
        in_force.metric.as_str(),
        book.post(in_force.post).key(),
        in_force.grain,
        other.value,
        book.import(other),
        in_force.value,
        book.import(in_force),
    )
}

/// Which of its posts a link stands in, and what may be confirmed for the others.
pub(super) fn tell_matches(
    book: &Book,
    id: ImportId,
    matches: &Matches,
    links: &[Candidate],
    report: &mut ImportReport,
) {
    let of_import = book.posts().map(|(post, _)| post).filter(|post| book.imports_of(*post).contains(&id));
    let (matched, unmatched): (BTreeSet<PostId>, BTreeSet<PostId>) =
        of_import.partition(|post| !matches.of_post(*post).is_empty());
    let own = book.in_force().filter(|number| book.import(number) == id);
    report.matched = own.filter(|number| matched.contains(&number.post)).count() as u64;
    report.matched_posts = matched.len() as u64;
    report.shared_posts = matched.iter().filter(|post| !matches.is_alone(**post)).count() as u64;
    report.unmatched_count = unmatched.len() as u64;
    let line = |post: &PostId| post_line(book, *post, matches, links);
    report.unmatched = unmatched.iter().take(LISTED_MAX).map(line).collect();
}

fn post_line(book: &Book, id: PostId, matches: &Matches, links: &[Candidate]) -> PostLine {
    let post = book.post(id);
    PostLine {
        post: post.key().to_owned(),
        text: post.text.chars().take(80).collect(),
        published: post.published.clone(),
        suggestions: suggestion_lines(matches, id, links),
    }
}

/// The suggestions for a post, with what people call the links. `links` is ordered by id.
pub(crate) fn suggestion_lines(matches: &Matches, post: PostId, links: &[Candidate]) -> Vec<SuggestionLine> {
    let line = |open: &crate::impressions::matching::Suggestion| SuggestionLine {
        link: open.link.0,
        label: label(links, open.link).to_owned(),
        hint: open.hint.as_str().to_owned(),
        evidence: open.evidence.clone(),
    };
    matches.suggestions(post).iter().map(line).collect()
}

/// What people call a link; nothing for one that is gone.
pub(crate) fn label(links: &[Candidate], id: crate::domain::link::LinkId) -> &str {
    links.binary_search_by_key(&id, |link| link.id).map_or("", |at| links[at].label.as_str())
}
