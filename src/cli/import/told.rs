//! What became of an import, for people: what the file holds, what it changes, and which posts no link stands in.

use crate::cli::dry_run::{passed_over, render_table};
use crate::cli::figures;
use crate::cli::table;
use crate::impressions::wire::{ImportReport, PostLine};

/// The most lines of each sort that are shown.
const SHOWN_MAX: usize = 20;

pub(super) fn render(report: &ImportReport) -> String {
    let mut text = format!("{}\n", table::shown(&headline(report)));
    text.push_str(&report.tables.iter().map(render_table).collect::<String>());
    text.push_str(&passed_over(&report.passed_over));
    text.push_str(&standing(report));
    text
}

/// How it stands beside everything else that is imported.
pub(super) fn standing(report: &ImportReport) -> String {
    let mut text = table::description(&[
        ("as of", report.as_of.map(|at| super::when::minute(&at.to_string())).unwrap_or_default()),
        ("numbers", if report.same { String::new() } else { changes(report) }),
        ("matched", matched(report)),
    ]);
    text.push_str(&several(&report.conflicts, report.conflict_count, |conflict| format!("conflict: {conflict}")));
    text.push_str(&several(&report.unmatched, report.unmatched_count, post));
    text
}

fn headline(report: &ImportReport) -> String {
    let numbers = figures::counted(report.rows, "number", "numbers");
    let posts = figures::counted(report.posts, "post", "posts");
    let again = match (report.supersedes, report.superseded_by) {
        (Some(id), _) => format!("; it is the file of import {id} read otherwise, and stands in its place"),
        (None, Some(id)) => format!("; import {id} read the same file later and stands in its place"),
        (None, None) => String::new(),
    };
    match (report.import, report.same, report.dry_run) {
        (Some(id), true, _) => format!("this is import {id} already; nothing changed{again}"),
        (_, _, true) => format!("{numbers} of {posts} would be imported; nothing changed yet{again}"),
        (Some(id), ..) => {
            format!("imported {numbers} of {posts} as import {id}; `waypost import undo {id}` takes it back{again}")
        }
        (None, ..) => format!("imported {numbers} of {posts}{again}"),
    }
}

fn changes(report: &ImportReport) -> String {
    let parts = [
        (report.added, "new"),
        (report.replaced, "replaced"),
        (report.unchanged, "as they were"),
        (report.kept, "older than what is known, kept as history"),
        (report.conflict_count, "contradict another import"),
    ];
    let happened = parts.iter().filter(|(numbers, _)| *numbers > 0);
    happened.map(|(numbers, what)| format!("{} {what}", figures::count(*numbers))).collect::<Vec<_>>().join(", ")
}

fn matched(report: &ImportReport) -> String {
    let all = report.matched_posts + report.unmatched_count;
    if all == 0 {
        return String::new();
    }
    let matched = figures::count(report.matched_posts);
    let shared = match report.shared_posts {
        0 => String::new(),
        shared => format!("; {} share a link and have one rate together", figures::count(shared)),
    };
    let belong = if report.matched_posts == 1 { "belongs" } else { "belong" };
    format!("{matched} of {} {belong} to a link{shared}", figures::counted(all, "post", "posts"))
}

fn post(line: &PostLine) -> String {
    let text = if line.text.is_empty() { String::new() } else { format!(" (\"{}\")", table::cut(&line.text, 40)) };
    let perhaps = line.suggestions.first().map(|open| {
        format!("; perhaps {}, {}: `waypost match confirm id:{} {}`", open.label, open.evidence, open.link, line.post)
    });
    format!("no link stands in {}{text}{}", line.post, perhaps.unwrap_or_default())
}

fn several<T>(items: &[T], count: u64, line: impl Fn(&T) -> String) -> String {
    let mut text = String::new();
    for item in items.iter().take(SHOWN_MAX) {
        text.push_str(&format!("note: {}\n", table::shown(&line(item))));
    }
    if count > SHOWN_MAX as u64 {
        text.push_str(&format!("note: and {} more like this\n", figures::count(count - SHOWN_MAX as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impressions::wire::SuggestionLine;

    fn report() -> ImportReport {
        let suggestion = SuggestionLine {
            link: 7,
            label: "spring".to_owned(),
            hint: "time".to_owned(),
            evidence: "made 4 minutes before it was published".to_owned(),
        };
        let unmatched = PostLine {
            post: "x:9".to_owned(),
            text: "Hello".to_owned(),
            published: None,
            suggestions: vec![suggestion],
        };
        ImportReport {
            import: Some(3),
            rows: 10,
            posts: 4,
            as_of: Some("2026-11-21T10:00:00Z".parse().unwrap()),
            added: 7,
            replaced: 2,
            kept: 1,
            conflict_count: 1,
            conflicts: vec!["views of x:1".to_owned()],
            matched_posts: 3,
            shared_posts: 2,
            unmatched: vec![unmatched],
            unmatched_count: 1,
            ..ImportReport::default()
        }
    }

    #[test]
    fn an_import_says_what_it_changed_what_is_missing_and_how_to_take_it_back() {
        let expected = "\
imported 10 numbers of 4 posts as import 3; `waypost import undo 3` takes it back
as of    2026-11-21 10:00Z
numbers  7 new, 2 replaced, 1 older than what is known, kept as history, 1 contradict another import
matched  3 of 4 posts belong to a link; 2 share a link and have one rate together
note: conflict: views of x:1
note: no link stands in x:9 (\"Hello\"); perhaps spring, made 4 minutes before it was published: `waypost match confirm id:7 x:9`
";
        assert_eq!(render(&report()), expected);
    }

    #[test]
    fn a_dry_run_and_a_known_file_say_that_nothing_changed() {
        let tried = ImportReport { dry_run: true, import: None, ..report() };
        assert!(headline(&tried).contains("would be imported; nothing changed yet"));
        assert!(headline(&ImportReport { same: true, ..report() }).contains("this is import 3 already"));
        let other = ImportReport { supersedes: Some(2), ..report() };
        assert!(headline(&other).contains("the file of import 2 read otherwise"));
    }
}
