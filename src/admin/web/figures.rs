//! What pages ask of the read side.

use std::collections::HashMap;

use super::Refused;
use super::view::View;
use crate::admin::Admin;
use crate::domain::counter::DayCounters;
use crate::domain::link::LinkId;
use crate::stats::StatsError;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{By, CtrQuery, StatsQuery, Window};
use crate::stats::report::report;
use crate::stats::wire::{CtrReport, CtrRow, StatsReport};

/// The clicks of a view and of the days before it, of one link or of all.
pub(super) struct Counted<'a> {
    admin: &'a Admin,
    link: Option<LinkId>,
    window: Window,
    window_before: Window,
    pub(super) now: Vec<DayCounters>,
    before: Vec<DayCounters>,
}

impl<'a> Counted<'a> {
    /// Reads the counters once; every report of a page is made from them.
    pub(super) async fn read(admin: &'a Admin, link: Option<LinkId>, view: &View) -> Result<Self, Refused> {
        let (window, window_before) = (view.window, view.before());
        let links = link.as_ref().map(std::slice::from_ref);
        let counters = admin.store.counters(links, window_before.first(), window.last()).await?;
        let (now, before) = counters.into_iter().partition(|counted| window.contains(counted.day));
        Ok(Self { admin, link, window, window_before, now, before })
    }

    pub(super) fn by(&self, by: By) -> Result<StatsReport, Refused> {
        self.report(by, self.window, &self.now)
    }

    pub(super) fn before_by(&self, by: By) -> Result<StatsReport, Refused> {
        self.report(by, self.window_before, &self.before)
    }

    fn report(&self, by: By, window: Window, counters: &[DayCounters]) -> Result<StatsReport, Refused> {
        let zone = &self.admin.report_zone;
        let query = StatsQuery { link: self.link, campaign: None, window, zone: zone.clone(), by };
        Ok(report(&query, zone, counters).map_err(StatsError::from)?)
    }
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
