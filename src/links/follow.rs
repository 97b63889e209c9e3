//! Keeps the links in memory as the shared store has them, whichever node changed them.
//!
//! It never takes a link out of force because the store is away: what is in memory goes on being served.

use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use crate::store::{Heard, News, StoreError};

/// Pauses between two tries while the store is away. The longest is what a change may wait once it is back.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Follows the changes after `heard`, until it is dropped.
pub(crate) async fn follow(cache: Arc<Cache>, mut heard: Heard) {
    let mut backoff = BACKOFF_FIRST;
    loop {
        match step(&cache, &heard).await {
            Ok(reached) => {
                if backoff > BACKOFF_FIRST {
                    tracing::info!("links of other nodes are followed again");
                }
                (heard, backoff) = (reached, BACKOFF_FIRST);
            }
            Err(error) => {
                // Once per outage, not once per try.
                if backoff == BACKOFF_FIRST {
                    tracing::warn!(%error, "links that other nodes change are not heard of; those in memory stay in force");
                }
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

async fn step(cache: &Cache, heard: &Heard) -> Result<Heard, StoreError> {
    match cache.news(heard).await? {
        News::Changed { links, heard } => {
            for link in links {
                cache.refresh(link).await?;
            }
            Ok(heard)
        }
        News::Missed { heard } => {
            cache.refresh_all().await?;
            Ok(heard)
        }
    }
}
