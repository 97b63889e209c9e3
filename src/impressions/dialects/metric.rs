//! Short names of metrics and roles, for the tables of the dialects.

use super::column::{Column, Role, Scale, column};
use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric, Shown};

type Names = &'static [&'static str];

pub(super) const fn impressions(names: Names) -> Column {
    column(Role::Metric(Metric::Impressions(Kind::Impressions)), names)
}

pub(super) const fn views(names: Names) -> Column {
    column(Role::Metric(Metric::Impressions(Kind::Views)), names)
}

pub(super) const fn reach(names: Names) -> Column {
    column(Role::Metric(Metric::Impressions(Kind::Reach)), names)
}

pub(super) const fn profile_visits(names: Names) -> Column {
    column(Role::Metric(Metric::Impressions(Kind::ProfileVisits)), names)
}

pub(super) const fn delivered(names: Names) -> Column {
    column(Role::Metric(Metric::Impressions(Kind::Delivered)), names)
}

pub(super) const fn clicks(of: Clicks, names: Names) -> Column {
    column(Role::Metric(Metric::Clicks(of)), names)
}

pub(super) const fn shown(of: Shown, names: Names) -> Column {
    column(Role::Metric(Metric::Shown(of)), names)
}

pub(super) const fn spend(names: Names) -> Column {
    column(Role::Metric(Metric::Spend), names)
}

/// A rate that is written as `1.5` or `1.5%`.
pub(super) const fn percent(names: Names) -> Column {
    column(Role::Rate(Scale::Percent), names)
}

/// A rate that is written as `0.015`.
pub(super) const fn fraction(names: Names) -> Column {
    column(Role::Rate(Scale::Fraction), names)
}

pub(super) const fn slice(name: &'static str, names: Names) -> Column {
    column(Role::Slice(name), names)
}
