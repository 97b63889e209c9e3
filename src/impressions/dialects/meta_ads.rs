//! Meta Ads Manager: reports of campaigns, ad sets or ads, broken down by whatever was on the screen.
//!
//! Each row is a part. Reach, viewers and everything unique is of people, who are in several parts. Without the
//! breakdown by day a row is about the days between `Reporting starts` and `Reporting ends`.

use super::column::{Role, column};
use super::metric::{clicks, impressions, percent, reach, shown, slice, spend};
use super::{About, Dialect, Subject};
use crate::domain::metric::{Clicks, Shown};
use crate::domain::placement::Level;

const CAMPAIGN: &[&str] = &[
    "campaign name",
    "campaign",
    "nome da campanha",
    "nombre de la campa\u{f1}a",
    "campa\u{f1}a",
    "nom de la campagne",
    "kampagnenname",
    "nome della campagna",
    "kampanjnamn",
];
const AD_SET: &[&str] = &[
    "ad set name",
    "nome do conjunto de an\u{fa}ncios",
    "nombre del conjunto de anuncios",
    "nom de l\u{2019}ensemble de publicit\u{e9}s",
    "anzeigengruppenname",
];
const AD: &[&str] = &[
    "ad name",
    "nome do an\u{fa}ncio",
    "nombre del anuncio",
    "nom de la publicit\u{e9}",
    "name der werbeanzeige",
    "annonsnamn",
];
const SPENT: &[&str] = &[
    "amount spent",
    "valor usado",
    "importe gastado",
    "montant d\u{e9}pens\u{e9}",
    "ausgegebener betrag",
    "importo speso",
    "\u{c0ac}\u{c6a9}\u{d55c} \u{ae08}\u{c561}",
];
const STARTS: &[&str] = &[
    "reporting starts",
    "in\u{ed}cio dos relat\u{f3}rios",
    "inicio del informe",
    "d\u{e9}but des rapports",
    "beginn des berichts",
];
const ENDS: &[&str] =
    &["reporting ends", "t\u{e9}rmino dos relat\u{f3}rios", "fin del informe", "fin des rapports", "ende des berichts"];
const IMPRESSIONS: &[&str] = &["impressions", "impress\u{f5}es", "impresiones", "impressionen"];

const LINK: &[&str] =
    &["link clicks", "cliques no link", "clics en el enlace", "clics sur un lien", "link-klicks", "clic sul link"];
const ALL: &[&str] = &["clicks (all)", "cliques (todos)", "clics (todos)", "clics (tous)", "klicks (alle)"];

pub(super) const DIALECTS: &[Dialect] = &[Dialect {
    name: "meta-ads",
    title: "ads (Meta Ads Manager)",
    // Facebook, Instagram, Messenger and others together; the slice `platform` tells them apart.
    platform: "meta",
    level: Level::Ad,
    needs: &[
        &[
            "reporting starts",
            "in\u{ed}cio dos relat\u{f3}rios",
            "inicio del informe",
            "d\u{e9}but des rapports",
            "beginn des berichts",
            "ad set name",
            "ad name",
            "campaign name",
            "nome da campanha",
            "nombre de la campa\u{f1}a",
            "campa\u{f1}a",
            "nom de la campagne",
            "kampagnenname",
            "nome della campagna",
            "kampanjnamn",
        ],
        IMPRESSIONS,
    ],
    lacks: &[
        "start date (in utc)",
        "impr.",
        "clicks (destination)",
        "pin clicks",
        "ad group name",
        "spend in account currency",
        "campaign group id",
        "begindatum (in utc)",
    ],
    columns: &[
        column(Role::Day, &["day", "dia", "d\u{ed}a", "jour", "tag", "giorno", "dag"]),
        column(Role::Span, &["week", "month", "semana", "m\u{ea}s", "mes", "semaine", "mois", "woche", "monat"]),
        column(Role::From, STARTS),
        column(Role::To, ENDS),
        column(Role::Id, &["ad id", "identifica\u{e7}\u{e3}o do an\u{fa}ncio", "identificador del anuncio"]),
        column(Role::OtherId, &["campaign id", "ad set id"]),
        column(Role::Campaign, CAMPAIGN),
        column(Role::AdSet, AD_SET),
        column(Role::Ad, AD),
        column(Role::Account, &["account id", "account name"]),
        column(Role::Currency, &["currency", "moeda", "moneda", "devise", "w\u{e4}hrung"]),
        column(Role::Url, &["website url", "link (ad settings)"]),
        column(Role::UrlParameters, &["url parameters"]),
        column(Role::Format, &["format", "ad creative type"]),
        column(Role::Permalink, &["instagram permalink url", "facebook permalink url"]),
        column(Role::Text, &["body", "title", "headline"]),
        slice("age", &["age", "idade", "edad", "\u{e2}ge", "alter"]),
        slice("gender", &["gender", "g\u{ea}nero", "g\u{e9}nero", "genre", "geschlecht"]),
        slice("country", &["country", "pa\u{ed}s", "pays", "land"]),
        slice("region", &["region", "dma region"]),
        slice("platform", &["platform", "plataforma", "plattform", "plateforme"]),
        slice("placement", &["placement", "posicionamento", "ubicaci\u{f3}n"]),
        slice("device", &["impression device", "device platform"]),
        slice("hour", &["time of day (viewer's time zone)", "time of day (ad account time zone)"]),
        slice("asset", &["text", "image name", "description", "image, video and slideshow", "call to action type"]),
        slice("objective", &["objective", "objetivo"]),
        impressions(IMPRESSIONS),
        reach(&["reach", "alcance", "couverture", "reichweite", "copertura"]),
        clicks(Clicks::Link, LINK),
        clicks(Clicks::All, ALL),
        clicks(Clicks::Outbound, &["outbound clicks", "cliques de sa\u{ed}da", "clics salientes"]),
        clicks(Clicks::UniqueLink, &["unique link clicks"]),
        clicks(Clicks::UniqueAll, &["unique clicks (all)"]),
        clicks(Clicks::UniqueOutbound, &["unique outbound clicks"]),
        shown(Shown::LandingPageViews, &["landing page views", "website landing page views"]),
        spend(SPENT),
        percent(&[
            "ctr (all)",
            "ctr (link click-through rate)",
            "ctr (taxa de cliques no link)",
            "outbound ctr (click-through rate)",
        ]),
    ],
    subject: Subject::Ad { prefix: "meta-ad" },
    about: About::Spans,
    ..Dialect::BASE
}];
