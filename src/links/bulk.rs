//! Many links at once, each with an answer of its own: what bulk requests and imports end in.
//!
//! It must never make a part of what was to be made whole: links that go together are one step of the store.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::catalog::{Catalog, CatalogError, Done, Result, SLUG_ATTEMPTS, Saved};
use super::check::{self, Invalid, Limits};
use super::fields::{Change, LinkFields};
use super::generate;
use super::history;
use crate::domain::link::{Brought, DomainName, Link, LinkId, LinkSpec, Way};
use crate::store::{CreatedAll, LINKS_AT_ONCE_MAX, NewLink, Removed};

/// The most links of one request.
pub(crate) const BULK_MAX: usize = LINKS_AT_ONCE_MAX;

/// Questions to the store that are under way at the same time.
const ASKED_AT_ONCE: usize = 64;

/// Edits that are under way at the same time.
const EDITED_AT_ONCE: usize = 16;

/// How many are to be treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct How {
    /// Say what would happen, and change nothing.
    pub(crate) dry_run: bool,
    /// If one cannot be, none is.
    pub(crate) all_or_nothing: bool,
}

/// One link that shall be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) fields: LinkFields,
    /// When it was made elsewhere; now, unless said.
    pub(crate) created_at: Option<Timestamp>,
    /// A link that moves in. What `[links.utm]` demands is not asked of it: it has been posted as it is.
    pub(crate) brought: Option<Brought>,
}

/// What stands in the way of a link, if anything.
#[derive(Clone, Debug)]
pub(crate) enum Checked {
    /// It can be made.
    Fit(Box<NewLink>),
    Wrong(Invalid),
    /// This link is at its slug.
    Taken {
        wanted: Box<LinkSpec>,
        by: Box<Link>,
    },
    /// An earlier one of the same request, by its place, is to get its slug.
    Clash {
        wanted: Box<LinkSpec>,
        with: usize,
    },
}

/// What became of one link of many.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Saved),
    /// It could be, and was not: by a dry run, or because another one cannot.
    Fit(Saved),
    Refused(CatalogError),
}

impl Catalog {
    /// Makes links, each or all.
    ///
    /// # Errors
    /// When the store fails; what is wrong with a link is its outcome.
    pub(crate) async fn create_many(&self, wanted: &[Wanted], how: How) -> Result<Vec<Outcome>> {
        let checked = self.check_all(wanted).await?;
        let is_stopped = how.all_or_nothing && checked.iter().any(|checked| !matches!(checked, Checked::Fit(_)));
        if how.dry_run || is_stopped {
            let outcomes = checked.into_iter().map(|checked| self.foreseen(checked));
            return Ok(outcomes.zip(wanted).map(|(outcome, wanted)| outcome.after(self, &wanted.fields)).collect());
        }
        let fit: Vec<NewLink> = checked.iter().filter_map(Checked::fit).cloned().collect();
        let mut made = self.make_all(&fit, how.all_or_nothing).await?.into_iter();
        let outcome = |checked| match checked {
            Checked::Fit(new) => match made.next() {
                Some(Ok(link)) => Outcome::Done(self.saved(link)),
                Some(Err(Some(by))) => Outcome::Refused(taken(&new.spec, by)),
                Some(Err(None)) | None => self.foreseen(Checked::Fit(new)),
            },
            other => self.foreseen(other),
        };
        let outcomes = checked.into_iter().map(outcome);
        Ok(outcomes.zip(wanted).map(|(outcome, wanted)| outcome.after(self, &wanted.fields)).collect())
    }

    /// What stands in the way of each.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn check_all(&self, wanted: &[Wanted]) -> Result<Vec<Checked>> {
        let mut checked: Vec<Checked> = Vec::with_capacity(wanted.len());
        for wanted in wanted.chunks(BULK_MAX) {
            checked
                .extend(in_order(ASKED_AT_ONCE, wanted.iter().map(|wanted| self.check_one(wanted)).collect()).await?);
        }
        let mut first: HashMap<(DomainName, String), usize> = HashMap::new();
        for (at, checked) in checked.iter_mut().enumerate() {
            let Checked::Fit(new) = checked else { continue };
            match first.entry((new.spec.domain.clone(), new.folded.clone())) {
                std::collections::hash_map::Entry::Vacant(free) => drop(free.insert(at)),
                std::collections::hash_map::Entry::Occupied(with) => {
                    *checked = Checked::Clash { wanted: Box::new(new.spec.clone()), with: *with.get() };
                }
            }
        }
        Ok(checked)
    }

    async fn check_one(&self, wanted: &Wanted) -> Result<Checked> {
        let mut draft = match self.draft(wanted) {
            Ok(draft) => draft,
            Err(wrong) => return Ok(Checked::Wrong(wrong)),
        };
        draft.brought.clone_from(&wanted.brought);
        draft.made = Some(history::author());
        if let (Some(_), Some(made)) = (&draft.brought, &mut draft.made) {
            made.way = Some(Way::Import);
        }
        let given = draft.slug.take();
        for _ in 0..SLUG_ATTEMPTS {
            let slug = given.clone().map_or_else(|| generate::slug(self.config.slug_chars), Ok)?;
            let spec = draft.clone().into_spec(slug);
            let folded = self.folded(&spec);
            match self.store.link_by_slug(&spec.domain, &folded).await? {
                None => {
                    let created_at = wanted.created_at.unwrap_or_else(|| self.clock.now());
                    return Ok(Checked::Fit(Box::new(NewLink { spec, folded, created_at })));
                }
                Some(by) if given.is_some() => {
                    return Ok(Checked::Taken { wanted: Box::new(spec), by: Box::new(by) });
                }
                Some(_) => {}
            }
        }
        Err(CatalogError::Full)
    }

    fn draft(&self, wanted: &Wanted) -> Result<check::Draft, Invalid> {
        let is_moving_in = wanted.brought.is_some();
        let draft = check::draft(&wanted.fields, Limits { is_moving_in, ..self.limits() })?;
        if !is_moving_in {
            self.config.utm.check(&draft.utm, None)?;
        }
        Ok(draft)
    }

    /// Makes links that were checked, [`BULK_MAX`] in one step. Whose slug was taken meanwhile is not made; with
    /// `together`, of at most as many, none is then. What was made, or who took the slug (`None`: another one's).
    ///
    /// # Errors
    /// When the store fails: earlier steps stay.
    pub(super) async fn make_all(
        &self,
        new: &[NewLink],
        together: bool,
    ) -> Result<Vec<std::result::Result<Link, Option<LinkId>>>> {
        let mut made = Vec::with_capacity(new.len());
        for step in new.chunks(BULK_MAX) {
            let mut answers: Vec<_> = step.iter().map(|_| Err(None)).collect();
            let mut left: Vec<usize> = (0..step.len()).collect();
            // Each turn but the last finds a slug that was taken meanwhile, so there is an end.
            while !left.is_empty() {
                let links: Vec<NewLink> = left.iter().map(|at| step[*at].clone()).collect();
                match self.store.create_links(&links, self.clock.now()).await? {
                    CreatedAll::Yes(links) => {
                        links.iter().for_each(|link| self.listener.changed(link));
                        self.listener.told(Done::Made, &links);
                        left.drain(..).zip(links).for_each(|(at, link)| answers[at] = Ok(link));
                    }
                    CreatedAll::Taken(taken) => {
                        taken.iter().for_each(|(place, by)| answers[left[*place]] = Err(Some(*by)));
                        left.retain(|at| matches!(answers[*at], Err(None)));
                        if together {
                            break;
                        }
                    }
                }
            }
            made.extend(answers);
        }
        Ok(made)
    }

    /// The outcome where nothing was made.
    fn foreseen(&self, checked: Checked) -> Outcome {
        match checked {
            Checked::Fit(new) => {
                let (id, created_at) = (LinkId(0), new.created_at);
                Outcome::Fit(self.saved(Link { id, revision: 0, created_at, updated_at: created_at, spec: new.spec }))
            }
            Checked::Wrong(wrong) => Outcome::Refused(wrong.into()),
            Checked::Taken { wanted, by } => Outcome::Refused(taken(&wanted, by.id)),
            Checked::Clash { wanted, with } => {
                let (slug, other) = (wanted.slug.as_str(), with + 1);
                let twice =
                    format!("{slug:?} is the slug of two links here, of number {other} too: choose another one");
                Outcome::Refused(Invalid::new("slug", twice).into())
            }
        }
    }

    /// Changes links, all in the same way.
    ///
    /// # Errors
    /// When the store fails; what keeps a link from being changed is its outcome.
    pub(crate) async fn edit_all(&self, ids: &[LinkId], edit: &Edit, how: How) -> Result<Vec<Outcome>> {
        let foreseen = ids.iter().map(|id| self.foresee_edit(*id, edit)).collect();
        let foreseen: Vec<Outcome> = in_order(ASKED_AT_ONCE, foreseen).await?;
        let is_stopped = how.all_or_nothing && foreseen.iter().any(|outcome| matches!(outcome, Outcome::Refused(_)));
        if how.dry_run || is_stopped {
            return Ok(foreseen);
        }
        in_order(EDITED_AT_ONCE, foreseen.into_iter().map(|outcome| self.edit_foreseen(outcome, edit)).collect()).await
    }

    async fn foresee_edit(&self, id: LinkId, edit: &Edit) -> Result<Outcome> {
        let Some(link) = self.store.link(id).await? else { return Ok(Outcome::Refused(CatalogError::NotFound(id))) };
        Ok(match check::edited(&link.spec, &edit.fields_for(&link), self.limits()) {
            Ok(spec) => Outcome::Fit(self.saved(Link { spec, ..link }).after(self, &edit.fields)),
            Err(wrong) => Outcome::Refused(wrong.into()),
        })
    }

    async fn edit_foreseen(&self, outcome: Outcome, edit: &Edit) -> Result<Outcome> {
        let Outcome::Fit(saved) = outcome else { return Ok(outcome) };
        let id = saved.link.id;
        let Some(link) = self.store.link(id).await? else { return Ok(Outcome::Refused(CatalogError::NotFound(id))) };
        match self.edit(id, &edit.fields_for(&link)).await {
            Ok(saved) => Ok(Outcome::Done(saved)),
            Err(CatalogError::Store(error)) => Err(error.into()),
            Err(refusal) => Ok(Outcome::Refused(refusal)),
        }
    }

    /// Removes links, each or all.
    ///
    /// # Errors
    /// When the store fails; a link that is not there is an answer.
    pub(crate) async fn remove_each(&self, ids: &[LinkId], how: How) -> Result<Vec<Result<()>>> {
        let links = in_order(ASKED_AT_ONCE, ids.iter().map(|id| self.store.link(*id)).collect()).await?;
        let is_missing = links.iter().any(Option::is_none);
        if how.dry_run || (how.all_or_nothing && is_missing) {
            let answer = |(id, link): (&LinkId, Option<Link>)| link.map(drop).ok_or(CatalogError::NotFound(*id));
            return Ok(ids.iter().zip(links).map(answer).collect());
        }
        self.remove_all(&ids.iter().map(|id| (*id, None)).collect::<Vec<_>>()).await
    }

    /// Removes links; their clicks and counters stay, and for a while their histories. One that is given with a revision is
    /// removed only if it still has that one.
    ///
    /// # Errors
    /// When the store fails; a link that is not there, or was changed, is an answer.
    pub(crate) async fn remove_all(&self, asked: &[(LinkId, Option<u64>)]) -> Result<Vec<Result<()>>> {
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked.chunks(LINKS_AT_ONCE_MAX) {
            let (answered, gone) = self.take_away(asked).await?;
            answers.extend(answered);
            history::close_all(&*self.store, &gone, self.clock.now()).await;
        }
        Ok(answers)
    }

    /// Removes links as if they had never been made: nothing is kept of what was done to them. How many they were.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn unmake_all(&self, ids: &[LinkId]) -> Result<u64> {
        let mut unmade = 0;
        for ids in ids.chunks(LINKS_AT_ONCE_MAX) {
            let asked: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
            let (_, gone) = self.take_away(&asked).await?;
            history::forget_all(&*self.store, &gone).await;
            unmade += gone.len() as u64;
        }
        Ok(unmade)
    }

    /// At most [`LINKS_AT_ONCE_MAX`]; what became of each, and what those were that are gone.
    async fn take_away(&self, asked: &[(LinkId, Option<u64>)]) -> Result<(Vec<Result<()>>, Vec<Link>)> {
        let links = asked.iter().map(|(id, _)| self.store.link(*id)).collect();
        let links: Vec<Option<Link>> = in_order(ASKED_AT_ONCE, links).await?;
        let removed = self.store.remove_links(asked).await?;
        let (mut answers, mut gone) = (Vec::with_capacity(asked.len()), Vec::new());
        for ((link, (id, _)), removed) in links.into_iter().zip(asked).zip(removed) {
            answers.push(match removed {
                Removed::Yes => Ok(()),
                Removed::Changed => Err(CatalogError::Changed(*id)),
                Removed::Absent => Err(CatalogError::NotFound(*id)),
            });
            if let (Some(link), Removed::Yes) = (link, removed) {
                self.listener.removed(*id, &link.spec.domain, &self.folded(&link.spec));
                gone.push(link);
            }
        }
        self.listener.told(Done::Removed, &gone);
        Ok((answers, gone))
    }
}

/// The answers to all, in order; at most `at_once` are under way. The first failure ends it.
async fn in_order<T, E>(at_once: usize, asked: Vec<impl Future<Output = Result<T, E>>>) -> Result<Vec<T>, E> {
    futures_util::stream::iter(asked).buffered(at_once).try_collect().await
}

impl Checked {
    pub(crate) fn fit(&self) -> Option<&NewLink> {
        match self {
            Self::Fit(new) => Some(new),
            _ => None,
        }
    }
}

impl Outcome {
    fn after(self, catalog: &Catalog, fields: &LinkFields) -> Self {
        match self {
            Self::Done(saved) => Self::Done(saved.after(catalog, fields)),
            Self::Fit(saved) => Self::Fit(saved.after(catalog, fields)),
            refused @ Self::Refused(_) => refused,
        }
    }

    /// The link as it is now, or would be.
    pub(crate) fn link(&self) -> Option<&Link> {
        match self {
            Self::Done(saved) | Self::Fit(saved) => Some(&saved.link),
            Self::Refused(_) => None,
        }
    }
}

fn taken(spec: &LinkSpec, by: LinkId) -> CatalogError {
    CatalogError::Taken { slug: spec.slug.as_str().to_owned(), by }
}

/// What happens to each of many links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) fields: LinkFields,
    /// Tags that are added to those that a link has, and that are taken from them.
    pub(crate) add_tags: Vec<String>,
    pub(crate) remove_tags: Vec<String>,
}

impl Edit {
    /// The edit of one link: its tags with those added and without those removed.
    fn fields_for(&self, link: &Link) -> LinkFields {
        let mut fields = self.fields.clone();
        if !self.add_tags.is_empty() || !self.remove_tags.is_empty() {
            let tags = fields.tags.set().unwrap_or(&link.spec.tags);
            let kept = tags.iter().filter(|tag| !self.remove_tags.contains(tag));
            fields.tags = Change::Set(kept.chain(&self.add_tags).cloned().collect());
        }
        fields
    }
}
