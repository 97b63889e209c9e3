//! What pages ask of the read side.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Span;
use jiff::civil::Date;

use super::Refused;
use super::view::{DAYS, View};
use crate::admin::Admin;
use crate::domain::counter::{Dimension, Dimensions};
use crate::domain::filter::{Filter, LinkSet};
use crate::domain::link::LinkId;
use crate::stats::ctr::Grouping;
use crate::stats::days::DaySum;
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

/// Click-through rates of all imported days that are about some links: once for each of `by`.
pub(super) async fn rates<const N: usize>(
    admin: &Admin,
    links: &[LinkId],
    by: [Grouping; N],
) -> Result<[Vec<CtrRow>; N], Refused> {
    Ok(crate::stats::rates::of_links(&admin.ratings().await?, links, by).await?)
}

/// Human clicks of each of some links on each day of a view, in the order of days.
pub(super) async fn by_day(admin: &Admin, view: &View, links: &[LinkId]) -> Result<HashMap<LinkId, Vec<u64>>, Refused> {
    let days: HashMap<Date, usize> = view.window.days().enumerate().map(|(place, day)| (day, place)).collect();
    let mut clicks: HashMap<LinkId, Vec<u64>> = links.iter().map(|link| (*link, vec![0; days.len()])).collect();
    for sum in sums(admin, view, LinkSet::only(links.to_vec())).await? {
        let Some(place) = days.get(&sum.day) else { continue };
        for day in sum.links.iter() {
            if let Some(link) = clicks.get_mut(&day.link) {
                link[*place] = day.count().clicks;
            }
        }
    }
    Ok(clicks)
}

/// Human clicks of every link on the days of a view.
pub(super) async fn by_link(admin: &Admin, view: &View) -> Result<HashMap<LinkId, u64>, Refused> {
    let mut clicks: HashMap<LinkId, u64> = HashMap::new();
    for sum in sums(admin, view, LinkSet::All).await? {
        for day in sum.links.iter() {
            let sum = clicks.entry(day.link).or_insert(0);
            *sum = sum.saturating_add(day.count().clicks);
        }
    }
    Ok(clicks)
}

async fn sums(admin: &Admin, view: &View, links: LinkSet) -> Result<Vec<Arc<DaySum>>, Refused> {
    let verdicts = Dimensions::of(&[Dimension::Verdict]);
    Ok(admin.days.read(&*admin.store, verdicts, &links, view.window).await?)
}

pub(super) async fn ctr(admin: &Admin, query: &CtrQuery) -> Result<CtrReport, Refused> {
    Ok(crate::stats::rates::ctr(&admin.ratings().await?, query).await?)
}

/// One row for each link: the first that has a ratio, or else the first.
pub(super) fn best(rows: Vec<CtrRow>) -> HashMap<u64, CtrRow> {
    let mut rates: HashMap<u64, CtrRow> = HashMap::new();
    for row in rows {
        let Ok(link) = row.value.parse() else { continue };
        let is_better = rates.get(&link).is_none_or(|known| known.ctr.is_none() && row.ctr.is_some());
        if is_better {
            rates.insert(link, row);
        }
    }
    rates
}
