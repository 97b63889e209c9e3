//! What is done with several links at once: those that are ticked in the list, or all that it holds.
//!
//! It must never change a link itself: the catalog's one way of changing many does, and here is told what became of each.

use std::collections::HashMap;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::layout::{self, Place};
use super::links::{found, view};
use super::parts::head;
use super::text::{counted, sentence};
use super::{Refused, may, unreadable};
use crate::admin::Admin;
use crate::admin::api::bulk::bounded;
use crate::admin::api::links_export;
use crate::admin::api::problem::Problem;
use crate::archive::Format;
use crate::domain::link::{Link, LinkId};
use crate::links::bulk::{BULK_MAX, Edit, How, Outcome};
use crate::links::catalog::CatalogError;
use crate::links::{Change, LIST_MAX, LinkFields, LinkFilter};

pub(super) const PATH: &str = "/links/selected";
const EXPORT: &str = "/links/export";

/// Links that are named before a removal; the others are a number.
const NAMED: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Tag,
    Untag,
    Archive,
    Unarchive,
    Disable,
    Enable,
    Remove,
}

impl Deed {
    const ALL: [Self; 7] =
        [Self::Tag, Self::Untag, Self::Archive, Self::Unarchive, Self::Disable, Self::Enable, Self::Remove];

    fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Untag => "untag",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Remove => "remove",
        }
    }

    /// On its button.
    fn name(self) -> &'static str {
        match self {
            Self::Tag => "Add tag",
            Self::Untag => "Take tag off",
            Self::Archive => "Archive",
            Self::Unarchive => "Unarchive",
            Self::Disable => "Disable",
            Self::Enable => "Enable",
            Self::Remove => "Remove…",
        }
    }

    /// What was done with `links`, such as `3 links`.
    fn done(self, links: &str, tag: &str) -> String {
        match self {
            Self::Tag => format!("{links} tagged {tag}"),
            Self::Untag => format!("{links} no longer tagged {tag}"),
            Self::Archive => format!("{links} archived"),
            Self::Unarchive => format!("{links} in lists again"),
            Self::Disable => format!("{links} disabled"),
            Self::Enable => format!("{links} enabled"),
            Self::Remove => format!("{links} removed"),
        }
    }

    /// What puts back what it changed.
    fn undo(self) -> Option<Self> {
        match self {
            Self::Tag => Some(Self::Untag),
            Self::Untag => Some(Self::Tag),
            Self::Archive => Some(Self::Unarchive),
            Self::Unarchive => Some(Self::Archive),
            Self::Disable => Some(Self::Enable),
            Self::Enable => Some(Self::Disable),
            Self::Remove => None,
        }
    }

    fn edit(self, tag: &str) -> Edit {
        let tags: Vec<String> = tag.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        let fields = LinkFields {
            archived: match self {
                Self::Archive | Self::Unarchive => Change::Set(self == Self::Archive),
                _ => Change::Keep,
            },
            enabled: match self {
                Self::Disable | Self::Enable => Change::Set(self == Self::Enable),
                _ => Change::Keep,
            },
            ..LinkFields::default()
        };
        let of = |deed| if self == deed { tags.clone() } else { Vec::new() };
        Edit { fields, add_tags: of(Self::Tag), remove_tags: of(Self::Untag) }
    }
}

/// What the form says, besides the links.
struct Asked {
    deed: Deed,
    tag: String,
    /// The query of the list that it was sent from.
    view: String,
    is_sure: bool,
}

type Pairs = Vec<(String, String)>;

fn get<'p>(pairs: &'p Pairs, wanted: &str) -> &'p str {
    pairs.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.trim())
}

impl Asked {
    fn parse(pairs: &Pairs) -> Result<Self, Problem> {
        let deed = Deed::ALL.into_iter().find(|deed| deed.as_str() == get(pairs, "do"));
        let deed =
            deed.ok_or_else(|| Problem::invalid("do", "nothing here is called so: go back and press a button"))?;
        let tag = get(pairs, "tag").to_owned();
        if tag.is_empty() && matches!(deed, Deed::Tag | Deed::Untag) {
            return Err(Problem::invalid("tag", "say which tag: go back and write it beside the button"));
        }
        Ok(Self { deed, tag, view: get(pairs, "view").to_owned(), is_sure: get(pairs, "sure") == "yes" })
    }

    fn back(&self) -> String {
        if self.view.is_empty() { "/links".to_owned() } else { format!("/links?{}", self.view) }
    }
}

/// The links that are ticked, or all of the list; each once.
async fn chosen(admin: &Admin, pairs: &Pairs) -> Result<Vec<LinkId>, Refused> {
    let mut ids = if get(pairs, "all") == "yes" {
        let asked = url::form_urlencoded::parse(get(pairs, "view").as_bytes()).into_owned().collect();
        found(admin, &view(admin, asked)?).await?
    } else {
        let named = pairs.iter().filter(|(name, _)| name == "id").flat_map(|(_, ids)| ids.split(','));
        let wrong = |_| Problem::invalid("id", "links are told by their numbers");
        named.map(|id| id.trim().parse().map(LinkId)).collect::<Result<_, _>>().map_err(wrong)?
    };
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    if ids.is_empty() {
        return Err(Problem::invalid("id", "no link is ticked: go back and tick those that are meant").into());
    }
    bounded("id", ids.len())?;
    Ok(ids)
}

/// The chosen links as a file. It changes nothing, so it is there for everybody.
pub(super) async fn export(
    State(admin): State<Admin>,
    pairs: Result<Query<Pairs>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(pairs) = pairs?;
    let ids = Some(chosen(&admin, &pairs).await?);
    let filter = LinkFilter { ids, limit: LIST_MAX, ..LinkFilter::default() };
    Ok(links_export::file(admin, filter, Format::Csv).await?)
}

pub(super) async fn act(
    State(admin): State<Admin>,
    pairs: Result<Form<Pairs>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(pairs) = pairs.map_err(unreadable)?;
    let (asked, ids) = (Asked::parse(&pairs)?, chosen(&admin, &pairs).await?);
    let known = Known::read(&admin, &ids).await?;
    if asked.deed == Deed::Remove && !asked.is_sure {
        return Ok(question(&asked, &ids, &known).into_response());
    }
    let told = if asked.deed == Deed::Remove {
        remove(&admin, &ids).await?
    } else {
        change(&admin, &asked, &ids, &known).await?
    };
    let status =
        if told.done == 0 && !told.refused.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, summary(&asked, &told, &known)).into_response())
}

/// What became of the links.
#[derive(Default)]
struct Told {
    done: usize,
    /// Those that are different now.
    changed: Vec<LinkId>,
    refused: Vec<(LinkId, CatalogError)>,
}

async fn change(admin: &Admin, asked: &Asked, ids: &[LinkId], known: &Known) -> Result<Told, Refused> {
    let outcomes = admin.catalog.edit_all(ids, &asked.deed.edit(&asked.tag), How::default()).await?;
    let mut told = Told::default();
    for (id, outcome) in ids.iter().zip(outcomes) {
        match outcome {
            Outcome::Done(saved) => {
                told.done += 1;
                told.changed.extend(known.is_changed(&saved.link).then_some(*id));
            }
            Outcome::Refused(error) => told.refused.push((*id, error)),
            Outcome::Fit(_) => {}
        }
    }
    Ok(told)
}

async fn remove(admin: &Admin, ids: &[LinkId]) -> Result<Told, Refused> {
    let mut told = Told::default();
    for (id, outcome) in ids.iter().zip(admin.catalog.remove_each(ids, How::default()).await?) {
        match outcome {
            Ok(()) => told.done += 1,
            Err(error) => told.refused.push((*id, error)),
        }
    }
    Ok(told)
}

/// The links as they are before anything is done to them; those that are not there are left out.
struct Known {
    links: HashMap<LinkId, (String, u64)>,
}

impl Known {
    async fn read(admin: &Admin, ids: &[LinkId]) -> Result<Self, Refused> {
        let filter = LinkFilter { ids: Some(ids.to_vec()), ..LinkFilter::default() };
        let links = admin.catalog.list(&filter).await?.links;
        let name = |link: &Link| admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug);
        Ok(Self { links: links.iter().map(|link| (link.id, (name(link), link.revision))).collect() })
    }

    fn name(&self, id: LinkId) -> String {
        self.links.get(&id).map_or_else(|| format!("link {id}"), |(name, _)| name.clone())
    }

    fn is_changed(&self, now: &Link) -> bool {
        self.links.get(&now.id).is_none_or(|(_, revision)| *revision != now.revision)
    }
}

fn joined(ids: &[LinkId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn question(asked: &Asked, ids: &[LinkId], known: &Known) -> Markup {
    let title = format!("Remove {}?", counted(ids.len() as u64, "link"));
    let content = html! {
        section.card.question {
            h1 { (title) }
            p {
                "From then on their short URLs answer 404, wherever they were posted. Their clicks are kept, and stay in the "
                "totals and in exports. Links that are archived instead go on working out of sight."
            }
            ul { @for id in ids.iter().take(NAMED) { li { (known.name(*id)) } } }
            @if ids.len() > NAMED { p.hint { "and " (ids.len() - NAMED) " more" } }
            form.actions method="post" action=(PATH) {
                input type="hidden" name="id" value=(joined(ids));
                input type="hidden" name="view" value=(asked.view);
                input type="hidden" name="sure" value="yes";
                button.danger name="do" value=(Deed::Remove.as_str()) { "Remove " (counted(ids.len() as u64, "link")) }
                a.button.plain href=(asked.back()) { "Cancel" }
            }
        }
    };
    layout::page(Place::Links, &title, &content)
}

fn summary(asked: &Asked, told: &Told, known: &Known) -> Markup {
    let title = match (told.done, told.refused.len()) {
        (0, refused) => format!("{} refused", counted(refused as u64, "link")),
        (done, _) => asked.deed.done(&counted(done as u64, "link"), &asked.tag),
    };
    let same = told.done - told.changed.len();
    let content = html! {
        (head(&title, "", html! { a.button.plain href=(asked.back()) { "Back to the list" } }))
        section.card {
            div role="status" {
                @if told.done > 0 { p { (sentence(&asked.deed.done(&counted(told.done as u64, "link"), &asked.tag))) } }
                @if asked.deed != Deed::Remove && same > 0 { p.hint { (same) " of them " @if same == 1 { "was" } @else { "were" } " so already." } }
                @if !told.refused.is_empty() { p.wrong { (counted(told.refused.len() as u64, "link")) " refused:" } }
            }
            @if !told.refused.is_empty() { (refusals(&told.refused, known)) }
            (undo(asked, &told.changed))
        }
    };
    layout::page(Place::Links, &title, &content)
}

fn refusals(refused: &[(LinkId, CatalogError)], known: &Known) -> Markup {
    html! {
        table {
            caption.unseen { "What was refused" }
            thead { tr { th scope="col" { "Link" } th scope="col" { "Why" } } }
            tbody { @for (id, why) in refused { tr { th scope="row" { (known.name(*id)) } td { (sentence(&why.to_string())) } } } }
        }
    }
}

/// The same the other way round, with those links that are different now.
fn undo(asked: &Asked, changed: &[LinkId]) -> Markup {
    html! {
        @if let Some(deed) = asked.deed.undo().filter(|_| !changed.is_empty()) {
            form.actions method="post" action=(PATH) {
                input type="hidden" name="id" value=(joined(changed));
                input type="hidden" name="tag" value=(asked.tag);
                input type="hidden" name="view" value=(asked.view);
                button.plain name="do" value=(deed.as_str()) { "Undo" }
            }
        } @else if asked.deed == Deed::Remove { p.hint { "This cannot be undone. The slugs are free again." } }
    }
}

/// A list with a box before each link, and below it what can be done with those that are ticked. `query` is that of the
/// list's address, `found` how many links it has on all pages, `shown` on this one.
pub(super) fn form(query: &str, found: usize, shown: usize, table: &Markup) -> Markup {
    let may_change = may::send(PATH);
    let (method, action) = if may_change { ("post", PATH) } else { ("get", EXPORT) };
    html! {
        form.selection method=(method) action=(action) {
            input type="hidden" name="view" value=(query);
            (table)
            div.deeds role="group" aria-label="With the links that are ticked" {
                span.soft { "With those that are ticked:" }
                @if may_change {
                    input.short name="tag" placeholder="Tag" aria-label="Tag" maxlength="64" autocomplete="off";
                    @for deed in Deed::ALL { button.plain name="do" value=(deed.as_str()) { (deed.name()) } }
                }
                button.plain formmethod="get" formaction=(EXPORT) { "Export" }
                @if found > shown && found <= BULK_MAX {
                    label.check { input type="checkbox" name="all" value="yes"; "All " (found) " links of this list" }
                }
            }
        }
    }
}

/// The box before a link.
pub(super) fn tick(id: LinkId, name: &str) -> Markup {
    html! { input type="checkbox" name="id" value=(id) aria-label={ "Tick " (name) }; }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_undone_is_undone_by_its_opposite_and_a_removal_is_not() {
        for deed in Deed::ALL {
            assert_eq!(deed.undo().and_then(Deed::undo), (deed != Deed::Remove).then_some(deed));
        }
    }

    #[test]
    fn several_tags_are_written_with_commas() {
        let edit = Deed::Tag.edit(" spring, ,2026 ");
        assert_eq!((edit.add_tags, edit.remove_tags), (vec!["spring".to_owned(), "2026".to_owned()], vec![]));
        assert_eq!(
            Deed::Disable.edit("x"),
            Edit { fields: LinkFields { enabled: Change::Set(false), ..LinkFields::default() }, ..Edit::default() }
        );
    }
}
