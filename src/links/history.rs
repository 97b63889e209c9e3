//! What was changed about a link, when and by whom: a bounded list for each link, in the store.
//!
//! It must never stand in the way of a change: one that was made but cannot be written down is told in the log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::link::{Link, LinkId, LinkSpec, Rules};
use crate::domain::record::{Expected, RecordKey, RecordKind, RecordValue, Saved};
use crate::domain::utm::UtmField;
use crate::store::{Store, StoreError};

/// The most changes that are kept of one link; the oldest go first, and sooner where texts are long.
const CHANGES_MAX: usize = 50;

/// How often a list is read and written again when others write it at the same time.
const TRIES: usize = 8;

tokio::task_local! {
    /// Who changes links in this task. Of the task, so that no way of changing a link can forget to say it.
    static AUTHOR: String;
}

/// Does `work`, whose changes of links are `author`'s.
pub(crate) async fn written_by<F: Future>(author: String, work: F) -> F::Output {
    AUTHOR.scope(author, work).await
}

/// Without a request there is no author but the program itself.
fn author() -> String {
    AUTHOR.try_with(String::clone).unwrap_or_else(|_| "Waypost".to_owned())
}

/// One change of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    /// The link's revision after it.
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

/// The changes of a link that are kept, the oldest first.
///
/// # Errors
/// When the store fails or holds what cannot be read.
pub(crate) async fn of_link(store: &dyn Store, id: LinkId) -> Result<Vec<Edit>, StoreError> {
    Ok(read(store, id).await?.1)
}

/// Writes down what became of a link.
pub(super) async fn write(store: &dyn Store, before: &LinkSpec, after: &Link) {
    let fields = differences(before, &after.spec);
    let edit = Edit { at: after.updated_at, by: author(), revision: after.revision, fields };
    if let Err(error) = append(store, after.id, &edit).await {
        tracing::warn!(link = %after.id, by = edit.by, %error, "a change is not in the link's history");
    }
}

/// Forgets a link that was removed; who did it is in the log.
pub(super) async fn forget(store: &dyn Store, id: LinkId) {
    tracing::info!(link = %id, by = author(), "removed");
    if let Err(error) = store.remove_record(RecordKind::History, &key(id)).await {
        tracing::warn!(link = %id, %error, "the history of a removed link is still there");
    }
}

async fn append(store: &dyn Store, id: LinkId, edit: &Edit) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let (expected, mut edits) = read(store, id).await?;
        edits.push(edit.clone());
        match store.put_record(RecordKind::History, &key(id), expected, &fitting(edits)?).await? {
            Saved::Yes(_) => return Ok(()),
            Saved::Full => return Err(StoreError::Unavailable("too many links have a history".to_owned())),
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

fn differences(before: &LinkSpec, after: &LinkSpec) -> Vec<FieldEdit> {
    let pairs = told(before).into_iter().zip(told(after));
    let different = pairs.filter(|((_, from), (_, to))| from != to);
    different.map(|((field, from), (_, to))| FieldEdit { field: field.to_owned(), from, to }).collect()
}

/// Every field that can be edited, as text, always in the same order. Taken apart without `..`, so that a new field cannot
/// be left out.
fn told(spec: &LinkSpec) -> Vec<(&'static str, String)> {
    let LinkSpec { domain, slug, url, utm, destination: _, placement, title, tags, rules, brought: _ } = spec;
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
        Edit { at: Timestamp::UNIX_EPOCH, by: "ada".to_owned(), revision, fields }
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
            rules: Rules { enabled, ..Rules::default() },
            brought: None,
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
