//! The rate of many posts together: pooled, its median, and an interval that knows that posts differ.
//!
//! Pure arithmetic. It must never take impressions of one post for independent of each other: posts are drawn, not
//! impressions, and a binomial interval over the sum would be several times too narrow.

use crate::stats::interval::Bounds;

/// From how many posts on they are drawn again; fewer are too few to stand for all that could have been.
pub(crate) const BOOTSTRAP_MIN: usize = 10;
/// How often they are drawn: so often that the 2.5 % quantile is the 25th draw.
const REPLICATES: usize = 1000;
/// Picks for one interval. More than 4,000 posts are drawn less often; their interval hardly moves then.
const PICKS_MAX: usize = 4_000_000;
const REPLICATES_MIN: usize = 200;
/// The same posts give the same interval, today and tomorrow.
const SEED: u64 = 0x5741_5950_4F53_5421;

/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// What is drawn as one: a post, or posts that share their links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) clicks: u64,
    /// At least one.
    pub(crate) impressions: u64,
}

impl Unit {
    fn rate(self) -> f64 {
        self.clicks as f64 / self.impressions as f64
    }
}

/// Which interval a pooled rate was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// The middle 95 % of the rates of posts drawn again, with replacement (Efron 1979; clusters: Davison and Hinkley
    /// 1997, 3.8).
    Bootstrap,
    /// The binomial one, its error multiplied by the square root of how much more posts differ than chance would make
    /// them (McCullagh and Nelder 1989, 4.5).
    QuasiBinomial,
}

/// A pooled rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pooled {
    /// The sum of clicks over the sum of impressions; never the mean of rates.
    pub(crate) rate: f64,
    /// Half of the posts have at most this rate.
    pub(crate) median: f64,
    pub(crate) bounds: Bounds,
    pub(crate) spread: Spread,
    /// Pearson's chi-square over its degrees of freedom: 1 when posts differ by chance alone.
    pub(crate) phi: f64,
}

/// `None` for fewer than two posts: one has no spread between posts.
pub(crate) fn pool(units: &[Unit]) -> Option<Pooled> {
    if units.len() < 2 {
        return None;
    }
    let (clicks, impressions) = sums(units.iter());
    let rate = clicks / impressions;
    let phi = dispersion(units, rate);
    let (bounds, spread) = if units.len() < BOOTSTRAP_MIN {
        (quasi_binomial(rate, impressions, phi), Spread::QuasiBinomial)
    } else {
        (bootstrap(units), Spread::Bootstrap)
    };
    Some(Pooled { rate, median: median(units.iter().map(|unit| unit.rate()).collect())?, bounds, spread, phi })
}

fn sums<'a>(units: impl Iterator<Item = &'a Unit>) -> (f64, f64) {
    units.fold((0.0, 0.0), |(clicks, impressions), unit| {
        (clicks + unit.clicks as f64, impressions + unit.impressions as f64)
    })
}

/// The middle value, or the mean of the middle two; `None` of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    Some(lower.map_or(*upper, |lower| f64::midpoint(lower, *upper)))
}

/// Pearson's chi-square of the posts around their pooled rate, over the degrees of freedom.
fn dispersion(units: &[Unit], rate: f64) -> f64 {
    let variance = rate * (1.0 - rate).abs();
    if variance <= 0.0 {
        return 1.0;
    }
    let square = |unit: &Unit| {
        let n = unit.impressions as f64;
        (unit.clicks as f64 - n * rate).powi(2) / (n * variance)
    };
    units.iter().map(square).sum::<f64>() / (units.len() - 1) as f64
}

/// Wilson's interval of as many impressions as these are worth: fewer by the factor `phi`, never more.
fn quasi_binomial(rate: f64, impressions: f64, phi: f64) -> Bounds {
    let n = impressions / phi.max(1.0);
    let spread = (rate * (1.0 - rate)).max(0.0);
    let scale = 1.0 + Z * Z / n;
    let centre = (rate + Z * Z / (2.0 * n)) / scale;
    let half = Z * (spread / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    Bounds { low: (centre - half).clamp(0.0, rate), high: (centre + half).max(rate) }
}

fn bootstrap(units: &[Unit]) -> Bounds {
    let replicates = (PICKS_MAX / units.len()).clamp(REPLICATES_MIN, REPLICATES);
    let mut draw = Draw(SEED);
    let mut rates: Vec<f64> = (0..replicates)
        .map(|_| {
            let (clicks, impressions) = sums((0..units.len()).map(|_| &units[draw.below(units.len())]));
            clicks / impressions
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let tail = replicates / 40;
    Bounds { low: rates[tail], high: rates[replicates - 1 - tail] }
}

/// SplitMix64 (Steele, Lea and Flood 2014): all that drawing posts asks of a generator, in three lines.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        // The high half of the product is below the bound, and as even as anyone can tell for bounds this small.
        ((u128::from(word) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(counts: &[(u64, u64)]) -> Vec<Unit> {
        counts.iter().map(|(clicks, impressions)| Unit { clicks: *clicks, impressions: *impressions }).collect()
    }

    /// `count` posts of 5,000 impressions whose clicks go up by `step` from one to the next, around 25.
    fn posts(count: u64, step: u64) -> Vec<Unit> {
        (0..count).map(|n| Unit { clicks: 25 - step * 2 + step * (n % 5), impressions: 5000 }).collect()
    }

    #[test]
    fn a_pooled_rate_is_the_sum_over_the_sum_and_not_the_mean_of_rates() {
        let pooled = pool(&units(&[(90, 1000), (10, 9000)])).unwrap();
        assert_eq!(pooled.rate, 0.01);
        assert!((pooled.median - (0.09 + 10.0 / 9000.0) / 2.0).abs() < 1e-15);
    }

    #[test]
    fn the_median_is_the_middle_one_or_between_the_middle_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(vec![5.0, 5.0]), Some(5.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn posts_that_differ_by_chance_alone_have_the_binomial_interval() {
        let pooled = pool(&units(&[(50, 5000), (50, 5000), (50, 5000)])).unwrap();
        let binomial = crate::stats::interval::wilson(150, 15_000).unwrap();
        assert_eq!((pooled.phi, pooled.spread), (0.0, Spread::QuasiBinomial));
        assert!((pooled.bounds.low - binomial.low).abs() < 1e-12 && (pooled.bounds.high - binomial.high).abs() < 1e-12);
    }

    #[test]
    fn posts_that_differ_more_widen_the_interval_by_the_root_of_phi() {
        let (few, many) = (pool(&units(&[(10, 50_000), (990, 50_000)])).unwrap(), 50_000.0 * 2.0);
        let expected = 2.0 * (490.0_f64.powi(2) / (50_000.0 * 0.01 * 0.99));
        assert!((few.phi - expected).abs() < 1e-6, "{}", few.phi);
        let half = Z * f64::sqrt(0.01 * 0.99 / many) * few.phi.sqrt();
        assert!((few.bounds.high - few.bounds.low) / (2.0 * half) > 0.9, "{few:?}");
    }

    #[test]
    fn drawing_posts_again_gives_the_spread_between_them_and_the_same_one_every_time() {
        let (posts, alike) = (posts(200, 10), posts(200, 0));
        let pooled = pool(&posts).unwrap();
        assert_eq!(pooled.spread, Spread::Bootstrap);
        assert_eq!(pool(&posts), Some(pooled));
        // Clicks of a post vary by 14.1 around 25; the mean of 200 of them by 1.0; 1.96 of that is 0.039 points.
        let half = (pooled.bounds.high - pooled.bounds.low) / 2.0;
        assert!((half - 1.96 * 14.14 / 200.0_f64.sqrt() / 5000.0).abs() < 0.1 * half, "{half}");
        let bounds = pool(&alike).unwrap().bounds;
        assert_eq!((bounds.low, bounds.high), (0.005, 0.005));
    }

    #[test]
    fn more_posts_than_can_be_drawn_a_thousand_times_are_drawn_less_often() {
        let pooled = pool(&posts(30_000, 10)).unwrap();
        assert!(pooled.bounds.low < pooled.rate && pooled.rate < pooled.bounds.high, "{pooled:?}");
    }

    #[test]
    fn one_post_is_not_pooled_and_odd_ones_do_not_break_it() {
        assert_eq!(pool(&units(&[(1, 10)])), None);
        for odd in [[(0, 10), (0, 20)], [(10, 10), (20, 20)], [(30, 10), (50, 20)], [(u64::MAX, 1), (1, u64::MAX)]] {
            let pooled = pool(&units(&odd)).unwrap();
            let Bounds { low, high } = pooled.bounds;
            assert!(low <= pooled.rate && pooled.rate <= high && high.is_finite() && low >= 0.0, "{odd:?} {pooled:?}");
        }
    }
}
