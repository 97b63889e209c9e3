//! How many human clicks links ever had.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::domain::counter::Dimension;
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::store::{CountStore, Result};

/// Links asked for at a time: a link with years of clicks has thousands of days of counters.
const LINKS_AT_ONCE: usize = 10;

/// Human clicks of all time, by link; a link without clicks is left out.
pub(super) async fn clicks_of(store: &dyn CountStore, links: &[LinkId]) -> Result<HashMap<LinkId, u64>> {
    let mut totals = HashMap::new();
    for links in links.chunks(LINKS_AT_ONCE) {
        for day in store.counters(Some(links), Date::MIN, Date::MAX).await? {
            let clicks = day.counters.get(Dimension::Verdict, Verdict::Human.as_str());
            *totals.entry(day.link).or_insert(0) += clicks;
        }
    }
    Ok(totals)
}
