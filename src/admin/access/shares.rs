//! Share links: an address with which anybody may look at the numbers of one link or one campaign, and at nothing else.
//!
//! There is none until somebody makes one. Its token is told once and kept as a hash, which is also what finds it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::checked_end;
use super::secret::{hash, random_text};
use super::shelf::{Kept, Shelf};
use super::{AccessError, note};
use crate::domain::link::LinkId;
use crate::domain::record::RecordKind;
use crate::store::{Store, StoreError};

/// The most share links; those that ended count until they are revoked.
pub(in crate::admin) const SHARES_MAX: usize = 500;

/// The longest campaign: the longest value of a link's UTM.
const CAMPAIGN_CHARS_MAX: usize = 255;

/// Characters by which a share link is called: the first ones of its hash.
const ID_CHARS: usize = 12;

/// Whose numbers are shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum Shared {
    Link(u64),
    Campaign(String),
}

impl Shared {
    pub(in crate::admin) fn link(id: LinkId) -> Self {
        Self::Link(id.0)
    }

    /// # Errors
    /// When no link can have this campaign.
    pub(in crate::admin) fn campaign(name: &str) -> Result<Self, AccessError> {
        let chars = name.chars().count();
        if (1..=CAMPAIGN_CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control) {
            return Ok(Self::Campaign(name.to_owned()));
        }
        let message = format!("a campaign has 1 to {CAMPAIGN_CHARS_MAX} characters");
        Err(AccessError::Invalid { field: "campaign", message })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::admin) struct Share {
    pub(in crate::admin) of: Shared,
    pub(in crate::admin) made_at: Timestamp,
    pub(in crate::admin) made_by: String,
    pub(in crate::admin) expires_at: Option<Timestamp>,
}

pub(in crate::admin) struct Shares(Shelf<Share>);

impl Shares {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(Shelf::new(store, RecordKind::Share))
    }

    /// Makes a share link: its id, and the token, which is told once.
    ///
    /// # Errors
    /// When it would have ended already, or there are too many.
    pub(in crate::admin) async fn make(&self, share: &Share) -> Result<(String, String), AccessError> {
        checked_end(share.expires_at, share.made_at)?;
        if self.list().await?.len() >= SHARES_MAX {
            return Err(AccessError::Full("share link"));
        }
        let token = random_text()?;
        let key = hash(&token).to_hex();
        self.0.make(&key, share).await?;
        note("a share link was made", &id_of(&key));
        Ok((id_of(&key), token))
    }

    /// What a token shares, if it is good.
    pub(in crate::admin) async fn known(&self, token: &str, now: Timestamp) -> Result<Option<Share>, StoreError> {
        let kept = self.0.get(&hash(token).to_hex()).await?;
        Ok(kept.map(|kept| kept.value).filter(|share| share.expires_at.is_none_or(|end| end > now)))
    }

    /// All of them with their ids, the oldest first.
    pub(in crate::admin) async fn list(&self) -> Result<Vec<(String, Share)>, StoreError> {
        let of = |kept: Kept<Share>| (id_of(kept.key.as_str()), kept.value);
        // Some may be made at the same moment, so a few more than are allowed are read.
        let mut shares: Vec<_> = self.0.list("", 2 * SHARES_MAX).await?.into_iter().map(of).collect();
        shares.sort_by_key(|(_, share)| share.made_at);
        Ok(shares)
    }

    /// `false` when there is none.
    pub(in crate::admin) async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let kept = self.0.list("", 2 * SHARES_MAX).await?;
        let Some(kept) = kept.iter().find(|kept| id_of(kept.key.as_str()) == id) else { return Ok(false) };
        note("a share link was revoked", id);
        self.0.remove(kept.key.as_str()).await
    }
}

fn id_of(key: &str) -> String {
    key.chars().take(ID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::links::fake_store::FakeStore;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn share(of: Shared, expires_at: Option<Timestamp>) -> Share {
        Share { of, made_at: NOW, made_by: "ada".to_owned(), expires_at }
    }

    #[tokio::test]
    async fn a_token_shares_one_thing_until_it_ends_or_is_revoked() {
        let shares = Shares::new(Arc::new(FakeStore::default()));
        let end = NOW + SignedDuration::from_hours(1);
        let of_link = share(Shared::link(LinkId(7)), Some(end));
        let (id, token) = shares.make(&of_link).await.unwrap();
        let (_, other) = shares.make(&share(Shared::campaign("spring").unwrap(), None)).await.unwrap();
        assert_eq!(shares.known(&token, NOW).await.unwrap(), Some(of_link));
        assert_eq!(shares.known(&token, end).await.unwrap(), None, "it ended");
        assert_eq!(shares.known(&token[1..], NOW).await.unwrap(), None);
        assert_eq!(shares.list().await.unwrap().len(), 2);
        assert!(shares.revoke(&id).await.unwrap() && !shares.revoke(&id).await.unwrap());
        assert_eq!(shares.known(&token, NOW).await.unwrap(), None, "it was revoked");
        assert!(shares.known(&other, end).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_has_ended_or_cannot_be_is_not_shared() {
        let shares = Shares::new(Arc::new(FakeStore::default()));
        assert!(shares.make(&share(Shared::Link(1), Some(NOW))).await.is_err());
        for wrong in ["", "a\nb", &"x".repeat(256)] {
            assert!(Shared::campaign(wrong).is_err(), "{wrong:?}");
        }
    }
}
