//! Two links beside each other in the same days: their clicks, their rates, and what their clicks were like.
//!
//! It must never call one of two rates the higher one without saying how sure that is.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};

use super::breakdown::Breakdown;
use super::ctr::versus;
use super::field::Field;
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::matches::meant;
use super::parts::{card, empty, head};
use super::text::{count, percent, plain, sentence};
use super::view::View;
use super::{Refused, chart, figures, link, map};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::facet::Facet;
use crate::domain::link::{Link, LinkId};
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::CtrQuery;
use crate::stats::rates;
use crate::stats::wire::StatsReport;

/// What the two links' clicks are told apart by.
const FACETS: [Breakdown<'_>; 5] = [link::SOURCE, link::SEEN_ON, map::COUNTRIES, link::DEVICE, link::LANGUAGE];

/// Values of one list; each link's own page has all of its own.
const VALUES: usize = 8;

/// One of the two.
struct One {
    link: Link,
    name: String,
    days: StatsReport,
    by: [StatsReport; FACETS.len()],
}

pub(super) async fn page(
    State(admin): State<Admin>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(pairs) = pairs?;
    let view = View::parse("/links/compare", pairs, &["a", "b"], admin.today())?;
    let (Some(a), Some(b)) = (view.get("a"), view.get("b")) else { return Ok(draw(&view, &html! {})) };
    let (a, b) = (chosen(&admin, "a", a).await?, chosen(&admin, "b", b).await?);
    if a == b {
        return Err(Problem::invalid("b", "these are the same link: name another one").into());
    }
    let (a, b) = (read(&admin, &view, a).await?, read(&admin, &view, b).await?);
    let drawn = html! {
        (over_time(&admin, [&a, &b]))
        (card("Click-through rate, all imported days", compared(&admin, [&a, &b]).await?))
        div.columns { @for (at, facet) in FACETS.into_iter().enumerate() { (values(at, facet, [&a, &b])) } }
    };
    Ok(draw(&view, &drawn))
}

/// A way from a link's page to its comparison with another one.
pub(super) fn other(view: &View, link: &Link) -> Markup {
    html! {
        section.card {
            h2 { "Beside another link" }
            form.line method="get" action="/links/compare" {
                (view.hidden_days())
                input type="hidden" name="a" value={ "id:" (link.id) };
                (Field::new("b", "The other link").example("spring").typed("text", ""))
                button.plain { "Compare" }
            }
        }
    }
}

async fn chosen(admin: &Admin, field: &'static str, text: &str) -> Result<LinkId, Problem> {
    meant(admin, text).await.map_err(|problem| {
        if problem.status().is_server_error() { problem } else { Problem::invalid(field, problem.detail()) }
    })
}

async fn read(admin: &Admin, view: &View, id: LinkId) -> Result<One, Refused> {
    let link = admin.catalog.get(id).await?;
    let [a, b, c, d, e] = FACETS.map(Breakdown::by);
    let view = view.clone().of_link(id);
    let [days, by @ ..] = figures::clicks(admin, &view, [view.step(), a, b, c, d, e]).await?;
    let slug = link.spec.slug.as_str();
    let name = if link.spec.domain.is_default() { slug.to_owned() } else { format!("{}/{slug}", link.spec.domain.0) };
    Ok(One { link, name, days, by })
}

fn draw(view: &View, compared: &Markup) -> Markup {
    let given = |name: &str| view.get(name).unwrap_or_default().to_owned();
    let content = html! {
        (head("Two links", view.days(), view.picker()))
        section.card {
            form.line method="get" action="/links/compare" {
                (view.hidden(&["a", "b"]))
                (Field::new("a", "The one").example("spring").typed("text", &given("a")))
                (Field::new("b", "The other").example("autumn").typed("text", &given("b")))
                button { "Compare" }
            }
            (view.filters(Facet::all().filter(|facet| matches!(facet, Facet::Click(_)))))
        }
        (compared)
    };
    layout::page(Place::Elsewhere, "Two links", &content)
}

fn over_time(admin: &Admin, [a, b]: [&One; 2]) -> Markup {
    let known = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
    let rows = [
        (Word::Click, "Clicks", [a, b].map(|one| count(one.days.clicks))),
        (Word::Visitor, "Visitors, day by day", [a, b].map(|one| known(one.days.visitors))),
        (Word::Hit, "Hits", [a, b].map(|one| known(one.days.hits))),
    ];
    html! {
        section.card {
            h2 { "Clicks" }
            table {
                thead {
                    tr {
                        td {}
                        @for one in [a, b] { th.number scope="col" { a href={ "/links/" (one.link.id) } { (one.name) } } }
                    }
                }
                tbody {
                    @for (word, name, numbers) in rows {
                        tr { th scope="row" { (defined(word, name)) } @for number in numbers { td.number { (number) } } }
                    }
                }
            }
            (chart::draw(&a.days, Some(chart::Against::Link([&a.name, &b.name], &b.days)), &admin.report_zone))
        }
    }
}

/// The rates of both with the interval of their difference, if both have one of the same kind.
async fn compared(admin: &Admin, [a, b]: [&One; 2]) -> Result<Markup, Refused> {
    let query = CtrQuery { by: Grouping::Link, from: None, to: None, numerator: Numerator::Human, order: Order::Size };
    let [one, other] = [a, b].map(|one| one.link.id.to_string());
    match rates::compare(&admin.ratings().await?, &query, &one, &other).await {
        Ok(found) => Ok(versus(admin, &found, query.by)),
        Err(error) => {
            let problem = Problem::from(error);
            if problem.status().is_server_error() {
                return Err(problem.into());
            }
            let named = |text: String, id: &str, name: &str| text.replace(&format!("{id:?}"), &format!("{name:?}"));
            let told = named(named(problem.detail().to_owned(), &one, &a.name), &other, &b.name);
            Ok(html! {
                p.hint { "There are no two rates to compare: " (sentence(&plain(&told))) " " a href="/imports" { "Import impressions" } "." }
            })
        }
    }
}

/// A list with a column for each of the two.
fn values(at: usize, facet: Breakdown<'_>, both: [&One; 2]) -> Markup {
    let mut rows: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (which, one) in both.into_iter().enumerate() {
        for row in &one.by[at].rows {
            rows.entry(&row.value).or_default()[which] = row.clicks;
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, [one, other])| std::cmp::Reverse(one.saturating_add(*other)));
    let of = |which: usize, clicks: u64| percent(clicks as f64 / both[which].days.clicks.max(1) as f64);
    let content = html! {
        @if rows.is_empty() { (empty("No clicks in these days.", None)) } @else {
            table.values {
                thead { tr { th scope="col" { span.unseen { (facet.title) } } @for one in both { th.number scope="col" { (one.name) } } } }
                tbody {
                    @for (value, clicks) in rows.iter().take(VALUES) {
                        tr {
                            th scope="row" { (facet.name(value)) }
                            @for (which, clicks) in clicks.iter().enumerate() { td.number { (count(*clicks)) " " small { (of(which, *clicks)) } } }
                        }
                    }
                }
            }
        }
    };
    card(facet.heading(), content)
}
