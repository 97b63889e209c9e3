//! A week's report as Markdown, as a page of its own, and as CSV.
//!
//! Pure. It must never show a bare percentage, nor let a name become markup.

use std::fmt::Write;

use maud::{DOCTYPE, Markup, html as markup};

use crate::stats::compare::p_text;
use crate::stats::sheet::sheet;
use crate::stats::wire::{CampaignWeek, Change, Counts, CtrRow, Discrepancy, RulesChange, WeeklyReport};

/// A heading and its lines, each a name and what is said of it.
struct Part {
    heading: &'static str,
    /// What stands there when there are no lines.
    empty: &'static str,
    lines: Vec<(String, String)>,
}

fn parts(report: &WeeklyReport) -> Vec<Part> {
    let changes = |changes: &[Change]| changes.iter().map(change).collect();
    let rates = |rows: &[CtrRow]| rows.iter().map(|row| (name(row), rate(row))).collect();
    let sums = [("Human clicks", report.clicks), ("Visitors per link and day", report.visitors), ("Hits", report.hits)];
    let sums = sums.into_iter().map(|(name, counts)| (name.to_owned(), both(counts)));
    let sums = sums.chain(report.rules.last().map(rules)).collect();
    let nothing = "Nothing changed by more than chance explains.";
    vec![
        Part { heading: "The week", empty: "", lines: sums },
        Part { heading: "What changed", empty: nothing, lines: changes(&report.changed) },
        Part { heading: "What is worsening", empty: "Nothing.", lines: changes(&report.worsening) },
        Part { heading: "Best posts", empty: "No post has enough data.", lines: rates(&report.best) },
        Part { heading: "Worst posts", empty: "No post has enough data.", lines: rates(&report.worst) },
        Part {
            heading: "Campaigns",
            empty: "No campaign was clicked.",
            lines: report.campaigns.iter().map(campaign).collect(),
        },
        Part {
            heading: "Platforms that count otherwise",
            empty: "None.",
            lines: report.discrepancies.iter().map(discrepancy).collect(),
        },
    ]
}

fn title(report: &WeeklyReport) -> String {
    format!("Waypost, {} to {}", report.from, report.to)
}

fn both(counts: Counts) -> String {
    format!("{} ({} the week before{})", counts.now, counts.before, relative(counts.now as f64, counts.before as f64))
}

fn rules(change: &RulesChange) -> (String, String) {
    let since = change.since.strftime("%Y-%m-%d %H:%MZ");
    (
        "Rules".to_owned(),
        format!("hits are judged by other rules since {since}, so that some of what changed may be theirs"),
    )
}

/// `, +20 %`; nothing where there was nothing before.
fn relative(now: f64, before: f64) -> String {
    if before > 0.0 { format!(", {:+.0} %", (now / before - 1.0) * 100.0) } else { String::new() }
}

fn change(change: &Change) -> (String, String) {
    let what = change.what.replace('_', " ");
    let said = if change.what == "clicks" {
        format!("{} clicks, {} the week before{}", change.now, change.before, relative(change.now, change.before))
    } else {
        format!("CTR {} of {what}, {} the week before", percent(change.now), percent(change.before))
    };
    (format!("{} {}", change.of, change.name), format!("{said} ({})", p_text(change.p)))
}

fn name(row: &CtrRow) -> String {
    row.label.clone().unwrap_or_else(|| row.value.clone())
}

fn percent(ratio: f64) -> String {
    format!("{:.2} %", ratio * 100.0)
}

/// A rate with all that it rests on.
fn rate(row: &CtrRow) -> String {
    let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let kind = row.kind.as_deref().unwrap_or("impressions").replace('_', " ");
    let mut text = row.ctr.map_or_else(|| "no CTR".to_owned(), |ctr| format!("CTR {}", percent(ctr)));
    let _ = write!(text, " ({} / {} {kind}", known(row.clicks), known(row.impressions));
    if let (Some(low), Some(high)) = (row.low, row.high) {
        let _ = write!(text, "; 95 % interval {} to {}", percent(low), percent(high));
    }
    if row.ctr.is_some() && !row.enough {
        text.push_str("; not enough data");
    }
    if let Some(as_of) = row.as_of {
        let _ = write!(text, "; as of {}", as_of.strftime("%Y-%m-%d %H:%MZ"));
    }
    text.push(')');
    for standing in &row.baselines {
        let _ = write!(text, ", {} ({})", standing.verdict.words(), standing.source);
    }
    text
}

fn campaign(week: &CampaignWeek) -> (String, String) {
    let of = |row: &CtrRow| format!("{}: {}", row.level.as_deref().unwrap_or("any level"), rate(row));
    let said = std::iter::once(both(week.clicks)).chain(week.rates.iter().map(of));
    (week.campaign.clone(), said.collect::<Vec<_>>().join("; "))
}

fn discrepancy(row: &Discrepancy) -> (String, String) {
    let theirs = row.platform_link.or(row.platform_all).unwrap_or(0);
    let cause = row.causes.first().map(|cause| format!("; {}", cause.text));
    let said = format!("{theirs} there, {} here: {}{}", row.human, row.balance.words(), cause.unwrap_or_default());
    (row.label.clone().unwrap_or_else(|| row.value.clone()), said)
}

pub(crate) fn markdown(report: &WeeklyReport) -> String {
    let mut text = format!("# {}\n", title(report));
    for part in parts(report) {
        let _ = write!(text, "\n## {}\n\n", part.heading);
        if part.lines.is_empty() {
            let _ = writeln!(text, "{}", part.empty);
        }
        for (name, said) in part.lines {
            let _ = writeln!(text, "- **{}**: {}", plain(&name), plain(&said));
        }
    }
    text
}

/// One line without anything that Markdown or the HTML in it would act on.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' => safe.extend(['\\', letter]),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A page without scripts, styles or anything to fetch, so that it can be sent by mail.
pub(crate) fn html(report: &WeeklyReport) -> Markup {
    markup! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title(report)) } }
            body {
                h1 { (title(report)) }
                @for part in parts(report) {
                    h2 { (part.heading) }
                    @if part.lines.is_empty() { p { (part.empty) } }
                    ul { @for (name, said) in &part.lines { li { b { (name) } ": " (said) } } }
                }
            }
        }
    }
}

pub(crate) fn csv(report: &WeeklyReport) -> String {
    let lines = parts(report)
        .into_iter()
        .flat_map(|part| part.lines.into_iter().map(move |(name, said)| vec![part.heading.to_owned(), name, said]));
    sheet(&["part", "name", "what"], lines)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;

    fn report() -> WeeklyReport {
        WeeklyReport {
            from: date(2026, 11, 9),
            to: date(2026, 11, 15),
            before_from: date(2026, 11, 2),
            before_to: date(2026, 11, 8),
            clicks: Counts { now: 120, before: 100 },
            visitors: Counts { now: 60, before: 50 },
            hits: Counts { now: 300, before: 0 },
            changed: vec![Change {
                of: "link".to_owned(),
                name: "<script>*".to_owned(),
                what: "clicks".to_owned(),
                now: 9.0,
                before: 60.0,
                p: 0.0001,
            }],
            worsening: Vec::new(),
            best: vec![CtrRow {
                value: "x:1".to_owned(),
                label: Some("=cmd()".to_owned()),
                kind: Some("story_views".to_owned()),
                clicks: Some(50),
                impressions: Some(5000),
                ctr: Some(0.01),
                low: Some(0.0076),
                high: Some(0.0132),
                enough: true,
                ..CtrRow::default()
            }],
            worst: Vec::new(),
            campaigns: Vec::new(),
            discrepancies: Vec::new(),
            rules: vec![RulesChange { since: Timestamp::UNIX_EPOCH, rules: 4 }],
        }
    }

    #[test]
    fn markdown_says_what_each_rate_rests_on_and_names_become_no_markup() {
        let text = markdown(&report());
        assert!(text.contains("- **Human clicks**: 120 (100 the week before, +20 %)"), "{text}");
        assert!(text.contains("CTR 1.00 % (50 / 5000 story views; 95 % interval 0.76 % to 1.32 %)"), "{text}");
        assert!(text.contains(r"- **link \<script\>\***: 9 clicks, 60 the week before, -85 % (p = 0.0001)"), "{text}");
        assert!(text.contains("## What is worsening\n\nNothing."), "{text}");
        assert!(text.contains("- **Rules**: hits are judged by other rules since 1970-01-01 00:00Z"), "{text}");
    }

    #[test]
    fn a_page_has_no_markup_of_strangers_and_csv_no_formula() {
        let page = html(&report()).into_string();
        assert!(page.contains("link &lt;script&gt;*") && !page.contains("<script"), "{page}");
        let text = csv(&report());
        assert!(text.contains("Best posts,'=cmd()"), "{text}");
    }
}
