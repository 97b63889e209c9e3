//! Pinterest: pins and ads. A pin click opens the pin; only an outbound click leaves the platform.

use super::column::{Role, column};
use super::metric::{clicks, impressions, percent, reach, shown, spend};
use super::{About, Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "pinterest-ads",
        title: "ads (Pinterest)",
        platform: "pinterest",
        level: Level::Ad,
        needs: &[&["pin clicks"], &["campaign name", "ad group name", "spend in account currency"]],
        columns: &[
            column(Role::Day, &["date"]),
            column(Role::Id, &["ad id", "pin promotion id"]),
            column(Role::OtherId, &["campaign id", "ad group id"]),
            column(Role::Campaign, &["campaign name"]),
            column(Role::AdSet, &["ad group name"]),
            column(Role::Ad, &["ad name", "pin promotion name"]),
            column(Role::Currency, &["currency"]),
            column(Role::Url, &["destination url"]),
            impressions(&["impressions"]),
            clicks(Clicks::All, &["pin clicks"]),
            clicks(Clicks::Outbound, &["outbound clicks"]),
            spend(&["spend in account currency", "spend"]),
            percent(&["ctr", "outbound ctr"]),
        ],
        subject: Subject::Ad { prefix: "pin-ad" },
        about: About::Spans,
        zone: Some("UTC"),
        ..Dialect::BASE
    },
    Dialect {
        name: "pinterest-pins",
        title: "pins (Pinterest analytics)",
        platform: "pinterest",
        needs: &[&["pin id", "pin url", "pin link", "pin"], &["impressions"], &["outbound clicks", "pin clicks"]],
        columns: &[
            column(Role::Id, &["pin id"]),
            column(Role::Permalink, &["pin url", "pin link", "pin"]),
            column(Role::Text, &["title", "pin title", "description"]),
            column(Role::Url, &["destination url", "source url"]),
            column(Role::Published, &["created date", "publish date"]),
            column(Role::Day, &["date"]),
            impressions(&["impressions"]),
            reach(&["total audience"]),
            shown(Shown::Engagements, &["engagements"]),
            clicks(Clicks::All, &["pin clicks"]),
            clicks(Clicks::Outbound, &["outbound clicks"]),
        ],
        about: About::Asked,
        zone: Some("UTC"),
        ..Dialect::BASE
    },
    Dialect {
        name: "pinterest-days",
        title: "days of an account on Pinterest",
        platform: "pinterest",
        level: Level::Profile,
        needs: &[&["date"], &["impressions"], &["outbound clicks", "pin clicks"]],
        columns: &[
            column(Role::Day, &["date"]),
            impressions(&["impressions"]),
            reach(&["total audience"]),
            shown(Shown::Engagements, &["engagements"]),
            clicks(Clicks::All, &["pin clicks"]),
            clicks(Clicks::Outbound, &["outbound clicks"]),
        ],
        subject: Subject::Account,
        about: About::Days,
        zone: Some("UTC"),
        ..Dialect::BASE
    },
];
