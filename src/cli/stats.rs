//! `waypost stats`: the clicks of one link, of a campaign, or of all.

use clap::builder::PossibleValuesParser;
use jiff::civil::Date;

use super::client::block_on;
use super::connect::Connect;
use super::figures;
use super::filter::Conditions;
use super::lookup::{self, LinkName};
use super::table::{self, Left, Right, Table};
use super::{print, when};
use crate::domain::link::LinkId;
use crate::stats::query::By;
use crate::stats::wire::{Seen, StatsReport, StatsRow};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A slug, a short URL, or id:NUMBER; without one, all links together
    #[arg(value_name = "LINK", value_parser = LinkName::parse)]
    link: Option<LinkName>,
    /// The domain of the link, if the slug is on several
    #[arg(long)]
    domain: Option<String>,
    #[command(flatten)]
    filter: Conditions,
    /// The first day, such as 2026-11-01 [default: four weeks ago]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// The time zone of days and hours, such as Europe/Stockholm [default: the server's]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// What to break the clicks down by
    #[arg(long, default_value = "day", value_parser = PossibleValuesParser::new(By::words()))]
    by: String,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(async {
        let link = match &args.link {
            Some(name) => Some(LinkId(lookup::find(&client, name, args.domain.as_deref()).await?.id)),
            None => None,
        };
        let mut query = args.filter.pairs(link)?;
        query.extend([
            ("from", args.from.map(|day| day.to_string())),
            ("to", args.to.map(|day| day.to_string())),
            ("tz", args.tz.clone()),
            ("by", Some(args.by.clone())),
        ]);
        client.get("/api/v1/stats", &query).await
    })?;
    if args.connect.json {
        return Ok(print(&answer.text)?);
    }
    Ok(print(&render(&answer.read::<StatsReport>()?))?)
}

fn render(report: &StatsReport) -> String {
    let mut text = format!("{}\n{}\n", table::shown(&totals(report)), table::shown(&filtered(report)));
    if let Some(seen) = report.seen.as_ref() {
        text.push_str(&table::shown(&place(seen)));
        text.push('\n');
    }
    if !report.rows.is_empty() {
        text.push('\n');
        text.push_str(&rows(report));
    }
    text
}

/// In another time zone than the server's only clicks are known.
fn totals(report: &StatsReport) -> String {
    let mut parts = vec![figures::counted(report.clicks, "click", "clicks")];
    parts.extend(report.visitors.map(|visitors| format!("by {}", figures::counted(visitors, "visitor", "visitors"))));
    let hits = report.hits.map(|hits| format!(", out of {}", figures::counted(hits, "hit", "hits")));
    let window = format!("{} to {} ({})", report.from, report.to, report.time_zone);
    format!("{}{}, {window}", parts.join(" "), hits.unwrap_or_default())
}

/// What was not counted as a click. It is said even when it is nothing, because "clicks" alone hides a decision.
fn filtered(report: &StatsReport) -> String {
    let Some(verdicts) = &report.verdicts else {
        return "filtered out: not known by days of this time zone".to_owned();
    };
    let mut verdicts: Vec<_> = verdicts.iter().filter(|(name, hits)| *name != "human" && **hits > 0).collect();
    verdicts.sort_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    if verdicts.is_empty() {
        return "filtered out: nothing".to_owned();
    }
    let parts: Vec<_> = verdicts.iter().map(|(name, hits)| format!("{} {name}", figures::count(**hits))).collect();
    format!("filtered out: {}", parts.join(", "))
}

/// Whether the clicks came from where the link was made for.
fn place(seen: &Seen) -> String {
    let from = seen.most.as_ref().map(|most| format!(", most of them from {most}")).unwrap_or_default();
    let leak = seen.leak().map(|leak| format!(" ({:.1}%{from})", leak * 100.0)).unwrap_or_default();
    let (there, elsewhere) = (figures::count(seen.there), figures::count(seen.elsewhere));
    let unknown = figures::count(seen.unknown);
    format!("seen on {}: {there}, elsewhere {elsewhere}{leak}; no place shown: {unknown}", seen.declared.join(", "))
}

fn rows(report: &StatsReport) -> String {
    let largest = report.rows.iter().map(|row| counted(report, row)).max().unwrap_or(0);
    if report.by == "day" { day_rows(report, largest) } else { value_rows(report, largest) }
}

/// What a row is about: hits by verdict and reason, human clicks otherwise.
fn counted(report: &StatsReport, row: &StatsRow) -> u64 {
    if headings(&report.by).1 == "hits" { row.hits.unwrap_or(0) } else { row.clicks }
}

fn day_rows(report: &StatsReport, largest: u64) -> String {
    let mut table = Table::new([("day", Left), ("clicks", Right), ("visitors", Right), ("hits", Right), ("", Left)]);
    let optional = |number: Option<u64>| number.map(figures::count).unwrap_or_default();
    for row in &report.rows {
        table.row([
            row.value.clone(),
            figures::count(row.clicks),
            optional(row.visitors),
            optional(row.hits),
            figures::bar(row.clicks, largest),
        ]);
    }
    table.render()
}

fn value_rows(report: &StatsReport, largest: u64) -> String {
    let (heading, unit) = headings(&report.by);
    let mut table = Table::new([(heading, Left), (unit, Right), ("share", Right), ("", Left)]);
    for row in &report.rows {
        let count = counted(report, row);
        let share = format!("{:.1}%", row.share * 100.0);
        let name = row.label.as_ref().unwrap_or(&row.value);
        table.row([name.clone(), figures::count(count), share, figures::bar(count, largest)]);
    }
    table.render()
}

/// Verdicts and reasons count every hit; everything else counts human clicks.
fn headings(by: &str) -> (&'static str, &'static str) {
    match by {
        "verdict" => ("verdict", "hits"),
        "reason" => ("reason", "hits"),
        _ => (By::words().find(|word| *word == by).unwrap_or("value"), "clicks"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::counter::Dimension;

    fn report(by: &str, rows: serde_json::Value) -> StatsReport {
        serde_json::from_value(json!({
            "link": 1, "campaign": null, "from": "2026-11-01", "to": "2026-11-21", "time_zone": "UTC", "by": by,
            "clicks": 1200, "visitors": 1, "hits": 1500, "verdicts": {"human": 1200, "bot": 100, "preview": 200},
            "rows": rows
        }))
        .unwrap()
    }

    #[test]
    fn the_totals_come_first_and_say_what_was_filtered_out() {
        let text = render(&report(
            "country",
            json!([{"value": "SE", "clicks": 900, "share": 0.75},
            {"value": "NO\u{1b}", "clicks": 300, "share": 0.25}]),
        ));
        let expected = "\
1,200 clicks by 1 visitor, out of 1,500 hits, 2026-11-01 to 2026-11-21 (UTC)
filtered out: 200 preview, 100 bot

country   clicks  share
SE           900  75.0%  ██████████████████████████████
NO\\u{1b}     300  25.0%  ██████████
";
        assert_eq!(text, expected);
    }

    #[test]
    fn clicks_from_elsewhere_are_said_with_what_they_are_parts_of() {
        let mut report = report("day", json!([]));
        let declared = vec!["instagram".to_owned()];
        let most = Some("facebook".to_owned());
        report.seen = Some(Seen { declared, there: 880, elsewhere: 120, unknown: 200, most });
        let text = render(&report);
        let line = "seen on instagram: 880, elsewhere 120 (12.0%, most of them from facebook); no place shown: 200";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn days_carry_visitors_and_hits() {
        let text = render(&report(
            "day",
            json!([{"value": "2026-11-01", "clicks": 2, "share": 1.0, "visitors": 1, "hits": 4},
            {"value": "2026-11-02", "clicks": 0, "share": 0.0, "visitors": 0, "hits": 0}]),
        ));
        assert!(text.contains("day         clicks  visitors  hits\n"), "{text}");
        assert!(text.contains("2026-11-01       2         1     4  ███"), "{text}");
        assert!(text.ends_with("2026-11-02       0         0     0\n"), "{text}");
    }

    #[test]
    fn reasons_count_hits() {
        let text =
            render(&report("reason", json!([{"value": "bot:user-agent:curl", "clicks": 0, "hits": 7, "share": 0.07}])));
        assert!(text.contains("reason               hits  share"), "{text}");
        assert!(text.contains("bot:user-agent:curl     7   7.0%"), "{text}");
    }

    #[test]
    fn in_another_time_zone_what_is_not_known_is_not_shown_as_zero() {
        let answer = json!({
            "link": null, "campaign": null, "from": "2026-11-01", "to": "2026-11-02", "time_zone": "Asia/Tokyo",
            "by": "day", "clicks": 3, "visitors": null, "hits": null, "verdicts": null,
            "rows": [{"value": "2026-11-01", "clicks": 3, "share": 1.0}]
        });
        let text = render(&serde_json::from_value(answer).unwrap());
        assert!(text.starts_with("3 clicks, 2026-11-01 to 2026-11-02 (Asia/Tokyo)\nfiltered out: not known"), "{text}");
    }

    #[test]
    fn every_dimension_can_be_asked_for() {
        assert!(Dimension::ALL.into_iter().all(|dimension| By::words().any(|word| word == dimension.as_str())));
        assert_eq!(headings("reason"), ("reason", "hits"));
    }
}
