//! What was done to a link, when, by whom and by what way: a bounded list for each link, in the store, and for a while
//! after the link was removed.
//!
//! It must never stand in the way of a change: one that was made but cannot be written down is told in the log.

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::link::{Author, Link, LinkId, LinkSpec, Rules, Way};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::domain::utm::UtmField;
use crate::store::{Store, StoreError};

/// The most changes that are kept of one link; the oldest go first, and sooner where texts are long.
const CHANGES_MAX: usize = 50;

/// How often a list is read and written again when others write it at the same time.
const TRIES: usize = 8;

/// How long the history of a removed link can be read.
pub(crate) const REMOVED_KEPT_DAYS: i64 = 365;

/// Histories of removed links that are looked at, and may be forgotten, whenever links are removed.
const SWEPT: usize = 200;

/// Histories that are ended at the same time.
const AT_ONCE: usize = 16;

tokio::task_local! {
    /// Who changes links in this task. Of the task, so that no way of changing a link can forget to say it.
    static AUTHOR: Author;
}

/// Does `work`, whose changes of links are `author`'s.
pub(crate) async fn written_by<F: Future>(author: Author, work: F) -> F::Output {
    AUTHOR.scope(author, work).await
}

/// Without a request there is no author but the program itself.
pub(super) fn author() -> Author {
    AUTHOR.try_with(Author::clone).unwrap_or_else(|_| Author { by: "Waypost".to_owned(), way: None })
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    Made,
    #[default]
    Changed,
    Removed,
}

impl Deed {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// One thing that was done to a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) way: Option<Way>,
    #[serde(default)]
    pub(crate) deed: Deed,
    /// The link's revision after it, or its last.
    pub(crate) revision: u64,
    pub(crate) fields: Vec<FieldEdit>,
}

/// What became of one field, in the API's words. Empty where there was or is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldEdit {
    pub(crate) field: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What was done to a link that is there, the oldest first.
///
/// # Errors
/// When the store fails or holds what cannot be read.
pub(crate) async fn of_link(store: &dyn Store, link: &Link) -> Result<Vec<Edit>, StoreError> {
    let edits = read(store, link.id).await?.1;
    Ok(making(link).into_iter().chain(edits).collect())
}

/// What was done to a link that was removed, the oldest first; `None` of one that never was, or was removed long ago.
///
/// # Errors
/// When the store fails or holds what cannot be read.
pub(crate) async fn of_removed(store: &dyn Store, id: LinkId) -> Result<Option<Vec<Edit>>, StoreError> {
    let edits = read(store, id).await?.1;
    Ok(Some(edits).filter(|edits| edits.last().is_some_and(|edit| edit.deed == Deed::Removed)))
}

/// The link itself says who made it, so that no history is needed for that.
fn making(link: &Link) -> Option<Edit> {
    let Author { by, way } = link.spec.made.clone()?;
    Some(Edit { at: link.created_at, by, way, deed: Deed::Made, revision: 1, fields: Vec::new() })
}

/// Writes down what became of a link.
pub(super) async fn write(store: &dyn Store, before: &LinkSpec, after: &Link) {
    let fields = differences(before, &after.spec);
    let Author { by, way } = author();
    let edit = Edit { at: after.updated_at, by, way, deed: Deed::Changed, revision: after.revision, fields };
    if let Err(error) = append(store, after.id, |edits| edits.push(edit.clone())).await {
        tracing::warn!(link = %after.id, by = edit.by, %error, "a change is not in the link's history");
    }
}

/// Ends the histories of links that were removed with what they were, and forgets those of links that were removed long ago.
pub(super) async fn close_all(store: &dyn Store, gone: &[Link], now: Timestamp) {
    let author = author();
    let closing: Vec<_> = gone.iter().map(|link| close(store, link, &author, now)).collect();
    futures_util::stream::iter(closing).buffer_unordered(AT_ONCE).collect::<()>().await;
    if let Err(error) = sweep(store, now).await {
        tracing::warn!(%error, "histories of links that were removed long ago are still there");
    }
}

async fn close(store: &dyn Store, link: &Link, author: &Author, now: Timestamp) {
    let Author { by, way } = author.clone();
    tracing::info!(link = %link.id, by, "removed");
    let was = told(&link.spec).into_iter().filter(|(_, value)| !value.is_empty());
    let fields = was.map(|(field, from)| FieldEdit { field: field.to_owned(), from, to: String::new() }).collect();
    let removal = Edit { at: now, by, way, deed: Deed::Removed, revision: link.revision, fields };
    let ended = |edits: &mut Vec<Edit>| {
        edits.drain(..edits.len().saturating_sub(CHANGES_MAX - 2));
        edits.splice(0..0, making(link));
        edits.push(removal.clone());
    };
    let closed = async {
        append(store, link.id, ended).await?;
        let value = RecordValue::new(Vec::new()).expect("nothing fits");
        store.put_record(RecordKind::Removal, &removal_key(now, link.id), Expected::Absent, &value).await
    };
    if let Err(error) = closed.await {
        tracing::warn!(link = %link.id, %error, "the history of a removed link is not kept as it should be");
    }
}

/// Removals are in the order of their time, so those that were longest ago come first.
async fn sweep(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let first_kept = removal_key(now - SignedDuration::from_hours(24 * REMOVED_KEPT_DAYS), LinkId(0));
    let oldest = store.records(RecordKind::Removal, None, SWEPT).await?;
    for record in oldest.iter().filter(|record| record.key < first_kept) {
        forget(store, record).await?;
    }
    Ok(())
}

async fn forget(store: &dyn Store, removal: &Record) -> Result<(), StoreError> {
    if let Some(history) = removal.key.as_str().split(' ').nth(1).and_then(RecordKey::new) {
        store.remove_record(RecordKind::History, &history).await?;
    }
    store.remove_record(RecordKind::Removal, &removal.key).await.map(drop)
}

/// Forgets what was done to links that are as if they had never been made. Only what was changed has a history.
pub(super) async fn forget_all(store: &dyn Store, gone: &[Link]) {
    tracing::info!(links = gone.len(), by = author().by, "unmade");
    for link in gone.iter().filter(|link| link.revision > 1) {
        if let Err(error) = store.remove_record(RecordKind::History, &key(link.id)).await {
            tracing::warn!(link = %link.id, %error, "the history of a removed link is still there");
        }
    }
}

async fn append(store: &dyn Store, id: LinkId, add: impl Fn(&mut Vec<Edit>)) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let (expected, mut edits) = read(store, id).await?;
        add(&mut edits);
        match store.put_record(RecordKind::History, &key(id), expected, &fitting(edits)?).await? {
            Saved::Yes(_) => return Ok(()),
            // Histories of removed links make room for those of links that are there.
            Saved::Full => match store.records(RecordKind::Removal, None, 1).await?.first() {
                Some(oldest) => forget(store, oldest).await?,
                None => return Err(StoreError::Unavailable("too many links have a history".to_owned())),
            },
            Saved::Changed => {}
        }
    }
    Err(StoreError::Unavailable("too many change it at the same time".to_owned()))
}

async fn read(store: &dyn Store, id: LinkId) -> Result<(Expected, Vec<Edit>), StoreError> {
    let Some(record) = store.record(RecordKind::History, &key(id)).await? else {
        return Ok((Expected::Absent, Vec::new()));
    };
    let unreadable = |error| StoreError::Corrupt(format!("the history of link {id}: {error}"));
    Ok((Expected::At(record.revision), serde_json::from_slice(record.value.as_bytes()).map_err(unreadable)?))
}

/// The latest changes, as many as are kept and as fit into a record.
fn fitting(mut edits: Vec<Edit>) -> Result<RecordValue, StoreError> {
    edits.drain(..edits.len().saturating_sub(CHANGES_MAX));
    while !edits.is_empty() {
        let bytes = serde_json::to_vec(&edits).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        if let Some(value) = RecordValue::new(bytes) {
            return Ok(value);
        }
        edits.remove(0);
    }
    Err(StoreError::Corrupt("one change is larger than a record".to_owned()))
}

/// Numbers of equal length, so that records are in the order of their links.
fn key(id: LinkId) -> RecordKey {
    RecordKey::new(&format!("{id:020}")).expect("a number is short and has no control characters")
}

/// When, then which link.
fn removal_key(at: Timestamp, id: LinkId) -> RecordKey {
    let text = format!("{} {}", at.strftime("%Y-%m-%dT%H:%M:%SZ"), key(id).as_str());
    RecordKey::new(&text).expect("an instant and a number are short and have no control characters")
}

fn differences(before: &LinkSpec, after: &LinkSpec) -> Vec<FieldEdit> {
    let pairs = told(before).into_iter().zip(told(after));
    let different = pairs.filter(|((_, from), (_, to))| from != to);
    different.map(|((field, from), (_, to))| FieldEdit { field: field.to_owned(), from, to }).collect()
}

/// Every field that can be edited, as text, always in the same order. Taken apart without `..`, so that a new field cannot
/// be left out.
fn told(spec: &LinkSpec) -> Vec<(&'static str, String)> {
    let LinkSpec {
        domain,
        slug,
        url,
        utm,
        destination: _,
        placement,
        title,
        tags,
        archived,
        rules,
        brought: _,
        made: _,
    } = spec;
    let Rules { status, enabled, passthrough, visitor_utm, expires_at, expired_url } = rules;
    let mut fields =
        vec![("domain", domain.0.clone()), ("slug", slug.as_str().to_owned()), ("url", url.as_str().to_owned())];
    fields.extend(UtmField::ALL.map(|field| (field.path(), utm.get(field).unwrap_or_default().to_owned())));
    let posts: Vec<&str> = placement.posts.iter().map(|post| post.as_str()).collect();
    fields.extend([
        ("platform", placement.platform.as_ref().map(|platform| platform.as_str().to_owned()).unwrap_or_default()),
        ("level", placement.level.as_str().to_owned()),
        ("posts", posts.join(" ")),
        ("title", title.clone().unwrap_or_default()),
        ("tags", tags.join(", ")),
        ("archived", archived.to_string()),
        ("status", status.code().to_string()),
        ("enabled", enabled.to_string()),
        ("passthrough", passthrough.to_string()),
        ("visitor_utm", visitor_utm.to_string()),
        ("expires_at", expires_at.map(|at| at.to_string()).unwrap_or_default()),
        ("expired_url", expired_url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default()),
    ]);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(revision: u64, text: &str) -> Edit {
        let fields = vec![FieldEdit { field: "url".to_owned(), from: text.to_owned(), to: text.to_owned() }];
        Edit { at: Timestamp::UNIX_EPOCH, by: "ada".to_owned(), way: None, deed: Deed::Changed, revision, fields }
    }

    #[test]
    fn the_latest_changes_are_kept_as_far_as_they_fit() {
        let kept = |edits: Vec<Edit>| -> Vec<u64> {
            let value = fitting(edits).unwrap();
            let edits: Vec<Edit> = serde_json::from_slice(value.as_bytes()).unwrap();
            edits.iter().map(|edit| edit.revision).collect()
        };
        assert_eq!(kept((1..=60).map(|n| edit(n, "x")).collect()), (11..=60).collect::<Vec<_>>());
        let long = "x".repeat(8_192);
        assert_eq!(kept((1..=60).map(|n| edit(n, &long)).collect()), [58, 59, 60]);
        assert!(fitting(vec![edit(1, &"x".repeat(70_000))]).is_err());
    }

    fn spec(url: &str, tags: &[&str], enabled: bool) -> LinkSpec {
        let url = crate::domain::destination::Destination::parse(url, 2048).unwrap();
        LinkSpec {
            domain: crate::domain::link::DomainName::DEFAULT,
            slug: crate::domain::slug::Slug::parse("x").unwrap(),
            utm: crate::domain::utm::Utm::default(),
            destination: url.clone(),
            url,
            placement: crate::domain::placement::Placement::default(),
            title: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            archived: false,
            rules: Rules { enabled, ..Rules::default() },
            brought: None,
            made: None,
        }
    }

    #[test]
    fn a_change_is_told_field_by_field() {
        let told = differences(&spec("https://e.com/a", &["old"], true), &spec("https://e.com/b", &["a", "b"], false));
        let told: Vec<_> = told.iter().map(|edit| [&*edit.field, &*edit.from, &*edit.to]).collect();
        let url = ["url", "https://e.com/a", "https://e.com/b"];
        assert_eq!(told, [url, ["tags", "old", "a, b"], ["enabled", "true", "false"]]);
    }
}
