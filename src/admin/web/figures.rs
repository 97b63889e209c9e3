//! What pages ask of the read side.

use std::collections::HashMap;

use jiff::Span;

use super::Refused;
use crate::admin::Admin;
use crate::domain::link::LinkId;
use crate::stats::StatsError;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{By, CtrQuery, StatsQuery, Window};
use crate::stats::report::{days_needed, report};
use crate::stats::wire::{CtrReport, CtrRow, StatsReport};

/// The days a page shows.
pub(super) const DAYS: i32 = 28;

/// Clicks of the last days, of one link or of all: one report for each of `by`, from one reading of the counters.
pub(super) async fn recent<const N: usize>(
    admin: &Admin,
    link: Option<LinkId>,
    by: [By; N],
) -> Result<[StatsReport; N], Refused> {
    let zone = &admin.report_zone;
    let today = admin.clock.now().to_zoned(zone.clone()).date();
    let window = Window::new(today.saturating_sub(Span::new().days(DAYS - 1)), today)?;
    let query = |by| StatsQuery { link, campaign: None, window, zone: zone.clone(), by };
    let days = days_needed(&query(By::Day), zone);
    let counters = admin.store.counters(link.as_ref().map(std::slice::from_ref), days.first(), days.last()).await?;
    let mut reports = Vec::with_capacity(N);
    for by in by {
        reports.push(report(&query(by), zone, &counters).map_err(StatsError::from)?);
    }
    Ok(reports.try_into().expect("there are as many reports as were asked for"))
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
