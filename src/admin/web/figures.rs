//! What pages ask of the read side.

use std::collections::HashMap;

use jiff::Span;

use super::Refused;
use crate::admin::Admin;
use crate::domain::link::LinkId;
use crate::stats::ctr::{Grouping, Numerator};
use crate::stats::query::{By, CtrQuery, StatsQuery, Window};
use crate::stats::wire::{CtrRow, StatsReport};

/// The days a page shows.
pub(super) const DAYS: i32 = 28;

/// Clicks of the last days, of one link or of all.
pub(super) async fn recent(admin: &Admin, link: Option<LinkId>, by: By) -> Result<StatsReport, Refused> {
    let zone = admin.report_zone.clone();
    let today = admin.clock.now().to_zoned(zone.clone()).date();
    let window = Window::new(today.saturating_sub(Span::new().days(DAYS - 1)), today)?;
    let query = StatsQuery { link, campaign: None, window, zone, by };
    Ok(crate::stats::stats(&*admin.store, &query, &admin.report_zone).await?)
}

/// Click-through rates of all imported days, by link: the first row that has a ratio, or else the first.
pub(super) async fn rates(admin: &Admin) -> Result<HashMap<u64, CtrRow>, Refused> {
    let query = CtrQuery { by: Grouping::Link, from: None, to: None, numerator: Numerator::Human };
    let report = crate::stats::ctr(&*admin.store, &query, &admin.report_zone, admin.clock.now()).await?;
    let mut rates: HashMap<u64, CtrRow> = HashMap::new();
    for row in report.rows {
        let Ok(link) = row.value.parse() else { continue };
        let is_better = rates.get(&link).is_none_or(|known| known.ctr.is_none() && row.ctr.is_some());
        if is_better {
            rates.insert(link, row);
        }
    }
    Ok(rates)
}
