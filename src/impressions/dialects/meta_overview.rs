//! Meta Business Suite, overview: one file per metric, one row per day of one account.
//!
//! Which metric it is stands above the header, not in the file's name: two different ones are both `Link clicks.csv`.

use super::column::{Role, column, fold};
use super::{About, Dialect, Facts, Look, Subject};
use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric};
use crate::domain::placement::Level;

/// What the files are titled, and whose they are where the title says it.
const TITLES: [(&str, Option<&str>, Metric); 11] = [
    ("views", None, Metric::Impressions(Kind::Views)),
    ("reach", None, Metric::Impressions(Kind::Reach)),
    ("viewers", None, Metric::Impressions(Kind::Reach)),
    ("facebook views", Some("facebook"), Metric::Impressions(Kind::Views)),
    ("facebook reach", Some("facebook"), Metric::Impressions(Kind::Reach)),
    ("instagram reach", Some("instagram"), Metric::Impressions(Kind::Reach)),
    ("instagram profile visits", Some("instagram"), Metric::Impressions(Kind::ProfileVisits)),
    ("facebook visits", Some("facebook"), Metric::Impressions(Kind::ProfileVisits)),
    ("instagram link clicks", Some("instagram"), Metric::Clicks(Clicks::Link)),
    ("facebook link clicks", Some("facebook"), Metric::Clicks(Clicks::Link)),
    ("instagram views", Some("instagram"), Metric::Impressions(Kind::Views)),
];

/// Titles of the same sort that say nothing about links.
const OTHERS: [&str; 7] = [
    "content interactions",
    "instagram follows",
    "facebook follows",
    "instagram unfollows",
    "facebook unfollows",
    "net follows",
    "followers",
];

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "meta-overview",
        title: "days of one account (Meta Business Suite)",
        level: Level::Profile,
        needs: &[&["date", "datum", "data", "fecha"], &["primary", "prim\u{e4}r", "principal", "prim\u{e1}rio"]],
        columns: &[
            column(Role::Day, &["date", "datum", "data", "fecha"]),
            column(Role::Titled, &["primary", "prim\u{e4}r", "principal", "prim\u{e1}rio"]),
        ],
        subject: Subject::Account,
        about: About::Days,
        zone: Some("America/Los_Angeles"),
        look: Some(title),
        ..Dialect::BASE
    },
    Dialect {
        name: "meta-audience",
        title: "audience (Meta Business Suite)",
        needs: &[&["top cities", "top countries", "cities", "age & gender", "top content formats"]],
        refused: Some(AUDIENCE),
        ..Dialect::BASE
    },
];

const AUDIENCE: &str = "it describes the audience in several tables and counts nothing that links can be divided by";

/// The line above the header.
fn title(look: &Look<'_>) -> Result<Facts, String> {
    let title = look.above.iter().rev().flat_map(|row| row.first()).find(|cell| !cell.is_empty());
    let Some(title) = title.map(|title| fold(title)) else {
        return Err("the line above \"Date, Primary\" that names the metric is missing: download the file again".into());
    };
    if OTHERS.contains(&title.as_str()) {
        return Ok(Facts { passed_over: Some("it counts nothing that links can be divided by"), ..Facts::default() });
    }
    let Some((_, platform, metric)) = TITLES.into_iter().find(|(known, ..)| *known == title) else {
        let title: String = title.chars().take(60).collect();
        return Err(format!(
            "the metric {title:?} is not known; read it with --map 'date=Date,views=Primary' or the like"
        ));
    };
    Ok(Facts { platform, titled: Some(metric), ..Facts::default() })
}
