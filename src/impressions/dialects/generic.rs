//! Files that people make themselves: `post` or `link`, `date`, and what was counted, in Waypost's own words.

use super::column::{Role, column};
use super::{About, Column, Dialect, Subject};
use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric};
use crate::domain::placement::Level;

const fn impressions(kind: Kind, names: &'static [&'static str]) -> Column {
    column(Role::Metric(Metric::Impressions(kind)), names)
}

const fn clicks(clicks: Clicks, names: &'static [&'static str]) -> Column {
    column(Role::Metric(Metric::Clicks(clicks)), names)
}

pub(super) const DIALECTS: &[Dialect] = &[Dialect {
    name: "generic",
    title: "a file of your own",
    // It does not say; what its link stands for counts.
    level: Level::Other,
    needs: &[
        &["post", "link"],
        &["impressions", "views", "reach", "profile visits", "story views", "delivered", "clicks all", "clicks link"],
    ],
    columns: &[
        column(Role::Link, &["link"]),
        column(Role::Post, &["post"]),
        column(Role::Day, &["date", "day"]),
        column(Role::Platform, &["platform"]),
        column(Role::Account, &["account"]),
        column(Role::Text, &["title", "text"]),
        column(Role::Currency, &["currency"]),
        impressions(Kind::Impressions, &["impressions"]),
        impressions(Kind::Views, &["views"]),
        impressions(Kind::Reach, &["reach"]),
        impressions(Kind::ProfileVisits, &["profile visits"]),
        impressions(Kind::StoryViews, &["story views"]),
        impressions(Kind::Delivered, &["delivered"]),
        clicks(Clicks::All, &["clicks all"]),
        clicks(Clicks::Link, &["clicks link"]),
        clicks(Clicks::Outbound, &["clicks outbound"]),
        clicks(Clicks::Destination, &["clicks destination"]),
        column(Role::Metric(Metric::Spend), &["spend"]),
    ],
    subject: Subject::Post { prefix: "", id_first: true },
    about: About::Spans,
    ..Dialect::BASE
}];

/// A file whose columns somebody has mapped.
pub(super) const MAPPED: Dialect = Dialect {
    name: "mapped",
    title: "a file read by a mapping of its columns",
    level: Level::Other,
    subject: Subject::Post { prefix: "", id_first: true },
    about: About::Spans,
    ..Dialect::BASE
};
