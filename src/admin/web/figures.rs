//! What pages ask of the read side.

use std::collections::HashMap;

use jiff::Span;

use super::Refused;
use crate::admin::Admin;
use crate::domain::filter::Filter;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{By, CtrQuery, StatsQuery, Window};
use crate::stats::reports;
use crate::stats::wire::{CtrReport, CtrRow, StatsReport};

/// The days a page shows.
pub(super) const DAYS: i32 = 28;

/// Clicks of the last days that `filter` admits: one report for each of `by`, from one reading.
pub(super) async fn recent<const N: usize>(
    admin: &Admin,
    filter: Filter,
    by: [By; N],
) -> Result<[StatsReport; N], Refused> {
    let zone = admin.report_zone.clone();
    let today = admin.clock.now().to_zoned(zone.clone()).date();
    let window = Window::new(today.saturating_sub(Span::new().days(DAYS - 1)), today)?;
    Ok(reports(&admin.sources(), &StatsQuery { filter, window, zone }, by).await?)
}

/// Click-through rates of all imported days, by link.
pub(super) async fn rates(admin: &Admin) -> Result<CtrReport, Refused> {
    let query = CtrQuery { by: Grouping::Link, from: None, to: None, numerator: Numerator::Human, order: Order::Size };
    ctr(admin, &query).await
}

pub(super) async fn ctr(admin: &Admin, query: &CtrQuery) -> Result<CtrReport, Refused> {
    Ok(crate::stats::rates::ctr(&admin.ratings().await?, query).await?)
}

/// One row for each link: the first that has a ratio, or else the first.
pub(super) fn by_link(report: CtrReport) -> HashMap<u64, CtrRow> {
    let mut rates: HashMap<u64, CtrRow> = HashMap::new();
    for row in report.rows {
        let Ok(link) = row.value.parse() else { continue };
        let is_better = rates.get(&link).is_none_or(|known| known.ctr.is_none() && row.ctr.is_some());
        if is_better {
            rates.insert(link, row);
        }
    }
    rates
}
