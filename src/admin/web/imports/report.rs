//! What a file holds and what importing it changes, told to a person. It must never hold a rule.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::check::Outcome;
use crate::admin::web::text::{count, counted, plain, sentence, when};
use crate::impressions::reading::Refusal;
use crate::impressions::summary::TableSummary;
use crate::impressions::wire::ImportReport;

/// The most posts that no link stands in that are named.
const UNMATCHED: usize = 10;

pub(super) fn outcome(outcome: &Outcome, zone: &TimeZone) -> Markup {
    match outcome {
        Outcome::Foreseen(report) => html! {
            h3 { "What an import would do" }
            (foreseen(report, zone))
        },
        Outcome::NotRead(refusal) => not_read(refusal),
        Outcome::Wrong(problem) => html! { p.wrong role="alert" { (sentence(problem.detail())) } },
    }
}

fn not_read(refusal: &Refusal) -> Markup {
    let rows = &refusal.rows;
    html! {
        @if rows.is_empty() {
            p.wrong role="alert" { (sentence(&told(refusal))) }
        } @else {
            p.wrong role="alert" { "A file is imported whole or not at all, and " (counted(rows.count, "row")) " cannot be:" }
            table {
                caption.unseen { "Rows that are wrong" }
                thead { tr { th scope="col" { "Row" } th scope="col" { "What is wrong" } } }
                tbody { @for row in &rows.first { tr { th scope="row" { (row.row) } td { (sentence(&row.message)) } } } }
            }
            (rest(rows.count, rows.first.len()))
        }
    }
}

/// The way to say it here is below; that of the command line is left out.
fn told(refusal: &Refusal) -> String {
    match refusal.message.split_once(" Say what they hold, as in --map") {
        Some((what, _)) if !refusal.columns.is_empty() => format!("{what} Say below what they hold"),
        _ => refusal.message.clone(),
    }
}

pub(super) fn foreseen(report: &ImportReport, zone: &TimeZone) -> Markup {
    html! {
        @if report.same {
            p.warning { "This very file was imported before, with the same words about it: nothing changes." }
        } @else if let Some(id) = report.supersedes {
            p.warning { "The same file was imported before and read otherwise: this stands in the place of " a href={ "/imports/" (id) } { "import " (id) } "." }
        }
        dl.totals {
            div { dt { "New numbers" } dd { (count(report.added)) } }
            @if report.replaced > 0 { div { dt { "Replaced" } dd { (count(report.replaced)) } } }
            @if report.unchanged > 0 { div { dt { "Said before" } dd { (count(report.unchanged)) } } }
            @if report.kept > 0 { div { dt { "Older than stored" } dd { (count(report.kept)) } } }
            div { dt { "Posts" } dd { (count(report.posts)) } }
            div { dt { "With a link" } dd { (count(report.matched_posts)) } }
        }
        p {
            (counted(report.rows, "number"))
            @if let (Some(first), Some(last)) = (report.first, report.last) { " of the days " (first) " to " (last) }
            @if let Some(as_of) = report.as_of { ", as of " (when(as_of, zone)) }
            "."
        }
        @for table in &report.tables { (table_of(table)) }
        (passed_over(report))
        (conflicts(report))
        (unmatched(report))
    }
}

fn table_of(table: &TableSummary) -> Markup {
    html! {
        div.recognised {
            h4 {
                (table.title)
                @if !table.name.is_empty() { " " span.soft { (table.name) } }
            }
            @for warning in &table.warnings { p.warning { (sentence(warning)) } }
            table.values {
                caption.unseen { "Sums to compare with the platform's own page" }
                thead { tr { th scope="col" { "Metric" } th.number scope="col" { "Numbers" } th.number scope="col" { "Sum" } } }
                tbody {
                    @for sum in &table.sums {
                        tr {
                            th scope="row" { (plain(&sum.metric)) " " span.soft { (grain(&sum.grain)) } }
                            td.number { (count(sum.numbers)) }
                            td.number { @match sum.sum { Some(value) => (amount(&sum.metric, value)), None => span.unknown title="People are in more than one of them" { "not added" } } }
                        }
                    }
                }
            }
            (columns(table))
            (skipped(table))
        }
    }
}

/// Money is kept in millionths.
fn amount(metric: &str, sum: u64) -> String {
    if metric == "spend" { format!("{:.2}", sum as f64 / 1e6) } else { count(sum) }
}

/// What span of time a number is about.
fn grain(grain: &str) -> &str {
    match grain {
        "day" => "by day",
        "period" => "by period",
        other => other,
    }
}

fn columns(table: &TableSummary) -> Markup {
    html! {
        @if !table.columns.is_empty() {
            details {
                summary { (counted(table.columns.len() as u64, "column")) " read" @if !table.ignored.is_empty() { ", " (table.ignored.len()) " not" } }
                ul.notes {
                    @for column in &table.columns {
                        li { b { (column.header) } " is " (plain(&column.role)) @if column.blank > 0 { ", blank in " (counted(column.blank, "row")) } }
                    }
                    @if !table.ignored.is_empty() { li { "Not read: " (table.ignored.join(", ")) } }
                }
            }
        }
    }
}

fn skipped(table: &TableSummary) -> Markup {
    html! {
        @if table.skipped_count > 0 {
            details {
                summary { (counted(table.skipped_count, "row")) " skipped, because they say nothing" }
                ul.notes { @for row in &table.skipped { li { "Row " (row.row) ": " (row.reason) } } }
                (rest(table.skipped_count, table.skipped.len()))
            }
        }
    }
}

fn passed_over(report: &ImportReport) -> Markup {
    html! {
        @if !report.passed_over.is_empty() {
            details {
                summary { (counted(report.passed_over.len() as u64, "part")) " of the file not read" }
                ul.notes { @for part in &report.passed_over { li { b { (part.name) } " " (sentence(&part.reason)) } } }
            }
        }
    }
}

fn conflicts(report: &ImportReport) -> Markup {
    html! {
        @if report.conflict_count > 0 {
            p.warning { (counted(report.conflict_count, "number")) " of another import of the same as-of say otherwise:" }
            ul.notes { @for conflict in &report.conflicts { li { (conflict) } } }
            (rest(report.conflict_count, report.conflicts.len()))
        }
    }
}

fn unmatched(report: &ImportReport) -> Markup {
    let named = report.unmatched.iter().take(UNMATCHED);
    html! {
        @if report.unmatched_count > 0 {
            p.warning {
                "No link stands in " (counted(report.unmatched_count, "post")) " of this file, so there are no clicks to divide. "
                @if !report.dry_run { a href="/matches" { "Say which links stand in them" } "." }
                @else { "You can say which links stand in them once the file is imported." }
            }
            ul.notes {
                @for post in named { li { @if post.text.is_empty() { (post.post) } @else { (post.text) " " span.soft { (post.post) } } } }
            }
            (rest(report.unmatched_count, report.unmatched.len().min(UNMATCHED)))
        }
    }
}

pub(super) fn rest(all: u64, listed: usize) -> Markup {
    let more = all.saturating_sub(listed as u64);
    html! { @if more > 0 { p.hint { "and " (count(more)) " more" } } }
}
