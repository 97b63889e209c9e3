//! 95 % intervals: Wilson's, Clopper and Pearson's or Jeffreys' for a proportion, Garwood's for a count. Pure
//! arithmetic; it must never be asked for the interval of nothing, and never clamps what its caller should have flagged.

use crate::stats::special::{BETA_MAX, beta_share, ln_gamma};

/// Two-sided 95 %: the 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// What each tail keeps: 2.5 %.
const TAIL: f64 = 0.025;

/// Above this count the exact interval and Wilson and Hilferty's cube root agree to six digits, and summing the
/// distribution would only take longer.
const EXACT_COUNT_MAX: u64 = 10_000;

/// Halvings of a bracket of about 20 standard deviations; more than a double can tell apart.
const BISECTIONS: u32 = 80;

/// Where the true value lies, 19 times out of 20.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// How the interval of a proportion is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// Close to 95 % on average, also for small numbers.
    #[default]
    Wilson,
    /// At least 95 % whatever the true value is, so usually wider than needed.
    ClopperPearson,
    /// The middle 95 % of what Bayes' rule leaves of Jeffreys' prior.
    Jeffreys,
}

impl Method {
    pub(crate) const ALL: [Self; 3] = [Self::Wilson, Self::ClopperPearson, Self::Jeffreys];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::ClopperPearson => "clopper_pearson",
            Self::Jeffreys => "jeffreys",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// The interval of `k` out of `n`, as shares of 1; `None` unless `n > 0` and `k <= n`.
///
/// Clopper and Pearson 1934: `low` is the 2.5 % quantile of Beta(k, n-k+1), `high` the 97.5 % quantile of
/// Beta(k+1, n-k). Jeffreys: both quantiles of Beta(k+½, n-k+½) (Brown, Cai and DasGupta 2001). Beyond 10^8 the three
/// agree in every digit that is printed, and Wilson's is taken.
pub(crate) fn proportion(k: u64, n: u64, method: Method) -> Option<Bounds> {
    let wilson = wilson(k, n)?;
    let (hits, rest) = (k as f64, (n - k) as f64);
    if method == Method::Wilson || n as f64 + 1.0 > BETA_MAX {
        return Some(wilson);
    }
    let jeffreys = method == Method::Jeffreys;
    let low = match k {
        _ if jeffreys => beta_quantile(hits + 0.5, rest + 0.5, TAIL),
        0 => 0.0,
        _ => beta_quantile(hits, rest + 1.0, TAIL),
    };
    let high = match n - k {
        _ if jeffreys => beta_quantile(hits + 0.5, rest + 0.5, 1.0 - TAIL),
        0 => 1.0,
        _ => beta_quantile(hits + 1.0, rest, 1.0 - TAIL),
    };
    Some(Bounds { low, high })
}

fn beta_quantile(a: f64, b: f64, share: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_share(a, b, x) < share)
}

/// Wilson's interval of `k` out of `n`, as shares of 1; `None` unless `n > 0` and `k <= n`.
///
/// Wilson 1927; recommended for small samples by Brown, Cai and DasGupta 2001. Centre `(p + z²/2n) / (1 + z²/n)`,
/// half-width `z·sqrt(p(1-p)/n + z²/4n²) / (1 + z²/n)`.
pub(crate) fn wilson(k: u64, n: u64) -> Option<Bounds> {
    if n == 0 || k > n {
        return None;
    }
    let (k, n) = (k as f64, n as f64);
    let p = k / n;
    let scale = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    // Rounding can leave -1e-17 where the formula says 0, and 1 less one bit where it says 1.
    let low = if k == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if k == n { 1.0 } else { (centre + half).min(1.0) };
    Some(Bounds { low, high })
}

/// Garwood's exact interval of the mean of a Poisson count `k`.
///
/// Garwood 1936: `low` is the mean under which `k` or more happen in 2.5 % of the cases, `high` the one under which
/// `k` or fewer do. Both are half a chi-square quantile; for whole `k` the tail is a finite sum, so no incomplete
/// gamma function is needed.
pub(crate) fn poisson(k: u64) -> Bounds {
    if k > EXACT_COUNT_MAX {
        return Bounds { low: cube_root(k as f64, -Z), high: cube_root(k as f64 + 1.0, Z) };
    }
    let mean = k as f64;
    let reach = 10.0 * mean.sqrt() + 20.0;
    let low = match k {
        0 => 0.0,
        _ => bisect((mean - reach).max(0.0), mean, |mean| at_most(k - 1, mean) > 1.0 - TAIL),
    };
    Bounds { low, high: bisect(mean, mean + reach, |mean| at_most(k, mean) > TAIL) }
}

/// Half the chi-square quantile with `2a` degrees of freedom at `z`: Wilson and Hilferty 1931.
fn cube_root(a: f64, z: f64) -> f64 {
    a * (1.0 - 1.0 / (9.0 * a) + z / (3.0 * a.sqrt())).powi(3)
}

/// Where `below` turns from true to false between `low` and `high`.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..BISECTIONS {
        let middle = low + (high - low) / 2.0;
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low + (high - low) / 2.0
}

/// The probability that a Poisson variable of this mean is at most `k`: its terms, added from `k` downwards.
fn at_most(k: u64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    let mut term = (k as f64 * mean.ln() - mean - ln_gamma(k as f64 + 1.0)).exp();
    let mut sum = term;
    for i in (1..=k).rev() {
        term *= i as f64 / mean;
        sum += term;
        if term < sum * f64::EPSILON && (i as f64) < mean {
            break;
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with statsmodels' `proportion_confint`, in per cent.
    const WILSON: [(u64, u64, &str, &str); 11] = [
        (50, 5000, "0.7594", "1.3159"),
        (12, 1000, "0.6878", "2.0857"),
        (315, 10000, "2.8252", "3.5107"),
        (24, 5830, "0.2768", "0.6118"),
        (2, 5830, "0.0094", "0.1250"),
        (0, 100, "0.0000", "3.6993"),
        (3, 12, "8.8942", "53.2305"),
        (1, 9, "1.9891", "43.5000"),
        (7, 9, "45.2589", "93.6775"),
        (1, 1, "20.6549", "100.0000"),
        (100, 100, "96.3007", "100.0000"),
    ];

    const CLOPPER_PEARSON: [(u64, u64, &str, &str); 11] = [
        (50, 5000, "0.7431", "1.3163"),
        (12, 1000, "0.6216", "2.0868"),
        (315, 10000, "2.8164", "3.5113"),
        (24, 5830, "0.2639", "0.6119"),
        (2, 5830, "0.0042", "0.1239"),
        (0, 100, "0.0000", "3.6217"),
        (3, 12, "5.4861", "57.1858"),
        (1, 9, "0.2809", "48.2497"),
        (7, 9, "39.9906", "97.1855"),
        (1, 1, "2.5000", "100.0000"),
        (100, 100, "96.3783", "100.0000"),
    ];

    const JEFFREYS: [(u64, u64, &str, &str); 11] = [
        (50, 5000, "0.7517", "1.3049"),
        (12, 1000, "0.6576", "2.0234"),
        (315, 10000, "2.8211", "3.5060"),
        (24, 5830, "0.2708", "0.6017"),
        (2, 5830, "0.0071", "0.1100"),
        (0, 100, "0.0005", "2.4745"),
        (3, 12, "7.5942", "52.9191"),
        (1, 9, "1.2264", "41.4469"),
        (7, 9, "45.6176", "95.0698"),
        (1, 1, "14.6746", "99.9614"),
        (100, 100, "97.5255", "99.9995"),
    ];

    #[test]
    fn each_interval_agrees_with_statsmodels_to_the_printed_digits() {
        let tables =
            [(Method::Wilson, WILSON), (Method::ClopperPearson, CLOPPER_PEARSON), (Method::Jeffreys, JEFFREYS)];
        for (method, table) in tables {
            for (k, n, low, high) in table {
                let bounds = proportion(k, n, method).unwrap();
                let percent = |share: f64| format!("{:.4}", share * 100.0);
                let found = (percent(bounds.low), percent(bounds.high));
                assert_eq!(found, (low.to_owned(), high.to_owned()), "{method:?} of {k}/{n}");
            }
        }
    }

    #[test]
    fn the_three_intervals_meet_as_numbers_grow() {
        for (k, n) in [(400_000, 40_000_000), (2_000_000, 150_000_000)] {
            let wilson = proportion(k, n, Method::Wilson).unwrap();
            for method in Method::ALL {
                let bounds = proportion(k, n, method).unwrap();
                assert!((bounds.low / wilson.low - 1.0).abs() < 1e-4, "{method:?} {bounds:?} {wilson:?}");
                assert!((bounds.high / wilson.high - 1.0).abs() < 1e-4, "{method:?} {bounds:?} {wilson:?}");
            }
        }
    }

    #[test]
    fn e100_nothing_and_more_than_all_have_no_interval() {
        for (k, n) in [(0, 0), (3, 0), (3, 2)] {
            assert!(Method::ALL.into_iter().all(|method| proportion(k, n, method).is_none()), "{k}/{n}");
        }
    }

    #[test]
    fn no_wilson_interval_leaves_0_to_1_or_misses_its_own_share() {
        for n in [1, 2, 3, 10, 999, u64::MAX] {
            for k in [0, 1, n / 2, n - 1, n] {
                let bounds = wilson(k.min(n), n).unwrap();
                let p = k.min(n) as f64 / n as f64;
                assert!(0.0 <= bounds.low && bounds.low <= p && p <= bounds.high && bounds.high <= 1.0, "{k}/{n}");
            }
        }
    }

    #[test]
    fn garwoods_interval_agrees_with_the_definition_solved_to_60_digits() {
        let table = [
            (0, "0.0000", "3.6889"),
            (1, "0.0253", "5.5716"),
            (2, "0.2422", "7.2247"),
            (5, "1.6235", "11.6683"),
            (10, "4.7954", "18.3904"),
            (100, "81.3640", "121.6268"),
            (1000, "938.9730", "1063.9521"),
            (10_000, "9804.9525", "10197.9516"),
        ];
        for (k, low, high) in table {
            let bounds = poisson(k);
            let digits = |mean: f64| format!("{mean:.4}");
            assert_eq!((digits(bounds.low), digits(bounds.high)), (low.to_owned(), high.to_owned()), "{k}");
        }
    }

    #[test]
    fn the_exact_interval_and_its_approximation_meet_where_they_change_over() {
        let exact = poisson(EXACT_COUNT_MAX);
        let a = EXACT_COUNT_MAX as f64;
        assert!((exact.low / cube_root(a, -Z) - 1.0).abs() < 1e-6, "{exact:?}");
        assert!((exact.high / cube_root(a + 1.0, Z) - 1.0).abs() < 1e-6, "{exact:?}");
        let huge = poisson(u64::MAX);
        assert!(huge.low < huge.high && huge.high.is_finite());
    }
}
