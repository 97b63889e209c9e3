//! X, once Twitter: tweets of the older analytics, posts of the newer one, days of an account.

use super::column::{Role, column};
use super::metric::{clicks, impressions, profile_visits, shown};
use super::{About, Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;

const UTC: Option<&str> = Some("UTC");

/// Rows of posts that are gone.
fn is_gone(cell: &dyn Fn(Role) -> String) -> Option<&'static str> {
    cell(Role::Permalink).ends_with("status/undefined").then_some("the post is gone: the platform calls it undefined")
}

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "x-tweets",
        title: "posts of X (older analytics)",
        platform: "x",
        needs: &[&["tweet id"], &["tweet permalink"], &["impressions"]],
        columns: &[
            column(Role::Id, &["tweet id"]),
            column(Role::Permalink, &["tweet permalink"]),
            column(Role::Text, &["tweet text"]),
            column(Role::Published, &["time"]),
            impressions(&["impressions"]),
            shown(Shown::Engagements, &["engagements"]),
            clicks(Clicks::Link, &["url clicks"]),
            clicks(Clicks::Profile, &["user profile clicks"]),
        ],
        zone: UTC,
        ..Dialect::BASE
    },
    Dialect {
        name: "x-days-older",
        title: "days of an account on X (older analytics)",
        platform: "x",
        level: Level::Profile,
        needs: &[&["date"], &["tweets published"], &["impressions"]],
        columns: &[
            column(Role::Day, &["date"]),
            impressions(&["impressions"]),
            shown(Shown::Engagements, &["engagements"]),
            clicks(Clicks::Link, &["url clicks"]),
            clicks(Clicks::Profile, &["user profile clicks"]),
        ],
        subject: Subject::Account,
        about: About::Days,
        zone: UTC,
        ..Dialect::BASE
    },
    Dialect {
        name: "x-posts",
        title: "posts of X (analytics, content)",
        platform: "x",
        needs: &[&["post id"], &["post text"], &["link", "post link"], &["impressions"]],
        columns: &[
            column(Role::Id, &["post id"]),
            column(Role::Published, &["date"]),
            column(Role::Text, &["post text"]),
            column(Role::Permalink, &["link", "post link"]),
            impressions(&["impressions"]),
            shown(Shown::Engagements, &["engagements"]),
            clicks(Clicks::Link, &["url clicks"]),
            clicks(Clicks::Profile, &["profile visits"]),
        ],
        zone: UTC,
        skip: Some(is_gone),
        ..Dialect::BASE
    },
    Dialect {
        name: "x-days",
        title: "days of an account on X (analytics, overview)",
        platform: "x",
        level: Level::Profile,
        needs: &[&["date"], &["profile visits"], &["create post", "unfollows"]],
        columns: &[
            column(Role::Day, &["date"]),
            impressions(&["impressions"]),
            profile_visits(&["profile visits"]),
            shown(Shown::Engagements, &["engagements"]),
        ],
        subject: Subject::Account,
        about: About::Days,
        zone: UTC,
        ..Dialect::BASE
    },
];
