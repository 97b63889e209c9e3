//! What pages ask of the read side.

use std::collections::HashMap;

use jiff::Span;

use super::Refused;
use super::view::{DAYS, View};
use crate::admin::Admin;
use crate::domain::filter::Filter;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{By, CtrQuery, StatsQuery, Window};
use crate::stats::reports;
use crate::stats::wire::{CtrReport, CtrRow, StatsReport};

/// Clicks of a view: one report for each of `by`, from one reading.
pub(super) async fn clicks<const N: usize>(
    admin: &Admin,
    view: &View,
    by: [By; N],
) -> Result<[StatsReport; N], Refused> {
    of_days(admin, view, view.window, by).await
}

/// Clicks of the days before those of a view.
pub(super) async fn clicks_before(admin: &Admin, view: &View, by: By) -> Result<StatsReport, Refused> {
    let [report] = of_days(admin, view, view.before(), [by]).await?;
    Ok(report)
}

async fn of_days<const N: usize>(
    admin: &Admin,
    view: &View,
    window: Window,
    by: [By; N],
) -> Result<[StatsReport; N], Refused> {
    let query = StatsQuery { filter: view.asked(), window, zone: admin.report_zone.clone() };
    Ok(reports(&admin.sources(), &query, by).await?)
}

/// Clicks of the last days that `filter` admits, as a view begins: one report for each of `by`, from one reading.
pub(super) async fn recent<const N: usize>(
    admin: &Admin,
    filter: Filter,
    by: [By; N],
) -> Result<[StatsReport; N], Refused> {
    let today = admin.today();
    let window = Window::new(today.saturating_sub(Span::new().days(DAYS - 1)), today)?;
    let query = StatsQuery { filter, window, zone: admin.report_zone.clone() };
    Ok(reports(&admin.sources(), &query, by).await?)
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
