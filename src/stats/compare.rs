//! Two click-through rates side by side: how far apart they are, how sure that is, and which is likely the better.
//!
//! Pure arithmetic. It must never call a difference real on its own: it gives the numbers, and many comparisons at
//! once are corrected with [`false_discoveries`].

use crate::stats::interval::{Bounds, wilson};
use crate::stats::special::{ln_beta, ln_gamma, normal_tails};

/// Below this expected count in any cell the normal approximation is not to be trusted (Cochran 1954).
const EXPECTED_MIN: f64 = 5.0;

/// The most tables that Fisher's test adds up, and the most terms of [`probability_better`]. Beyond it the normal
/// approximation is as good.
const TERMS_MAX: u64 = 1_000_000;

/// `clicks` of `impressions`, at most as many clicks as impressions, and at least one impression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    clicks: u64,
    impressions: u64,
}

impl Share {
    /// `None` when this is no proportion.
    pub(crate) fn new(clicks: u64, impressions: u64) -> Option<Self> {
        (impressions > 0 && clicks <= impressions).then_some(Self { clicks, impressions })
    }

    fn rate(self) -> f64 {
        self.clicks as f64 / self.impressions as f64
    }

    fn rest(self) -> u64 {
        self.impressions - self.clicks
    }
}

/// What two proportions say about each other. Differences are the first less the second, as shares of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) difference: f64,
    /// 95 % interval of the difference.
    pub(crate) bounds: Bounds,
    pub(crate) z: f64,
    pub(crate) z_p: f64,
    pub(crate) fisher_p: Option<f64>,
    /// Whether the counts are too small for `z`, so that Fisher's test is the one to read.
    pub(crate) small: bool,
    /// How probable it is that the second has the higher rate.
    pub(crate) second_better: f64,
}

impl Comparison {
    /// The probability of a difference like this one or larger if there were none, by the test that fits.
    pub(crate) fn p(&self) -> f64 {
        self.fisher_p.filter(|_| self.small).unwrap_or(self.z_p)
    }
}

/// A p-value for people: four digits, and never 0, which no test can show.
pub(crate) fn p_text(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

pub(crate) fn compare(a: Share, b: Share) -> Comparison {
    let z = z(a, b);
    Comparison {
        difference: a.rate() - b.rate(),
        bounds: newcombe(a, b),
        z,
        z_p: normal_tails(z),
        fisher_p: fisher(a, b),
        small: smallest_expected(a, b) < EXPECTED_MIN,
        second_better: probability_better(a, b),
    }
}

/// The test of two proportions with a pooled variance: positive when the first is higher, 0 when both are all or none.
fn z(a: Share, b: Share) -> f64 {
    let (n, m) = (a.impressions as f64, b.impressions as f64);
    let pooled = (a.clicks as f64 + b.clicks as f64) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error > 0.0 { (a.rate() - b.rate()) / error } else { 0.0 }
}

fn smallest_expected(a: Share, b: Share) -> f64 {
    let clicks = a.clicks as f64 + b.clicks as f64;
    let rest = a.rest() as f64 + b.rest() as f64;
    clicks.min(rest) * a.impressions.min(b.impressions) as f64 / (clicks + rest)
}

/// Newcombe's hybrid score interval of the difference (1998, method 10): the two Wilson intervals, put together.
fn newcombe(a: Share, b: Share) -> Bounds {
    let whole = Bounds { low: 0.0, high: 1.0 };
    let first = wilson(a.clicks, a.impressions).unwrap_or(whole);
    let second = wilson(b.clicks, b.impressions).unwrap_or(whole);
    let (p, q) = (a.rate(), b.rate());
    let reach = |down: f64, up: f64| (down * down + up * up).sqrt();
    Bounds { low: p - q - reach(p - first.low, second.high - q), high: p - q + reach(first.high - p, q - second.low) }
}

/// Fisher's exact test, both sides: the probability of all tables with these margins that are no more probable than
/// this one. `None` when there are too many of them to add up.
fn fisher(a: Share, b: Share) -> Option<f64> {
    let clicks = a.clicks.checked_add(b.clicks)?;
    let all = a.impressions.checked_add(b.impressions)?;
    let (first, last) = (clicks.saturating_sub(b.impressions), clicks.min(a.impressions));
    if last - first > TERMS_MAX {
        return None;
    }
    let (n, m, k) = (a.impressions as f64, b.impressions as f64, clicks as f64);
    let ln_choose = |n: f64, k: f64| ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let ln_probability = |x: f64| ln_choose(n, x) + ln_choose(m, k - x) - ln_choose(all as f64, k);
    // From one table to the next by the ratio of neighbours, so that a million of them cost a million divisions.
    let mut ln_table = ln_probability(first as f64);
    let observed = ln_probability(a.clicks as f64) + 1e-7;
    let mut sum = 0.0;
    for x in first..=last {
        if ln_table <= observed {
            sum += ln_table.exp();
        }
        let x = x as f64;
        ln_table += ((n - x) * (k - x) / ((x + 1.0) * (m - k + x + 1.0))).ln();
    }
    Some(f64::min(sum, 1.0))
}

/// The probability that the second's true rate is above the first's, when nothing was known before (Beta(1, 1) for
/// both): E. Miller's sum, "Formulas for Bayesian A/B testing". Beyond [`TERMS_MAX`] clicks the normal approximation.
fn probability_better(a: Share, b: Share) -> f64 {
    let (aa, ba) = (a.clicks as f64 + 1.0, a.rest() as f64 + 1.0);
    let bb = b.rest() as f64 + 1.0;
    if b.clicks > TERMS_MAX {
        let (z, one_tail) = (z(a, b), normal_tails(z(a, b)) / 2.0);
        return if z < 0.0 { 1.0 - one_tail } else { one_tail };
    }
    let mut ln_term = ln_beta(aa, ba + bb) - bb.ln() - ln_beta(1.0, bb) - ln_beta(aa, ba);
    let mut sum = 0.0;
    for i in 0..=b.clicks {
        sum += ln_term.exp();
        let i = i as f64;
        // B(aa+i+1, ba+bb) / B(aa+i, ba+bb) and (bb+i) B(1+i, bb) / ((bb+i+1) B(2+i, bb)), written out.
        ln_term += ((aa + i) / (aa + i + ba + bb) * (bb + i) / (i + 1.0)).ln();
    }
    f64::clamp(sum, 0.0, 1.0)
}

/// Which of many p-values may be called a discovery when at most `share` of those called so should be false: Benjamini
/// and Hochberg 1995. The answers stand in the order of the questions.
pub(crate) fn false_discoveries(p_values: &[f64], share: f64) -> Vec<bool> {
    let mut sorted: Vec<f64> = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let passes = |(rank, p): (usize, &f64)| (*p <= share * (rank + 1) as f64 / count).then_some(*p);
    let limit = sorted.iter().enumerate().rev().find_map(passes);
    p_values.iter().map(|p| limit.is_some_and(|limit| *p <= limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(clicks: u64, impressions: u64) -> Share {
        Share::new(clicks, impressions).unwrap()
    }

    /// Pairs with z, its p, Newcombe's bounds in percentage points, Fisher's p, and how probable the second is better.
    /// Computed with statsmodels and scipy.
    #[test]
    fn no_test_shows_a_probability_of_nothing() {
        assert_eq!([p_text(0.02444), p_text(0.0001), p_text(1e-9)], ["p = 0.0244", "p = 0.0001", "p < 0.0001"]);
    }

    #[test]
    fn comparisons_agree_with_statsmodels_and_scipy_to_the_printed_digits() {
        let table = [
            ((50, 5000), (75, 5000), "-2.2502", "0.02444", Some(("-0.9465", "-0.0633")), "0.03036", "0.98769"),
            ((30, 2000), (60, 3000), "-1.3028", "0.19265", Some(("-1.2212", "0.2728")), "0.23217", "0.89975"),
            ((3, 200), (9, 210), "-1.6727", "0.09438", None, "0.14152", "0.94754"),
            ((0, 50), (4, 60), "-1.8599", "0.06290", None, "0.12436", "0.95565"),
        ];
        for (a, b, z, p, difference, fisher, better) in table {
            let found = compare(share(a.0, a.1), share(b.0, b.1));
            assert_eq!(format!("{:.4}", found.z), z, "{a:?} {b:?}");
            assert_eq!(format!("{:.5}", found.z_p), p, "{a:?} {b:?}");
            assert_eq!(format!("{:.5}", found.fisher_p.unwrap()), fisher, "{a:?} {b:?}");
            assert_eq!(format!("{:.5}", found.second_better), better, "{a:?} {b:?}");
            if let Some((low, high)) = difference {
                let points = |share: f64| format!("{:.4}", share * 100.0);
                assert_eq!((points(found.bounds.low).as_str(), points(found.bounds.high).as_str()), (low, high));
            }
        }
    }

    #[test]
    fn small_counts_are_read_by_fishers_test() {
        let small = compare(share(0, 50), share(4, 60));
        assert!(small.small && Some(small.p()) == small.fisher_p, "{small:?}");
        let large = compare(share(50, 5000), share(75, 5000));
        assert!(!large.small && large.p() == large.z_p, "{large:?}");
    }

    #[test]
    fn a_comparison_turned_round_says_the_same() {
        for (a, b) in [((50, 5000), (75, 5000)), ((0, 50), (4, 60)), ((9, 9), (1, 9)), ((0, 7), (0, 7))] {
            let (one, other) = (compare(share(a.0, a.1), share(b.0, b.1)), compare(share(b.0, b.1), share(a.0, a.1)));
            assert!((one.z + other.z).abs() < 1e-12 && (one.bounds.low + other.bounds.high).abs() < 1e-12);
            assert!((one.fisher_p.unwrap() - other.fisher_p.unwrap()).abs() < 1e-9, "{one:?} {other:?}");
            assert!((one.second_better + other.second_better - 1.0).abs() < 1e-9, "{one:?} {other:?}");
        }
    }

    #[test]
    fn large_counts_are_compared_in_bounded_time_and_agree_with_the_small_ones_way() {
        let (a, b) = (share(900_000, 90_000_000), share(903_000, 90_000_000));
        let exact = compare(a, b).second_better;
        let approximate = compare(share(9_000_000, 900_000_000), share(9_009_487, 900_000_000)).second_better;
        assert!((exact - approximate).abs() < 1e-3, "{exact} {approximate}");
        assert_eq!(compare(share(u64::MAX, u64::MAX), share(1, u64::MAX)).fisher_p, None);
    }

    #[test]
    fn what_is_no_proportion_is_not_compared() {
        assert_eq!(Share::new(3, 2), None);
        assert_eq!(Share::new(0, 0), None);
    }

    #[test]
    fn of_many_comparisons_only_those_that_stand_out_are_discoveries() {
        let worked = [0.216, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.001];
        let found = false_discoveries(&worked, 0.05);
        assert_eq!(found.iter().filter(|found| **found).count(), 2);
        assert_eq!(false_discoveries(&[0.04, 0.01, 0.03], 0.05), [true, true, true]);
        assert_eq!(false_discoveries(&[0.04], 0.01), [false]);
        assert!(false_discoveries(&[], 0.05).is_empty());
    }
}
