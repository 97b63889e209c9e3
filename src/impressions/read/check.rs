//! Checks: whether a row's numbers fit each other, and which clicks the platform's own rate is made of.
//!
//! Pure. It must never change a number: what looks wrong is said, and read as it stands.

use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric};
use crate::impressions::dialects::Scale;

/// What clicks a rate may be made of.
const NUMERATORS: [Clicks; 7] = [
    Clicks::Link,
    Clicks::All,
    Clicks::Outbound,
    Clicks::Destination,
    Clicks::UniqueLink,
    Clicks::UniqueAll,
    Clicks::UniqueOutbound,
];
/// And divided by.
const DENOMINATORS: [Kind; 4] = [Kind::Impressions, Kind::Views, Kind::Reach, Kind::Delivered];

/// A rate is taken for the same when it is as near as rounding to two digits after the sign leaves it.
const ROUNDING: f64 = 0.000_051;

/// What the rows of a table showed.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Rows whose clicks of all kinds are the sum of their parts, and rows where they are not.
    parts: (u64, u64),
    more_clicks_than_impressions: u64,
    clicks_without_impressions: u64,
    clicks_with_impressions_blank: u64,
    more_reach_than_views: u64,
    /// By column of rates: how many were compared, and how many fit each quotient.
    rates: Vec<(usize, u64, [[u64; DENOMINATORS.len()]; NUMERATORS.len()])>,
}

/// The numbers of one row.
pub(super) type Numbers = [(Metric, u64)];

impl Checks {
    pub(super) fn see(&mut self, numbers: &Numbers) {
        let of = |metric| numbers.iter().find(|(of, _)| *of == metric).map(|(_, value)| *value);
        let clicks = |clicks| of(Metric::Clicks(clicks));
        let impressions = |kind| of(Metric::Impressions(kind));
        let taps = clicks(Clicks::Link).or_else(|| clicks(Clicks::All));
        let shown = impressions(Kind::Impressions)
            .or_else(|| impressions(Kind::Views))
            .or_else(|| impressions(Kind::StoryViews))
            .or_else(|| impressions(Kind::ProfileVisits))
            .or_else(|| impressions(Kind::Delivered));
        match (taps, shown) {
            (Some(taps), Some(0)) if taps > 0 => self.clicks_without_impressions += 1,
            (Some(taps), Some(shown)) if taps > shown => self.more_clicks_than_impressions += 1,
            (Some(taps), None) if taps > 0 => self.clicks_with_impressions_blank += 1,
            _ => {}
        }
        let views = impressions(Kind::Views).or_else(|| impressions(Kind::StoryViews));
        let more = impressions(Kind::Reach).zip(views.or_else(|| impressions(Kind::Impressions)));
        self.more_reach_than_views += u64::from(more.is_some_and(|(reach, views)| reach > views));
        self.see_parts(numbers, clicks(Clicks::All));
    }

    fn see_parts(&mut self, numbers: &Numbers, all: Option<u64>) {
        let is_part = |metric| matches!(metric, Metric::Clicks(part) if Clicks::PARTS.contains(&part));
        let parts = numbers.iter().filter(|(metric, _)| is_part(*metric));
        let (count, sum) = parts.fold((0, 0_u64), |(count, sum), (_, part)| (count + 1, sum.saturating_add(*part)));
        match all {
            Some(all) if count > 0 && sum == all => self.parts.0 += 1,
            Some(_) if count > 0 => self.parts.1 += 1,
            _ => {}
        }
    }

    /// Compares the platform's own rate with every quotient of the row.
    pub(super) fn see_rate(&mut self, column: usize, rate: f64, scale: Scale, numbers: &Numbers) {
        let rate = if scale == Scale::Percent { rate / 100.0 } else { rate };
        let at = self.rates.iter().position(|(of, ..)| *of == column).unwrap_or_else(|| {
            self.rates.push((column, 0, Default::default()));
            self.rates.len() - 1
        });
        let of = |metric| numbers.iter().find(|(of, _)| *of == metric).map(|(_, value)| *value as f64);
        // A rate of nothing fits everything.
        if rate <= 0.0 {
            return;
        }
        self.rates[at].1 += 1;
        for (row, clicks) in NUMERATORS.into_iter().enumerate() {
            for (cell, kind) in DENOMINATORS.into_iter().enumerate() {
                let both = of(Metric::Clicks(clicks)).zip(of(Metric::Impressions(kind)));
                let fits = both.is_some_and(|(clicks, shown)| shown > 0.0 && (clicks / shown - rate).abs() <= ROUNDING);
                self.rates[at].2[row][cell] += u64::from(fits);
            }
        }
    }

    /// What there is to say. `has` tells whether the table has a column of a metric.
    pub(super) fn warnings(&self, has: impl Fn(Metric) -> bool, headers: &[String]) -> Vec<String> {
        let mut said = Vec::new();
        let mut say = |rows: u64, what: &str| {
            if rows > 0 {
                said.push(format!("{rows} {} {what}", if rows == 1 { "row has" } else { "rows have" }));
            }
        };
        // Only with the parts that nobody names do the others give the sum.
        if has(Metric::Clicks(Clicks::Other)) {
            say(self.parts.1, "clicks of all kinds that are not the sum of their parts");
        }
        say(self.more_clicks_than_impressions, "more clicks than impressions: kept as they are, and flagged in rates");
        say(self.clicks_without_impressions, "clicks and 0 impressions: they have no rate");
        if Kind::ALL.into_iter().any(|kind| kind != Kind::Reach && has(Metric::Impressions(kind))) {
            let what = "clicks and blank impressions: they are left out of both sides of rates";
            say(self.clicks_with_impressions_blank, what);
        }
        say(self.more_reach_than_views, "more people reached than views");
        said.extend(self.rates.iter().filter_map(|(column, seen, fits)| rate(&headers[*column], *seen, fits)));
        said
    }
}

/// Which quotient a column of rates is; nothing when it is the plain one, clicks on links by impressions or views.
fn rate(header: &str, seen: u64, fits: &[[u64; DENOMINATORS.len()]; NUMERATORS.len()]) -> Option<String> {
    let most = fits.iter().flatten().copied().max().filter(|_| seen > 0)?;
    if most * 2 <= seen {
        return Some(format!(
            "\"{header}\" fits none of the file's clicks: {most} of {seen} rows at best; it is not used"
        ));
    }
    let best = NUMERATORS.into_iter().enumerate().flat_map(|(row, clicks)| {
        DENOMINATORS.into_iter().enumerate().map(move |(cell, kind)| (fits[row][cell], clicks, kind))
    });
    let (_, clicks, kind) = best.clone().find(|(count, ..)| *count == most)?;
    if matches!(clicks, Clicks::Link | Clicks::Outbound | Clicks::Destination) {
        return None;
    }
    Some(format!(
        "\"{header}\" is {} divided by {}, in {most} of {seen} rows, and no rate of link clicks",
        clicks.as_str(),
        kind.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Metric = Metric::Clicks(Clicks::Link);
    const ALL: Metric = Metric::Clicks(Clicks::All);
    const OTHER: Metric = Metric::Clicks(Clicks::Other);
    const SHOWN: Metric = Metric::Impressions(Kind::Impressions);
    const REACH: Metric = Metric::Impressions(Kind::Reach);

    fn said(rows: &[&Numbers]) -> Vec<String> {
        let mut checks = Checks::default();
        rows.iter().for_each(|row| checks.see(row));
        checks.warnings(|_| true, &[])
    }

    #[test]
    fn e44_e45_e46_numbers_that_do_not_fit_each_other_are_said_and_kept() {
        assert!(said(&[&[(LINK, 5), (SHOWN, 100), (REACH, 80)]]).is_empty());
        assert!(said(&[&[(LINK, 5), (SHOWN, 0)]])[0].contains("0 impressions"));
        assert!(said(&[&[(ALL, 307), (SHOWN, 10)], &[(ALL, 2), (SHOWN, 1)]])[0].starts_with("2 rows have more clicks"));
        assert!(said(&[&[(SHOWN, 10), (REACH, 6113)]])[0].contains("reached"));
        assert!(said(&[&[(ALL, 17_257)]])[0].contains("blank impressions"));
    }

    #[test]
    fn the_parts_of_all_clicks_give_their_sum_or_it_is_said() {
        assert!(said(&[&[(ALL, 7), (LINK, 3), (OTHER, 4), (SHOWN, 9)]]).is_empty());
        assert!(said(&[&[(ALL, 7), (LINK, 3), (OTHER, 5), (SHOWN, 9)]])[0].contains("sum of their parts"));
    }

    #[test]
    fn e48_the_platforms_rate_is_told_by_the_clicks_that_give_it() {
        let rated = |rate: f64, scale: Scale, numbers: &Numbers| {
            let mut checks = Checks::default();
            checks.see_rate(0, rate, scale, numbers);
            checks.warnings(|_| true, &["CTR".to_owned()])
        };
        assert!(rated(1.5, Scale::Percent, &[(LINK, 15), (ALL, 30), (SHOWN, 1000)]).is_empty());
        let all = rated(3.0, Scale::Percent, &[(LINK, 15), (ALL, 30), (SHOWN, 1000)]);
        assert_eq!(all, ["\"CTR\" is clicks_all divided by impressions, in 1 of 1 rows, and no rate of link clicks"]);
        assert!(rated(0.010_204_081, Scale::Fraction, &[(ALL, 1), (SHOWN, 98)])[0].contains("clicks_all"));
        assert!(rated(50.0, Scale::Percent, &[(LINK, 15), (SHOWN, 1000)])[0].contains("fits none"));
        assert!(rated(100.0, Scale::Percent, &[(LINK, 7), (SHOWN, 7)]).is_empty());
        assert!(rated(0.0, Scale::Percent, &[(LINK, 0), (SHOWN, 7)]).is_empty());
    }
}
