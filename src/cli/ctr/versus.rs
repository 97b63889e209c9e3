//! `waypost ctr compare A B`: two rates, how far apart they are, and how sure that is.

use jiff::civil::Date;

use super::super::client::block_on;
use super::super::connect::Connect;
use super::super::table::{self, Left, Table};
use super::super::{figures, print, when};
use super::{basis, name, rate};
use crate::stats::compare::p_text;
use crate::stats::wire::{CtrRow, Versus};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A post (its permalink's one form, or its text), a link's slug, a campaign: what `waypost ctr --by` lists
    a: String,
    b: String,
    /// What the two are
    #[arg(long, default_value = "post", value_parser = super::groupings())]
    by: String,
    /// The first day, such as 2026-11-01
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// Which clicks are divided
    #[arg(long, default_value = "human", value_parser = super::numerators())]
    clicks: String,
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let query = [
        ("a", Some(args.a.clone())),
        ("b", Some(args.b.clone())),
        ("by", Some(args.by.clone())),
        ("from", args.from.map(|day| day.to_string())),
        ("to", args.to.map(|day| day.to_string())),
        ("clicks", Some(args.clicks.clone())),
    ];
    let answer = block_on(client.get("/api/v1/ctr/compare", &query))?;
    if args.connect.json {
        return Ok(print(&answer.text)?);
    }
    Ok(print(&render(&answer.read()?, &args.clicks))?)
}

fn render(versus: &Versus, numerator: &str) -> String {
    let mut table = Table::new([("", Left), ("", Left), ("", Left)]);
    for row in [&versus.a, &versus.b] {
        table.row([name(row).to_owned(), rate(row), basis(row, numerator)]);
    }
    let mut text = table.render();
    text.extend(verdict(versus));
    let of_row = |row: &CtrRow| row.notes.iter().map(|note| format!("{}: {note}", name(row))).collect::<Vec<_>>();
    for note in versus.notes.iter().cloned().chain(of_row(&versus.a)).chain(of_row(&versus.b)) {
        text.push_str(&format!("note: {}\n", table::shown(&note)));
    }
    text
}

/// The difference in percentage points with its interval, the test, and which is likely the better one.
fn verdict(versus: &Versus) -> Option<String> {
    let points = |share: f64| format!("{:+.2}", share * 100.0);
    let difference = points(versus.difference?);
    let (low, high) = (points(versus.low?), points(versus.high?));
    let (p, test) = (p_text(versus.p?), versus.test.as_deref()?);
    let better = versus.b_better?;
    let (likely, sure) = if better > 0.5 { (&versus.b, better) } else { (&versus.a, 1.0 - better) };
    Some(format!(
        "difference {difference} percentage points (95% CI {low} to {high}); {p} ({test})\n\
         {} is the better one with a probability of {}%\n",
        table::shown(name(likely)),
        figures::percent(sure)
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_rates_are_told_apart_with_how_sure_that_is() {
        let row = |name: &str, clicks: u64| {
            json!({"value": name, "label": null, "level": "post", "kind": "views", "clicks": clicks, "impressions": 5000,
                "ctr": clicks as f64 / 5000.0, "low": 0.007, "high": 0.02, "interval": "wilson", "enough": true,
                "as_of": null, "clicks_outside": 0, "notes": []})
        };
        let versus = json!({"a": row("x:1", 50), "b": row("x:2", 75), "difference": -0.005, "low": -0.009465,
            "high": -0.000633, "z": -2.2502, "p": 0.02444, "test": "z", "b_better": 0.98769, "notes": ["mind the gap"]});
        let text = render(&serde_json::from_value(versus).unwrap(), "human");
        assert!(text.contains("difference -0.50 percentage points (95% CI -0.95 to -0.06); p = 0.0244 (z)"), "{text}");
        assert!(text.contains("x:2 is the better one with a probability of 98.77%"), "{text}");
        assert!(text.ends_with("note: mind the gap\n"), "{text}");
    }
}
