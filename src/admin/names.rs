//! Lets imports look links up by the names that people write into files, and know the hosts of short URLs.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::link::LinkId;
use crate::impressions::import::{Imports, LinkNames};
use crate::impressions::matching::Hosts;
use crate::links::catalog::Catalog;
use crate::store::{Store, StoreError};

#[async_trait]
impl LinkNames for Catalog {
    async fn link_named(&self, name: &str) -> Result<Option<LinkId>, StoreError> {
        self.resolve_link_cell(name).await
    }
}

/// The imports of a store, with the links of its catalog.
pub(crate) fn imports(store: Arc<dyn Store>, catalog: Arc<Catalog>) -> Imports {
    let hosts = Hosts::new(catalog.domains().hosts_of_short_urls());
    Imports::new(store, catalog, hosts)
}
