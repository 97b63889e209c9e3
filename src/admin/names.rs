//! Lets an import look links up by the names that people write into files.

use async_trait::async_trait;

use crate::domain::link::LinkId;
use crate::impressions::import::LinkNames;
use crate::links::catalog::Catalog;
use crate::store::StoreError;

pub(crate) struct CatalogNames<'a>(pub(crate) &'a Catalog);

#[async_trait]
impl LinkNames for CatalogNames<'_> {
    async fn link_named(&self, name: &str) -> Result<Option<LinkId>, StoreError> {
        self.0.resolve_link_cell(name).await
    }
}
