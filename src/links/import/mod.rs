//! Links that move in from another tool: a file is read, every link in it is checked as if it were made by hand, and all of
//! them are made, or those that can be.
//!
//! It must never lead a visitor elsewhere than the other tool did: a slug that two links want is given to neither.

mod record;
mod row;
mod source;
mod table;
pub(crate) mod wire;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

pub(crate) use record::{About, list};
pub(crate) use source::Source;
pub(crate) use table::FILE_BYTES_MAX;

use self::row::{Moving, Reader, Refused};
use self::wire::{Host, LinkImportReport, RefusedRow, SampleLink};
use super::bulk::{Checked, Wanted};
use super::catalog::{Catalog, CatalogError};
use super::{Change, LIST_MAX};
use crate::domain::link::{Brought, Link, LinkId, LinkSpec};
use crate::store::{NewLink, RecordStore, StoreError};

/// Rows that are refused, and links, that a report shows; it counts all of them.
const SHOWN_MAX: usize = 100;
const SAMPLE_MAX: usize = 10;

/// A file, and how it is to be imported.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) how: How,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct How {
    pub(crate) file_name: String,
    /// Known by its names, unless said.
    pub(crate) from: Option<Source>,
    /// Where every link goes; else to the domain of its host, or the default one.
    pub(crate) domain: Option<String>,
    pub(crate) dry_run: bool,
    /// Make the links that can be, although others cannot.
    pub(crate) skip_refused: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkImportError {
    #[error("{0}")]
    File(String),
    /// Nothing was made, because some cannot be.
    #[error("{} of {} links cannot be imported, so none was: mend them, or skip them (skip_refused)", .0.refused, .0.rows)]
    Refused(Box<LinkImportReport>),
    #[error("there are too many imports of links to keep another one: undo or remove one")]
    Full,
    #[error("import {0} does not exist, or was undone already")]
    NoImport(u64),
    #[error("{0}")]
    Catalog(#[from] CatalogError),
}

impl From<StoreError> for LinkImportError {
    fn from(error: StoreError) -> Self {
        Self::Catalog(error.into())
    }
}

type Result<T> = std::result::Result<T, LinkImportError>;

/// Imports links, or says what an import would do.
///
/// # Errors
/// When the file is not understood, a link is refused and may not be skipped, or the store fails.
pub(crate) async fn import(
    catalog: &Catalog,
    records: &dyn RecordStore,
    upload: Upload,
    now: Timestamp,
) -> Result<LinkImportReport> {
    let Upload { bytes, how } = upload;
    let from = how.from;
    // A large file takes a while to read, and this thread has others to answer.
    let read = tokio::task::spawn_blocking(move || File::read(&bytes, from)).await;
    let file = read.unwrap_or_else(|error| Err(error.to_string())).map_err(LinkImportError::File)?;
    let mut plan = Plan::make(catalog, file, how.domain.as_deref()).await?;
    let mut report = plan.report(catalog, &how);
    if how.dry_run {
        return Ok(report);
    }
    if report.refused > 0 && !how.skip_refused {
        return Err(LinkImportError::Refused(Box::new(report)));
    }
    if plan.fit.is_empty() {
        return Ok(report);
    }
    let about = record::begin(records, plan.about(&how, now)).await?.ok_or(LinkImportError::Full)?;
    plan.belong_to(about.id);
    let made = catalog.make_all(&plan.fit, false).await?;
    report.import = Some(about.id);
    report.made = made.iter().filter(|made| made.is_ok()).count() as u64;
    report.imported_clicks = made.iter().flatten().filter_map(|link| link.spec.brought.as_ref()?.clicks).sum();
    report.refused += made.len() as u64 - report.made;
    record::save(records, &About { made: report.made, clicks: report.imported_clicks, ..about }).await?;
    Ok(report)
}

/// Removes the links that an import made, and forgets it. How many they were.
///
/// # Errors
/// When there is no such import, or the store fails: then some of its links may be gone, and it can be undone again.
pub(crate) async fn undo(catalog: &Catalog, records: &dyn RecordStore, import: u64) -> Result<u64> {
    record::find(records, import).await?.ok_or(LinkImportError::NoImport(import))?;
    let mut after = LinkId(0);
    let mut removed = 0;
    loop {
        let page = catalog.store.links(after, LIST_MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let is_of = |link: &&Link| link.spec.brought.as_ref().is_some_and(|brought| brought.import == import);
        let made: Vec<_> = page.iter().filter(is_of).map(|link| link.id).collect();
        removed += catalog.unmake_all(&made).await?;
    }
    record::remove(records, import).await?;
    Ok(removed)
}

/// What a file says.
struct File {
    source: Source,
    is_csv: bool,
    links: Vec<Moving>,
    refused: Vec<Refused>,
}

impl File {
    fn read(bytes: &[u8], from: Option<Source>) -> std::result::Result<Self, String> {
        let table = table::read(bytes)?;
        let source = from.unwrap_or_else(|| Source::of_names(&table.names));
        let reader = Reader::new(source, table.is_csv);
        let (mut links, mut refused) = (Vec::with_capacity(table.rows.len()), Vec::new());
        for row in &table.rows {
            match reader.read(row) {
                Ok(link) => links.push(link),
                Err(row) => refused.push(row),
            }
        }
        Ok(Self { source, is_csv: table.is_csv, links, refused })
    }
}

/// What an import would do.
struct Plan {
    source: Source,
    is_csv: bool,
    rows: u64,
    /// What will be made, with the row of each.
    fit: Vec<NewLink>,
    /// Rows whose link is there already, leading to the same page.
    there: u64,
    refused: Vec<Refused>,
    hosts: BTreeMap<String, (u64, String)>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Plan {
    async fn make(catalog: &Catalog, file: File, domain: Option<&str>) -> Result<Self> {
        let mut plan = Self {
            source: file.source,
            is_csv: file.is_csv,
            rows: (file.links.len() + file.refused.len()) as u64,
            fit: Vec::new(),
            there: 0,
            refused: file.refused,
            hosts: BTreeMap::new(),
            left_out: BTreeMap::new(),
        };
        if let Some(domain) = domain {
            super::check::domain(domain, catalog.domains()).map_err(CatalogError::from)?;
        }
        let wanted: Vec<Wanted> = file.links.iter().map(|link| plan.wanted(catalog, link, domain)).collect();
        let checked = catalog.check_all(&wanted).await?;
        plan.decide(catalog, &file.links, checked);
        plan.refused.sort_by_key(|row| row.number);
        Ok(plan)
    }

    fn wanted(&mut self, catalog: &Catalog, link: &Moving, domain: Option<&str>) -> Wanted {
        let domains = catalog.domains();
        let of_host = |host: &str| domains.hosts_of_short_urls().find(|(known, ..)| *known == host);
        let to = match (domain, link.host.as_deref().and_then(of_host)) {
            (Some(domain), _) => domain.to_owned(),
            (None, Some((_, name, _))) => name.0,
            (None, None) => String::new(),
        };
        if let Some(host) = &link.host {
            let entry = self.hosts.entry(host.clone()).or_insert_with(|| (0, to.clone()));
            entry.0 += 1;
        }
        link.left_out.iter().for_each(|what| *self.left_out.entry(what).or_default() += 1);
        let mut fields = link.fields.clone();
        fields.domain = if to.is_empty() { Change::Keep } else { Change::Set(to) };
        let brought =
            Brought { import: 0, from: link.from.unwrap_or(self.source).as_str().to_owned(), clicks: link.clicks };
        Wanted { fields, created_at: link.created_at, brought: Some(brought) }
    }

    fn decide(&mut self, catalog: &Catalog, links: &[Moving], checked: Vec<Checked>) {
        let clashes = clashes(&checked);
        let refuse = |link: &Moving, message| Refused { number: link.number, slug: link.slug.clone(), message };
        for (at, (link, checked)) in links.iter().zip(checked).enumerate() {
            match checked {
                Checked::Fit(new) => match clashes.get(&at) {
                    Some(other) => self.refused.push(refuse(link, clash(catalog, &new.spec, link, &links[*other]))),
                    None => self.fit.push(*new),
                },
                Checked::Clash { wanted, with } if clashes.contains_key(&at) => {
                    self.refused.push(refuse(link, clash(catalog, &wanted, link, &links[with])));
                }
                Checked::Clash { .. } => self.there += 1,
                Checked::Taken { wanted, by } if wanted.destination == by.spec.destination => self.there += 1,
                Checked::Taken { by, .. } => {
                    let message = format!(
                        "link {} is at this slug already, and leads to {}",
                        by.id,
                        by.spec.destination.as_str()
                    );
                    self.refused.push(refuse(link, message));
                }
                Checked::Wrong(wrong) => self.refused.push(refuse(link, wrong.message)),
            }
        }
    }

    fn belong_to(&mut self, import: u64) {
        self.fit.iter_mut().filter_map(|new| new.spec.brought.as_mut()).for_each(|brought| brought.import = import);
    }

    fn clicks(&self) -> u64 {
        self.fit.iter().filter_map(|new| new.spec.brought.as_ref()?.clicks).sum()
    }

    fn about(&self, how: &How, now: Timestamp) -> About {
        About {
            id: 0,
            file_name: how.file_name.clone(),
            from: self.source.as_str().to_owned(),
            imported_at: now,
            rows: self.rows,
            made: 0,
            clicks: 0,
        }
    }

    fn report(&self, catalog: &Catalog, how: &How) -> LinkImportReport {
        let host = |(host, (links, domain)): (&String, &(u64, String))| {
            let to = catalog.domains().hosts_of_short_urls().find(|(_, name, _)| name.0 == *domain);
            Host {
                host: host.clone(),
                links: *links,
                to: to.map_or_else(|| domain.clone(), |(host, ..)| host.to_owned()),
            }
        };
        let row = |row: &Refused| RefusedRow { row: row.number, slug: row.slug.clone(), message: row.message.clone() };
        LinkImportReport {
            import: None,
            dry_run: how.dry_run,
            file_name: how.file_name.clone(),
            from: self.source.as_str().to_owned(),
            format: if self.is_csv { "csv" } else { "json" }.to_owned(),
            counted: self.source.counted().to_owned(),
            rows: self.rows,
            made: self.fit.len() as u64,
            there: self.there,
            refused: self.refused.len() as u64,
            imported_clicks: self.clicks(),
            hosts: self.hosts.iter().map(host).collect(),
            left_out: self.left_out.iter().map(|(what, links)| ((*what).to_owned(), *links)).collect(),
            refusals: self.refused.iter().take(SHOWN_MAX).map(row).collect(),
            sample: self.fit.iter().take(SAMPLE_MAX).map(|new| sample(catalog, new)).collect(),
        }
    }
}

fn sample(catalog: &Catalog, new: &NewLink) -> SampleLink {
    let spec = &new.spec;
    SampleLink {
        short_url: catalog.domains().short_url(&spec.domain, &spec.slug),
        destination: spec.destination.as_str().to_owned(),
        title: spec.title.clone(),
        tags: spec.tags.clone(),
        created_at: new.created_at,
        clicks: spec.brought.as_ref().and_then(|brought| brought.clicks),
    }
}

/// Links of one file that want the same slug and lead to different pages: each with another one of them. Neither may have
/// it, because whoever follows the other one would be led astray.
fn clashes(checked: &[Checked]) -> HashMap<usize, usize> {
    let mut clashes = HashMap::new();
    for (at, one) in checked.iter().enumerate() {
        let Checked::Clash { wanted, with } = one else { continue };
        let Some(first) = checked[*with].fit() else { continue };
        if first.spec.destination != wanted.destination {
            clashes.insert(at, *with);
            clashes.entry(*with).or_insert(at);
        }
    }
    clashes
}

fn clash(catalog: &Catalog, spec: &LinkSpec, link: &Moving, other: &Moving) -> String {
    let number = other.number;
    if link.slug == other.slug {
        return format!("row {number} has the same slug and another destination");
    }
    let host = catalog.domains().readable(&spec.domain, &spec.slug);
    let host = host.split('/').next().unwrap_or_default();
    format!(
        "row {number} has {:?}, which is the same slug on {host}, and another destination: `slugs = \"strict\"` in \
         `domains` makes {host} tell upper from lower case",
        other.slug
    )
}
