//! Google: YouTube Studio, Google Ads, Search Console.
//!
//! YouTube's impressions are of thumbnails, and its rate is of views per thumbnail: never a rate of link clicks. Search
//! Console's tables each count something else by design, so that only days and pages are read.

use super::column::{Role, column};
use super::metric::{clicks, impressions, percent, reach, shown, slice, spend, views};
use super::{About, Dialect, Facts, Look, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;

pub(super) const DIALECTS: &[Dialect] =
    &[YOUTUBE_VIDEOS, YOUTUBE_DAYS, YOUTUBE_SLICES, ADS, SEARCH_DAYS, SEARCH_PAGES, SEARCH_OTHERS, SEARCH_FILTERS];

const PACIFIC: Option<&str> = Some("America/Los_Angeles");
const WATCHED: &[&str] = &[
    "watch time (hours)",
    "impressions click-through rate (%)",
    "average view duration",
    "engaged views",
    "subscribers",
];

const YOUTUBE_VIDEOS: Dialect = Dialect {
    name: "youtube-videos",
    title: "YouTube videos (Studio, advanced mode)",
    platform: "youtube",
    needs: &[&["content", "video"], &["views"], &["video title", "video publish time"]],
    // A row per video and day is the chart, which repeats the table.
    lacks: &["date"],
    columns: &[
        column(Role::Id, &["content", "video"]),
        column(Role::Text, &["video title"]),
        column(Role::Published, &["video publish time"]),
        views(&["views"]),
        reach(&["unique viewers"]),
        shown(Shown::ThumbnailImpressions, &["impressions"]),
    ],
    subject: Subject::Post { prefix: "", id_first: true },
    about: About::Asked,
    zone: PACIFIC,
    ..Dialect::BASE
};

const YOUTUBE_DAYS: Dialect = Dialect {
    name: "youtube-days",
    title: "days of a YouTube channel (Studio, advanced mode)",
    level: Level::Profile,
    needs: &[&["date"], &["views"]],
    lacks: &["content", "video", "profile views", "post", "link", "geography", "traffic source", "cities", "primary"],
    columns: &[column(Role::Day, &["date"]), views(&["views"]), reach(&["unique viewers"])],
    subject: Subject::Account,
    about: About::Days,
    look: Some(is_of_youtube),
    ..YOUTUBE_VIDEOS
};

/// Days and views alone could be anybody's; in YouTube's archive they are `Totals.csv`.
fn is_of_youtube(look: &Look<'_>) -> Result<Facts, String> {
    let is_totals = look.table.to_lowercase().ends_with("totals.csv");
    if is_totals || look.headers.iter().any(|header| WATCHED.contains(&header.as_str())) {
        return Ok(Facts::default());
    }
    Err("the file has days and views, and does not say of what: add a column \"post\" or \"link\"".to_owned())
}

const YOUTUBE_SLICES: Dialect = Dialect {
    name: "youtube-others",
    title: "other tables of YouTube Studio",
    needs: &[
        &["geography", "traffic source", "cities", "device type", "viewer age", "viewer gender", "content"],
        &["views", "date"],
    ],
    refused: Some(
        "it is not a table of videos: choose \"Content\" in YouTube Studio's advanced mode and export the current view",
    ),
    ..Dialect::BASE
};

/// The report's days stand in one line above the header, as the account's language writes them.
fn above_ads(look: &Look<'_>) -> Result<Facts, String> {
    let lines = look.above.iter().filter_map(|row| row.first());
    let period = lines.rev().find(|line| line.contains(" - ") || line.contains(" \u{2013} ")).cloned();
    Ok(Facts { period: period.map(|line| line.replace('\u{2013}', "-")), ..Facts::default() })
}

const ADS: Dialect = Dialect {
    name: "google-ads",
    title: "ads (Google Ads)",
    platform: "google-ads",
    level: Level::Ad,
    needs: &[&["impr."], &["campaign", "ad group", "final url", "ad"]],
    columns: &[
        column(Role::Day, &["day"]),
        column(Role::Span, &["week", "month"]),
        column(Role::Id, &["ad id"]),
        column(Role::OtherId, &["campaign id", "ad group id"]),
        column(Role::Campaign, &["campaign"]),
        column(Role::AdSet, &["ad group"]),
        column(Role::Ad, &["ad name", "headline 1", "ad"]),
        column(Role::Url, &["final url", "mobile final url"]),
        column(Role::UrlParameters, &["final url suffix"]),
        column(Role::Currency, &["currency code"]),
        slice("device", &["device"]),
        slice("placement", &["network (with search partners)", "network"]),
        slice("country", &["country/territory", "matched location"]),
        impressions(&["impr."]),
        clicks(Clicks::All, &["clicks"]),
        spend(&["cost"]),
        percent(&["ctr"]),
    ],
    subject: Subject::Ad { prefix: "google-ad" },
    about: About::Spans,
    look: Some(above_ads),
    ..Dialect::BASE
};

const SEARCH_DAYS: Dialect = Dialect {
    name: "search-console-days",
    title: "days of a site in Google Search (Search Console)",
    platform: "google-search",
    level: Level::Profile,
    needs: &[&["date"], &["clicks"], &["impressions"], &["position"]],
    columns: &[
        column(Role::Day, &["date"]),
        impressions(&["impressions"]),
        clicks(Clicks::Outbound, &["clicks"]),
        percent(&["ctr"]),
    ],
    subject: Subject::Account,
    about: About::Days,
    zone: PACIFIC,
    made_on: Some("-Performance-on-Search-"),
    ..Dialect::BASE
};

const SEARCH_PAGES: Dialect = Dialect {
    name: "search-console-pages",
    title: "pages of a site in Google Search (Search Console)",
    level: Level::Other,
    needs: &[&["top pages"], &["clicks"], &["impressions"], &["position"]],
    columns: &[
        column(Role::Permalink, &["top pages"]),
        impressions(&["impressions"]),
        clicks(Clicks::Outbound, &["clicks"]),
        percent(&["ctr"]),
    ],
    subject: Subject::Post { prefix: "", id_first: false },
    about: About::Asked,
    ..SEARCH_DAYS
};

const SEARCH_OTHERS: Dialect = Dialect {
    name: "search-console-others",
    title: "other tables of Search Console",
    needs: &[&["top queries", "country", "device", "search appearance"], &["position"]],
    refused: Some("Search Console counts it in another way than days and pages, so that the sums differ by design"),
    ..Dialect::BASE
};

const SEARCH_FILTERS: Dialect = Dialect {
    name: "search-console-filters",
    title: "filters of Search Console",
    needs: &[&["filter"], &["value"]],
    refused: Some("it names the filters of the report and counts nothing"),
    ..Dialect::BASE
};
