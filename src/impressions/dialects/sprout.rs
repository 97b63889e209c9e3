//! Sprout Social: posts of all networks in one file. A column says which network a row is of.

use super::column::{Role, column};
use super::metric::{clicks, impressions, percent, reach, shown, views};
use super::{Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::impressions::date::Order;

pub(super) const DIALECTS: &[Dialect] = &[Dialect {
    name: "sprout",
    title: "posts of all networks (Sprout Social)",
    needs: &[&["post link clicks", "linked content"], &["network"], &["link", "post id"]],
    columns: &[
        column(Role::Platform, &["network"]),
        column(Role::Id, &["post id"]),
        column(Role::Permalink, &["link"]),
        column(Role::Account, &["profile"]),
        column(Role::Format, &["post type", "content type"]),
        column(Role::Published, &["date"]),
        column(Role::Text, &["post"]),
        column(Role::Url, &["linked content"]),
        impressions(&["impressions"]),
        views(&["video views"]),
        reach(&["reach"]),
        shown(Shown::Engagements, &["engagements"]),
        clicks(Clicks::Link, &["post link clicks"]),
        clicks(Clicks::All, &["post clicks (all)"]),
        percent(&["click-through rate"]),
    ],
    subject: Subject::Post { prefix: "", id_first: false },
    order: Some(Order::MonthFirst),
    ..Dialect::BASE
}];
