//! Meta Business Suite, content: Instagram posts and stories, Facebook posts; Facebook's older page insights.
//!
//! One row per post with its numbers since publication. The same download can be divided by day, and then looks alike:
//! that is found by its posts standing in many rows. Times are Pacific without saying so.

use super::column::{Role, column};
use super::metric::{clicks, impressions, reach, shown, views};
use super::{About, Column, Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};

const ZONE: Option<&str> = Some("America/Los_Angeles");
const ORDER: Option<crate::impressions::date::Order> = Some(crate::impressions::date::Order::MonthFirst);

const ID: &[&str] = &[
    "post id",
    "publicerings-id",
    "inl\u{e4}ggs-id",
    "identifica\u{e7}\u{e3}o da publica\u{e7}\u{e3}o",
    "identificador de la publicaci\u{f3}n",
];
const PERMALINK: &[&str] = &["permalink", "permal\u{e4}nk", "link permanente", "enlace permanente", "lien permanent"];
const PUBLISHED: &[&str] =
    &["publish time", "publiceringstid", "hor\u{e1}rio de publica\u{e7}\u{e3}o", "hora de publicaci\u{f3}n"];
const FORMAT: &[&str] =
    &["post type", "inl\u{e4}ggstyp", "tipo de post", "tipo de publica\u{e7}\u{e3}o", "tipo de publicaci\u{f3}n"];
const DESCRIPTION: &[&str] = &["description", "beskrivning", "descri\u{e7}\u{e3}o", "descripci\u{f3}n"];
const VIEWS: &[&str] = &["views", "visningar", "visualiza\u{e7}\u{f5}es", "visualizaciones"];
const REACH: &[&str] = &["reach", "r\u{e4}ckvidd", "alcance", "impression:unique users"];
const IMPRESSIONS: &[&str] = &["impressions", "exponeringar", "impress\u{f5}es"];
const LINK_CLICKS: &[&str] = &["link clicks", "l\u{e4}nkklick", "cliques no link", "clics en el enlace"];

pub(super) const DIALECTS: &[Dialect] = &[INSTAGRAM, FACEBOOK, VIDEOS, LEGACY, LEGACY_CLICKS];

const INSTAGRAM: Dialect = Dialect {
    name: "instagram-posts",
    title: "Instagram posts and stories (Meta Business Suite)",
    platform: "instagram",
    needs: &[
        ID,
        PERMALINK,
        &[
            "account username",
            "kontots anv\u{e4}ndarnamn",
            "nome de usu\u{e1}rio da conta",
            "nombre de usuario de la cuenta",
        ],
    ],
    columns: &[
        column(Role::Id, ID),
        column(
            Role::Account,
            &[
                "account username",
                "kontots anv\u{e4}ndarnamn",
                "nome de usu\u{e1}rio da conta",
                "nombre de usuario de la cuenta",
            ],
        ),
        column(Role::Text, DESCRIPTION),
        column(Role::Published, PUBLISHED),
        column(Role::Permalink, PERMALINK),
        column(Role::Format, FORMAT),
        views(VIEWS),
        impressions(IMPRESSIONS),
        reach(REACH),
        clicks(Clicks::Link, LINK_CLICKS),
        clicks(Clicks::Profile, &["profile visits", "visitas ao perfil", "profilbes\u{f6}k"]),
    ],
    zone: ZONE,
    order: ORDER,
    ..Dialect::BASE
};

const FACEBOOK: Dialect = Dialect {
    name: "facebook-posts",
    title: "Facebook posts (Meta Business Suite)",
    platform: "facebook",
    needs: &[
        ID,
        PERMALINK,
        &["page id", "sid-id", "identifica\u{e7}\u{e3}o da p\u{e1}gina", "identificador de la p\u{e1}gina"],
    ],
    columns: &[
        column(Role::Id, ID),
        column(
            Role::Account,
            &["page id", "sid-id", "identifica\u{e7}\u{e3}o da p\u{e1}gina", "identificador de la p\u{e1}gina"],
        ),
        column(Role::Text, &["title", "titel", "t\u{ed}tulo"]),
        column(Role::Text, DESCRIPTION),
        column(Role::Published, PUBLISHED),
        column(Role::Permalink, PERMALINK),
        column(Role::Format, FORMAT),
        views(VIEWS),
        impressions(IMPRESSIONS),
        reach(REACH),
        clicks(Clicks::All, &["total clicks", "totalt antal klick", "total de cliques", "total de clics"]),
        clicks(Clicks::Link, LINK_CLICKS),
        clicks(Clicks::Other, &["other clicks", "\u{f6}vriga klick", "outros cliques", "otros clics"]),
        clicks(Clicks::Photo, &["matched audience targeting consumption (photo click)"]),
        clicks(Clicks::Video, &["matched audience targeting consumption (video click)"]),
    ],
    zone: ZONE,
    order: ORDER,
    subject: Subject::Post { prefix: "", id_first: true },
    ..Dialect::BASE
};

const VIDEOS: Dialect = Dialect {
    name: "facebook-videos",
    title: "Facebook videos (Meta Business Suite)",
    platform: "facebook",
    needs: &[&["video asset id", "universal video id"]],
    refused: Some(
        "this is Meta's file of videos: it has no views and no clicks of posts. Download \"Content\" with posts \
         instead; videos are among them",
    ),
    ..Dialect::BASE
};

/// Row 2 explains the headers.
fn explains(cell: &dyn Fn(Role) -> String) -> Option<&'static str> {
    (cell(Role::Id).is_empty() && cell(Role::Permalink).is_empty()).then_some("the row explains the headers")
}

const LEGACY_COLUMNS: &[Column] = &[
    column(Role::Id, &["post id"]),
    column(Role::Permalink, &["permalink"]),
    column(Role::Text, &["post message"]),
    column(Role::Format, &["type"]),
    column(Role::Published, &["posted"]),
    impressions(&["lifetime post total impressions"]),
    reach(&["lifetime post total reach"]),
    shown(Shown::Engagements, &["lifetime engaged users"]),
    clicks(Clicks::Link, &["link clicks"]),
    clicks(Clicks::Photo, &["photo view"]),
    clicks(Clicks::Video, &["video play"]),
    clicks(Clicks::Other, &["other clicks"]),
];

const LEGACY: Dialect = Dialect {
    name: "facebook-page-insights",
    title: "Facebook posts (older page insights)",
    platform: "facebook",
    needs: &[&["post id"], &["lifetime post total impressions", "lifetime post total reach"]],
    columns: LEGACY_COLUMNS,
    subject: Subject::Post { prefix: "", id_first: true },
    zone: ZONE,
    order: ORDER,
    skip: Some(explains),
    ..Dialect::BASE
};

/// Two sheets have these headers: one counts clicks, the other people who clicked.
const LEGACY_CLICKS: Dialect = Dialect {
    name: "facebook-page-insights-clicks",
    title: "Facebook clicks by type (older page insights)",
    needs: &[&["post id"], &["post message"], &["link clicks", "other clicks", "photo view", "video play"]],
    look: Some(|look| {
        let counts_people = look.table.to_lowercase().contains("consumers");
        let reason = "it counts people, not clicks; the sheet of consumptions has the clicks";
        Ok(super::Facts { passed_over: counts_people.then_some(reason), ..super::Facts::default() })
    }),
    about: About::Lifetime,
    ..LEGACY
};
