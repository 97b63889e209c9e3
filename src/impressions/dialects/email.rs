//! Newsletters: Mailchimp's campaigns; Substack's files of events, which name readers and are refused.

use super::column::{Role, column};
use super::metric::{clicks, delivered, percent, shown};
use super::{Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;
use crate::impressions::date::Order;

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "mailchimp",
        title: "campaigns (Mailchimp)",
        platform: "mailchimp",
        level: Level::Email,
        needs: &[&["successful deliveries"], &["unique id", "subject"]],
        columns: &[
            column(Role::Id, &["unique id"]),
            column(Role::Campaign, &["title"]),
            column(Role::Text, &["subject"]),
            column(Role::Account, &["list"]),
            column(Role::Published, &["send date"]),
            delivered(&["successful deliveries"]),
            shown(Shown::Sent, &["total recipients"]),
            shown(Shown::Opens, &["total opens"]),
            shown(Shown::UniqueOpens, &["unique opens"]),
            clicks(Clicks::Link, &["total clicks"]),
            clicks(Clicks::UniqueLink, &["unique clicks"]),
            percent(&["click rate"]),
        ],
        subject: Subject::Post { prefix: "mailchimp", id_first: true },
        order: Some(Order::MonthFirst),
        ..Dialect::BASE
    },
    Dialect {
        name: "substack-events",
        title: "deliveries, opens or clicks of one Substack post",
        needs: &[&["email"], &["post id", "post url", "active subscription", "timestamp"]],
        refused: Some(
            "it lists readers by their e-mail address, which Waypost does not take. Count its rows, and import the \
             count as delivered with a file of your own: post, delivered",
        ),
        ..Dialect::BASE
    },
    Dialect {
        name: "substack-posts",
        title: "posts (Substack)",
        needs: &[&["post id"], &["post date"], &["is published"]],
        refused: Some("Substack's list of posts holds no numbers; the number of deliveries stands on each post's page"),
        ..Dialect::BASE
    },
];
