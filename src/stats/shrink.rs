//! Empirical Bayes: what many posts together teach about one, so that a lucky post with few impressions does not lead
//! a ranking.
//!
//! Pure arithmetic. It must never change a rate that is shown as measured: a shrunken rate is for putting in order.

use crate::stats::pooled::Unit;

/// Fewer posts teach nothing about how posts differ.
pub(crate) const POSTS_MIN: usize = 5;

/// A post that fewer saw teaches nothing: one with 7 clicks on 9 impressions would move all others.
pub(crate) const IMPRESSIONS_MIN: u64 = 100;

/// When posts differ no more than by chance, each is taken for as good as this many impressions say.
const WEIGHT_MAX: f64 = 1e9;

/// Rounds of reweighting; the third hardly moves anything.
const ROUNDS: usize = 10;

/// How the rates of posts are spread: a beta distribution of this mean, worth as much as `weight` impressions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prior {
    pub(crate) mean: f64,
    pub(crate) weight: f64,
}

impl Prior {
    /// Fits a beta-binomial by moments (Kleinman 1973): posts are weighted by what their size tells about the spread,
    /// and weighted again with the spread that was found. `None` for fewer than [`POSTS_MIN`] posts, or when none or
    /// all were clicked. Posts below [`IMPRESSIONS_MIN`], and those with more clicks than impressions, which are no
    /// proportions, are left out.
    pub(crate) fn fit(units: &[Unit]) -> Option<Self> {
        let shares: Vec<(f64, f64)> = units
            .iter()
            .filter(|unit| unit.impressions >= IMPRESSIONS_MIN && unit.clicks <= unit.impressions)
            .map(|unit| (unit.clicks as f64 / unit.impressions as f64, unit.impressions as f64))
            .collect();
        if shares.len() < POSTS_MIN {
            return None;
        }
        let (mut mean, mut rho) = moments(&shares, 0.0);
        for _ in 0..ROUNDS {
            (mean, rho) = moments(&shares, rho);
        }
        let weight = if rho > 0.0 { ((1.0 - rho) / rho).min(WEIGHT_MAX) } else { WEIGHT_MAX };
        (mean > 0.0 && mean < 1.0).then_some(Self { mean, weight })
    }

    /// The rate of one post, drawn towards the mean the more the less it was seen: the mean of its posterior.
    pub(crate) fn shrink(self, clicks: u64, impressions: u64) -> f64 {
        (clicks as f64 + self.mean * self.weight) / (impressions as f64 + self.weight)
    }
}

/// Mean and intra-class correlation from posts weighted by `n / (1 + rho (n - 1))`.
fn moments(shares: &[(f64, f64)], rho: f64) -> (f64, f64) {
    let weight = |n: f64| n / (1.0 + rho * (n - 1.0));
    let total: f64 = shares.iter().map(|(_, n)| weight(*n)).sum();
    let mean = shares.iter().map(|(p, n)| weight(*n) * p).sum::<f64>() / total;
    let (mut squares, mut chance, mut freedom) = (0.0, 0.0, 0.0);
    for (p, n) in shares {
        let weight = weight(*n);
        let part = weight * (1.0 - weight / total);
        squares += weight * (p - mean).powi(2);
        chance += part / n;
        freedom += part;
    }
    let variance = mean * (1.0 - mean);
    let rho = (squares - variance * chance) / (variance * (freedom - chance));
    (mean, if rho.is_finite() { rho.clamp(0.0, 1.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Posts of `n` impressions whose rates are spread evenly over `low..high`, with the clicks they expect.
    fn spread(count: u64, n: u64, low: f64, high: f64) -> Vec<Unit> {
        let rate = |i: u64| low + (high - low) * (i as f64 + 0.5) / count as f64;
        (0..count).map(|i| Unit { clicks: (rate(i) * n as f64).round() as u64, impressions: n }).collect()
    }

    #[test]
    fn the_spread_of_posts_is_found_again() {
        let prior = Prior::fit(&spread(1000, 100_000, 0.0, 0.02)).unwrap();
        // A uniform spread over 0 to 0.02 has the variance 0.02^2/12; a beta of that mean and variance has this weight.
        let variance: f64 = 0.02 * 0.02 / 12.0;
        let weight = 0.01 * 0.99 / variance - 1.0;
        assert!((prior.mean - 0.01).abs() < 1e-5, "{prior:?}");
        assert!((prior.weight / weight - 1.0).abs() < 0.02, "{prior:?} {weight}");
    }

    #[test]
    fn a_lucky_small_post_does_not_lead() {
        let mut posts = spread(50, 5000, 0.005, 0.02);
        posts.push(Unit { clicks: 7, impressions: 9 });
        let prior = Prior::fit(&posts).unwrap();
        let lucky = prior.shrink(7, 9);
        let solid = prior.shrink(250, 5000);
        assert!(lucky < solid, "{prior:?} {lucky} {solid}");
        assert!(prior.mean < lucky, "luck still counts a little");
    }

    #[test]
    fn posts_that_do_not_differ_are_all_worth_their_mean() {
        let prior = Prior::fit(&[Unit { clicks: 50, impressions: 5000 }; 8]).unwrap();
        assert!((prior.shrink(9, 100) - 0.01).abs() < 1e-6, "{prior:?}");
    }

    #[test]
    fn too_few_posts_or_none_clicked_teach_nothing() {
        assert_eq!(Prior::fit(&[Unit { clicks: 50, impressions: 5000 }; 4]), None);
        assert_eq!(Prior::fit(&[Unit { clicks: 0, impressions: 5000 }; 40]), None);
        assert_eq!(Prior::fit(&[Unit { clicks: 200, impressions: 100 }; 40]), None);
        assert_eq!(Prior::fit(&[Unit { clicks: 7, impressions: 9 }; 40]), None);
        assert_eq!(Prior::fit(&[]), None);
    }
}
