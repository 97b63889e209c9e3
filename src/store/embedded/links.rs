//! Links as rows. Every column is parsed again on its way out: the file can be edited by hand, and what is read here
//! becomes a `Location` header.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::error::{Failure, Reason, Result};
use super::number::Number;
use crate::domain::destination::Destination;
use crate::domain::link::{Author, Brought, DomainName, Link, LinkId, LinkSpec, Rules, Status, Way};
use crate::domain::placement::{Level, Placement, Platform, PostRef};
use crate::domain::slug::Slug;
use crate::domain::utm::Utm;
use crate::store::{CreatedAll, NewLink, Removed, Replaced};

/// The most links that one call lists, whatever it asks for.
const LISTED_MAX: usize = 10_000;

/// Every column, in the order of [`Column`].
macro_rules! columns {
    () => {
        "id, revision, created_at, updated_at, domain, slug, folded, url, destination,
        utm_source, utm_medium, utm_campaign, utm_term, utm_content, utm_id,
        platform, level, posts, title, tags, status, enabled, passthrough, visitor_utm, expires_at, expired_url,
        import, imported_from, imported_clicks, archived, made_by, made_way"
    };
}

/// The question for all columns of some links.
macro_rules! select {
    ($which:literal) => {
        concat!("SELECT ", columns!(), " FROM links WHERE ", $which)
    };
}

/// Links behind the one with id `?1`, at most `?2`.
pub(super) const SELECT_AFTER: &str = select!("id > ?1 ORDER BY id LIMIT ?2");

/// `:id` is NULL, so that SQLite gives the next one that was never used.
pub(super) const INSERT: &str = concat!(
    "INSERT INTO links (",
    columns!(),
    ") VALUES (
    :id, 1, :created_at, :now, :domain, :slug, :folded, :url, :destination,
    :utm_source, :utm_medium, :utm_campaign, :utm_term, :utm_content, :utm_id,
    :platform, :level, :posts, :title, :tags, :status, :enabled, :passthrough, :visitor_utm, :expires_at, :expired_url,
    :import, :imported_from, :imported_clicks, :archived, :made_by, :made_way
)"
);

/// The columns of a link by number: to look for one by its name among all others costs more than to read it, and a start
/// reads every link.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Id,
    Revision,
    CreatedAt,
    UpdatedAt,
    Domain,
    Slug,
    Folded,
    Url,
    Destination,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmTerm,
    UtmContent,
    UtmId,
    Platform,
    Level,
    Posts,
    Title,
    Tags,
    Status,
    Enabled,
    Passthrough,
    VisitorUtm,
    ExpiresAt,
    ExpiredUrl,
    Import,
    ImportedFrom,
    ImportedClicks,
    Archived,
    MadeBy,
    MadeWay,
}

const UPDATE: &str = "UPDATE links SET
    revision = revision + 1, updated_at = :now, domain = :domain, slug = :slug, folded = :folded, url = :url,
    destination = :destination, utm_source = :utm_source, utm_medium = :utm_medium, utm_campaign = :utm_campaign,
    utm_term = :utm_term, utm_content = :utm_content, utm_id = :utm_id, platform = :platform, level = :level,
    posts = :posts, title = :title, tags = :tags, status = :status, enabled = :enabled, passthrough = :passthrough,
    visitor_utm = :visitor_utm, expires_at = :expires_at, expired_url = :expired_url, import = :import,
    imported_from = :imported_from, imported_clicks = :imported_clicks, archived = :archived, made_by = :made_by,
    made_way = :made_way, created_at = :created_at
WHERE id = :id";

/// Runs within a transaction, so that whoever reads meanwhile sees all of them or none.
pub(super) fn create(file: &Connection, links: Vec<NewLink>, now: Timestamp) -> Result<CreatedAll> {
    let mut taken = Vec::new();
    for (at, link) in links.iter().enumerate() {
        taken.extend(holder(file, &link.spec.domain, &link.folded)?.map(|by| (at, by)));
    }
    if !taken.is_empty() {
        return Ok(CreatedAll::Taken(taken));
    }
    let mut created = Vec::with_capacity(links.len());
    for NewLink { spec, folded, created_at } in links {
        save(file, INSERT, None, &spec, &folded, Times { created_at, now })?;
        let id = LinkId(file.last_insert_rowid().unsigned_abs());
        created.push(Link { id, revision: 1, created_at, updated_at: now, spec });
    }
    Ok(CreatedAll::Yes(created))
}

pub(super) fn replace(
    file: &Connection,
    id: LinkId,
    revision: u64,
    spec: LinkSpec,
    folded: &str,
    now: Timestamp,
) -> Result<Replaced> {
    let Some(created_at) = unchanged_since(file, id, revision)? else { return Ok(Replaced::Changed) };
    if let Some(holder) = holder(file, &spec.domain, folded)?
        && holder != id
    {
        return Ok(Replaced::Taken(holder));
    }
    save(file, UPDATE, Some(id), &spec, folded, Times { created_at, now })?;
    Ok(Replaced::Yes(Box::new(Link { id, revision: revision + 1, created_at, updated_at: now, spec })))
}

pub(super) fn remove(file: &Connection, id: LinkId, revision: Option<u64>) -> Result<Removed> {
    let mut remove = file.prepare_cached("DELETE FROM links WHERE id = ?1 AND revision = coalesce(?2, revision)")?;
    if remove.execute(params![Number(id.0), revision.map(Number)])? > 0 {
        return Ok(Removed::Yes);
    }
    Ok(if by_id(file, id)?.is_some() { Removed::Changed } else { Removed::Absent })
}

pub(super) fn by_id(file: &Connection, id: LinkId) -> Result<Option<Link>> {
    let mut find = file.prepare_cached(select!("id = ?1"))?;
    find.query([Number(id.0)])?.next()?.map(link).transpose()
}

pub(super) fn by_slug(file: &Connection, domain: &DomainName, folded: &str) -> Result<Option<Link>> {
    let mut find = file.prepare_cached(select!("domain = ?1 AND folded = ?2"))?;
    find.query([&domain.0, folded])?.next()?.map(link).transpose()
}

pub(super) fn list(file: &Connection, after: LinkId, limit: usize) -> Result<Vec<Link>> {
    let mut list = file.prepare_cached(SELECT_AFTER)?;
    let mut rows = list.query(params![Number(after.0), Number(limit.min(LISTED_MAX) as u64)])?;
    let mut links = Vec::new();
    while let Some(row) = rows.next()? {
        links.push(link(row)?);
    }
    Ok(links)
}

/// The link that uses `folded` on `domain`.
fn holder(file: &Connection, domain: &DomainName, folded: &str) -> Result<Option<LinkId>> {
    let mut find = file.prepare_cached("SELECT id FROM links WHERE domain = ?1 AND folded = ?2")?;
    Ok(find.query_row([&domain.0, folded], |row| row.get(0)).optional()?.map(|Number(id)| LinkId(id)))
}

/// When link `id` was created, if its revision still is `revision`.
fn unchanged_since(file: &Connection, id: LinkId, revision: u64) -> Result<Option<Timestamp>> {
    let mut find = file.prepare_cached("SELECT created_at FROM links WHERE id = ?1 AND revision = ?2")?;
    let created: Option<String> = find.query_row([Number(id.0), Number(revision)], |row| row.get(0)).optional()?;
    created.map(|text| instant(&text).map_err(|reason| reason.in_row(|| name(id)))).transpose()
}

/// When a link was made, and when it is saved.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) created_at: Timestamp,
    pub(super) now: Timestamp,
}

pub(super) fn save(
    file: &Connection,
    sql: &str,
    id: Option<LinkId>,
    spec: &LinkSpec,
    folded: &str,
    times: Times,
) -> Result<()> {
    let LinkSpec { domain, slug, url, utm, destination, placement, title, tags, archived, rules, brought, made } = spec;
    let posts: Vec<_> = placement.posts.iter().map(PostRef::as_str).collect();
    file.prepare_cached(sql)?.execute(named_params! {
        ":id": id.map(|id| Number(id.0)),
        ":created_at": times.created_at.to_string(),
        ":now": times.now.to_string(),
        ":domain": domain.0,
        ":slug": slug.as_str(),
        ":folded": folded,
        ":url": url.as_str(),
        ":destination": destination.as_str(),
        ":utm_source": utm.source,
        ":utm_medium": utm.medium,
        ":utm_campaign": utm.campaign,
        ":utm_term": utm.term,
        ":utm_content": utm.content,
        ":utm_id": utm.id,
        ":platform": placement.platform.as_ref().map(Platform::as_str),
        ":level": placement.level.as_str(),
        ":posts": json(&posts),
        ":title": title,
        ":tags": json(tags),
        ":status": rules.status.code(),
        ":enabled": rules.enabled,
        ":passthrough": rules.passthrough,
        ":visitor_utm": rules.visitor_utm,
        ":expires_at": rules.expires_at.map(|at| at.to_string()),
        ":expired_url": rules.expired_url.as_ref().map(Destination::as_str),
        ":import": brought.as_ref().map(|brought| Number(brought.import)),
        ":imported_from": brought.as_ref().map(|brought| &brought.from),
        ":imported_clicks": brought.as_ref().and_then(|brought| brought.clicks).map(Number),
        ":archived": archived,
        ":made_by": made.as_ref().map(|made| &made.by),
        ":made_way": made.as_ref().and_then(|made| made.way).map(Way::as_str),
    })?;
    Ok(())
}

fn json(texts: &[impl AsRef<str>]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| serde_json::Value::from(text.as_ref())).collect();
    serde_json::Value::from(texts).to_string()
}

pub(super) fn link(row: &Row<'_>) -> Result<Link, Failure> {
    let id = LinkId(row.get::<_, Number>(Column::Id as usize)?.0);
    read(row, id).map_err(|reason| reason.in_row(|| name(id)))
}

fn name(id: LinkId) -> String {
    format!("link {id}")
}

fn read(row: &Row<'_>, id: LinkId) -> Result<Link, Reason> {
    Ok(Link {
        id,
        revision: row.get::<_, Number>(Column::Revision as usize)?.0,
        created_at: instant(&text(row, Column::CreatedAt)?)?,
        updated_at: instant(&text(row, Column::UpdatedAt)?)?,
        spec: LinkSpec {
            domain: DomainName(text(row, Column::Domain)?),
            slug: Slug::parse(&text(row, Column::Slug)?).map_err(Reason::of)?,
            url: destination(&text(row, Column::Url)?)?,
            utm: utm(row)?,
            destination: destination(&text(row, Column::Destination)?)?,
            placement: placement(row)?,
            title: row.get(Column::Title as usize)?,
            tags: texts(row, Column::Tags)?,
            archived: row.get(Column::Archived as usize)?,
            rules: rules(row)?,
            brought: brought(row)?,
            made: made(row)?,
        },
    })
}

fn utm(row: &Row<'_>) -> Result<Utm, Reason> {
    Ok(Utm {
        source: row.get(Column::UtmSource as usize)?,
        medium: row.get(Column::UtmMedium as usize)?,
        campaign: row.get(Column::UtmCampaign as usize)?,
        term: row.get(Column::UtmTerm as usize)?,
        content: row.get(Column::UtmContent as usize)?,
        id: row.get(Column::UtmId as usize)?,
    })
}

fn placement(row: &Row<'_>) -> Result<Placement, Reason> {
    let platform: Option<String> = row.get(Column::Platform as usize)?;
    let level = text(row, Column::Level)?;
    let posts = texts(row, Column::Posts)?;
    Ok(Placement {
        platform: platform.map(|name| Platform::parse(&name)).transpose().map_err(Reason::of)?,
        level: Level::parse(&level).ok_or_else(|| Reason::of(format!("its level {level:?} is none")))?,
        posts: posts.iter().map(|post| PostRef::parse(post)).collect::<Result<_, _>>().map_err(Reason::of)?,
    })
}

fn rules(row: &Row<'_>) -> Result<Rules, Reason> {
    let status: u16 = row.get(Column::Status as usize)?;
    let expires_at: Option<String> = row.get(Column::ExpiresAt as usize)?;
    let expired_url: Option<String> = row.get(Column::ExpiredUrl as usize)?;
    Ok(Rules {
        status: Status::from_code(status).ok_or_else(|| Reason::of(format!("its status {status} is none")))?,
        enabled: row.get(Column::Enabled as usize)?,
        passthrough: row.get(Column::Passthrough as usize)?,
        visitor_utm: row.get(Column::VisitorUtm as usize)?,
        expires_at: expires_at.as_deref().map(instant).transpose()?,
        expired_url: expired_url.as_deref().map(destination).transpose()?,
    })
}

fn brought(row: &Row<'_>) -> Result<Option<Brought>, Reason> {
    let Some(Number(import)) = row.get(Column::Import as usize)? else { return Ok(None) };
    let clicks: Option<Number> = row.get(Column::ImportedClicks as usize)?;
    Ok(Some(Brought { import, from: text(row, Column::ImportedFrom)?, clicks: clicks.map(|clicks| clicks.0) }))
}

fn made(row: &Row<'_>) -> Result<Option<Author>, Reason> {
    let Some(by) = row.get(Column::MadeBy as usize)? else { return Ok(None) };
    let way: Option<String> = row.get(Column::MadeWay as usize)?;
    let known = |way: String| {
        Way::parse(&way).ok_or_else(|| Reason::of(format!("it was made by the way {way:?}, which is none")))
    };
    Ok(Some(Author { by, way: way.map(known).transpose()? }))
}

fn text(row: &Row<'_>, column: Column) -> Result<String, Reason> {
    Ok(row.get(column as usize)?)
}

/// A JSON array of texts.
fn texts(row: &Row<'_>, column: Column) -> Result<Vec<String>, Reason> {
    serde_json::from_str(&text(row, column)?).map_err(|_| {
        let name = row.as_ref().column_name(column as usize).unwrap_or_default();
        Reason::of(format!("its {name} are no JSON array of texts"))
    })
}

fn instant(text: &str) -> Result<Timestamp, Reason> {
    text.parse().map_err(|_| Reason::of(format!("{text:?} is no instant")))
}

/// The longest allowed one may have been lowered since, which must not take a link away.
fn destination(text: &str) -> Result<Destination, Reason> {
    Destination::parse(text, usize::MAX).map_err(Reason::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_stands_where_it_is_read() {
        let names: Vec<_> = columns!().split(',').map(str::trim).collect();
        let at = |column: Column| names[column as usize];
        let [first, last] = [Column::Id, Column::MadeWay].map(at);
        assert_eq!((first, last, names.len()), ("id", "made_way", Column::MadeWay as usize + 1));
        assert_eq!([Column::Folded, Column::UtmId, Column::Import].map(at), ["folded", "utm_id", "import"]);
    }
}
