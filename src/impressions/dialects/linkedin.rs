//! LinkedIn: pages (two spellings), personal posts, single posts, Campaign Manager.
//!
//! Of pages and personal posts, LinkedIn counts no link clicks: `Clicks` are clicks on anything but reactions.
//! Personal files hold their tables side by side and their summary sideways.

use super::column::{Role, column};
use super::metric::{clicks, fraction, impressions, percent, reach, shown, spend};
use super::{About, Dialect, Facts, Look, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;
use crate::impressions::date::Order;

const UTC: Option<&str> = Some("UTC");
const MONTH_FIRST: Option<Order> = Some(Order::MonthFirst);
const PLATFORM: &str = "linkedin";

pub(super) const DIALECTS: &[Dialect] =
    &[PAGE_DAYS, PAGE_POSTS, ADS, ONE_POST, TOP_POSTS, PERSONAL_DAYS, PERSONAL_SUM, OTHERS];

const PAGE_DAYS: Dialect = Dialect {
    name: "linkedin-page-days",
    title: "days of a LinkedIn page",
    platform: PLATFORM,
    level: Level::Profile,
    needs: &[&["date"], &["impressions (total)"], &["clicks (total)"]],
    columns: &[
        column(Role::Day, &["date"]),
        impressions(&["impressions (total)"]),
        reach(&["unique impressions (organic)"]),
        clicks(Clicks::All, &["clicks (total)"]),
    ],
    subject: Subject::Account,
    about: About::Days,
    zone: UTC,
    order: MONTH_FIRST,
    ..Dialect::BASE
};

const PAGE_POSTS: Dialect = Dialect {
    name: "linkedin-page-posts",
    title: "posts of a LinkedIn page",
    platform: PLATFORM,
    needs: &[&["post link", "update link"], &["created date"], &["impressions"]],
    columns: &[
        column(Role::Permalink, &["post link", "update link"]),
        column(Role::Text, &["post title", "update title"]),
        column(Role::Format, &["content type", "post type", "update type"]),
        column(Role::Campaign, &["campaign name"]),
        column(Role::Published, &["created date"]),
        impressions(&["impressions"]),
        clicks(Clicks::All, &["clicks"]),
        fraction(&["click through rate (ctr)"]),
    ],
    zone: UTC,
    order: MONTH_FIRST,
    ..Dialect::BASE
};

/// What stands above the header in Campaign Manager's files, whatever the language.
fn above_ads(look: &Look<'_>) -> Result<Facts, String> {
    let lines = || look.above.iter().filter_map(|row| row.first()).map(|line| line.trim());
    let after = |names: &[&str]| {
        let starts = |line: &str| names.iter().any(|name| line.to_lowercase().starts_with(name));
        let rest = |line: &str| line.split_once(':').map(|(_, rest)| rest.trim().to_owned());
        lines().find(|line| starts(line)).and_then(rest)
    };
    let day = |text: String| match text.rsplit_once(", ") {
        Some((day, clock)) if clock.contains(':') => day.to_owned(),
        _ => text,
    };
    let from = after(&["report start", "begin van rapport", "start rapport"]).map(day);
    let to = after(&["report end", "einde van rapport", "einde rapport"]).map(day);
    let as_of = after(&["date generated", "datum gegenereerd"]).map(day);
    let period = from.zip(to).map(|(from, to)| format!("{from} - {to}"));
    Ok(Facts { period, as_of, ..Facts::default() })
}

const ADS: Dialect = Dialect {
    name: "linkedin-ads",
    title: "ads (LinkedIn Campaign Manager)",
    platform: PLATFORM,
    level: Level::Ad,
    needs: &[&["start date (in utc)", "begindatum (in utc)"], &["impressions", "weergaven"]],
    columns: &[
        column(Role::Day, &["start date (in utc)", "begindatum (in utc)"]),
        column(Role::Account, &["account name", "accountnaam"]),
        column(Role::Currency, &["currency", "valuta"]),
        column(Role::Id, &["ad id", "advertentie-id"]),
        column(Role::OtherId, &["campaign id", "campaign group id", "ad set id", "campagne-id"]),
        column(Role::Campaign, &["campaign name", "campagnenaam"]),
        column(Role::AdSet, &["ad set name"]),
        column(Role::Ad, &["creative name", "ad name", "ad headline"]),
        column(Role::Url, &["click url", "klik-url"]),
        column(Role::Text, &["ad introduction text"]),
        impressions(&["impressions", "weergaven"]),
        reach(&["reach", "bereik"]),
        clicks(Clicks::All, &["clicks", "klikken"]),
        clicks(Clicks::Destination, &["clicks to landing page", "klikken naar bestemmingspagina"]),
        spend(&["total spent", "totaal besteed"]),
        percent(&["click through rate", "doorklikfrequentie (ctr)", "average ctr"]),
    ],
    subject: Subject::Ad { prefix: "li-ad" },
    about: About::Days,
    zone: UTC,
    order: MONTH_FIRST,
    look: Some(above_ads),
    ..Dialect::BASE
};

const ONE_POST: Dialect = Dialect {
    name: "linkedin-post",
    title: "one LinkedIn post",
    platform: PLATFORM,
    needs: &[&["post url"], &["post date"], &["impressions"]],
    lacks: &["post publish date"],
    columns: &[
        column(Role::Permalink, &["post url"]),
        column(Role::Published, &["post date"]),
        impressions(&["impressions"]),
        reach(&["members reached", "unique views"]),
    ],
    zone: UTC,
    order: MONTH_FIRST,
    ..Dialect::BASE
};

/// Two tables beside each other, sorted by their own number: row n of one is another post than row n of the other.
const TOP_POSTS: Dialect = Dialect {
    name: "linkedin-personal-posts",
    title: "posts of a person on LinkedIn",
    platform: PLATFORM,
    needs: &[&["post url"], &["post publish date"], &["impressions", "engagements"]],
    columns: &[
        column(Role::Permalink, &["post url"]),
        column(Role::Published, &["post publish date"]),
        impressions(&["impressions"]),
        shown(Shown::Engagements, &["engagements"]),
    ],
    about: About::Spans,
    zone: UTC,
    order: MONTH_FIRST,
    ..Dialect::BASE
};

const PERSONAL_DAYS: Dialect = Dialect {
    name: "linkedin-personal-days",
    title: "days of a person on LinkedIn",
    platform: PLATFORM,
    level: Level::Profile,
    needs: &[&["date"], &["impressions"], &["engagements"]],
    lacks: &[
        "post id",
        "tweets published",
        "profile visits",
        "post",
        "link",
        "pin clicks",
        "outbound clicks",
        "clicks",
    ],
    columns: &[
        column(Role::Day, &["date"]),
        impressions(&["impressions"]),
        shown(Shown::Engagements, &["engagements"]),
    ],
    subject: Subject::Account,
    about: About::Days,
    zone: UTC,
    order: MONTH_FIRST,
    ..Dialect::BASE
};

const PERSONAL_SUM: Dialect = Dialect {
    name: "linkedin-personal-sum",
    title: "a person on LinkedIn as a whole",
    platform: PLATFORM,
    level: Level::Profile,
    needs: &[&["overall performance"], &["impressions"]],
    columns: &[
        column(Role::Span, &["overall performance"]),
        impressions(&["impressions"]),
        reach(&["members reached", "unique views"]),
    ],
    subject: Subject::Account,
    about: About::Spans,
    zone: UTC,
    order: MONTH_FIRST,
    ..Dialect::BASE
};

const OTHERS: Dialect = Dialect {
    name: "linkedin-audience",
    title: "followers and demographics of LinkedIn",
    needs: &[&["top demographics", "new followers", "category"], &["value", "percentage", "new followers", "%"]],
    lacks: &["impressions", "views", "video views"],
    refused: Some("it describes followers and counts nothing that links can be divided by"),
    ..Dialect::BASE
};
