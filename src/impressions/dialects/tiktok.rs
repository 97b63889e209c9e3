//! TikTok: Studio, Business Suite, Ads. Days of Studio have no year; the file's own day is in its column `Time`.

use super::column::{Role, column};
use super::metric::{clicks, impressions, percent, profile_visits, reach, shown, spend, views};
use super::{About, Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;

const PLATFORM: &str = "tiktok";

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "tiktok-ads",
        title: "ads (TikTok Ads Manager)",
        platform: PLATFORM,
        level: Level::Ad,
        needs: &[&["clicks (destination)", "cpc (destination)", "ctr (destination)"], &["impression", "impressions"]],
        columns: &[
            column(Role::Day, &["date", "day", "by day"]),
            column(Role::Id, &["ad id"]),
            column(Role::OtherId, &["campaign id", "ad group id"]),
            column(Role::Campaign, &["campaign name"]),
            column(Role::AdSet, &["ad group name"]),
            column(Role::Ad, &["ad name"]),
            column(Role::Currency, &["currency"]),
            column(Role::Url, &["url", "destination url", "website url"]),
            impressions(&["impression", "impressions"]),
            reach(&["reach"]),
            clicks(Clicks::Destination, &["clicks (destination)"]),
            clicks(Clicks::All, &["clicks (all)"]),
            shown(Shown::Conversions, &["conversions"]),
            spend(&["cost"]),
            percent(&["ctr (destination)", "ctr (all)"]),
        ],
        subject: Subject::Ad { prefix: "tiktok-ad" },
        about: About::Spans,
        ..Dialect::BASE
    },
    Dialect {
        name: "tiktok-videos",
        title: "TikTok videos (Studio or Business Suite)",
        platform: PLATFORM,
        needs: &[&["video link"], &["total views", "video views"]],
        columns: &[
            column(Role::AsOf, &["time"]),
            column(Role::Text, &["video title"]),
            column(Role::Permalink, &["video link"]),
            column(Role::Published, &["post time"]),
            views(&["total views", "video views"]),
        ],
        ..Dialect::BASE
    },
    Dialect {
        name: "tiktok-days",
        title: "days of an account on TikTok (Studio or Business Suite)",
        platform: PLATFORM,
        level: Level::Profile,
        needs: &[&["date"], &["video views"], &["profile views"]],
        columns: &[
            column(Role::Day, &["date"]),
            views(&["video views"]),
            reach(&["reached audience"]),
            profile_visits(&["profile views"]),
        ],
        subject: Subject::Account,
        about: About::Days,
        ..Dialect::BASE
    },
    Dialect {
        name: "tiktok-viewers",
        title: "viewers of an account on TikTok",
        platform: PLATFORM,
        level: Level::Profile,
        needs: &[&["date"], &["total viewers"], &["new viewers"]],
        columns: &[column(Role::Day, &["date"]), reach(&["total viewers"])],
        subject: Subject::Account,
        about: About::Days,
        ..Dialect::BASE
    },
    Dialect {
        name: "tiktok-audience",
        title: "followers on TikTok",
        needs: &[&[
            "difference in followers from previous day",
            "top territories",
            "gender distribution",
            "active followers",
        ]],
        refused: Some("it describes followers and counts nothing that links can be divided by"),
        ..Dialect::BASE
    },
];
