//! The few special functions that intervals and comparisons need. Pure arithmetic; it must never be asked outside of
//! the range that each function names.
//!
//! Why our own: the crates that have them stop their continued fractions after a fixed number of steps, or bring a
//! linear algebra with them; an interval of a hundred million impressions would be wrong without a word.

/// Steps of the continued fraction. It needs about the square root of its larger parameter, so this is enough for
/// parameters of 10^8.
const STEPS_MAX: u32 = 20_000;

/// The largest parameter of [`beta_share`].
pub(crate) const BETA_MAX: f64 = 1e8;

/// Where a denominator that is nought is moved, so that Lentz's method can go on.
const TINY: f64 = 1e-300;

/// The natural logarithm of the gamma function of `x > 0`: Stirling's series (DLMF 5.11.1), after the recurrence
/// has lifted small arguments to where seven terms give all digits.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 7] =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    let (mut at, mut below) = (x, 0.0);
    while at < 10.0 {
        below += at.ln();
        at += 1.0;
    }
    let square = at * at;
    let series = TERMS.iter().rev().fold(0.0, |sum, term| sum / square + term) / at;
    (at - 0.5) * at.ln() - at + 0.5 * std::f64::consts::TAU.ln() + series - below
}

/// The logarithm of the beta function of `a, b > 0`.
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// The share of the distribution Beta(a, b) below `x`: the regularised incomplete beta function, for `a` and `b`
/// between 0 and [`BETA_MAX`] and `x` from 0 to 1.
pub(crate) fn beta_share(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let scale = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    // On this side of the mean the fraction converges quickly; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0) {
        scale * beta_fraction(a, b, x) / a
    } else {
        1.0 - scale * beta_fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of DLMF 8.17.22, by Lentz's method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..=STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / kept(1.0 + term * d);
            c = kept(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    fraction
}

/// The probability that a standard normal variable is further from 0 than `z`: both tails.
///
/// The complementary error function by its Chebyshev-like rational form would give seven digits; this one is the
/// series near 0 (DLMF 7.6.2) and the continued fraction beyond (DLMF 7.9.3), which give twelve.
pub(crate) fn normal_tails(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let bell = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - 2.0 * bell * sum;
    }
    let fraction = (1..=60).rev().fold(0.0, |below, n| f64::from(n) / 2.0 / (x + below));
    bell / (x + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_of_a_whole_number_is_the_factorial_before_it() {
        let mut factorial = 1.0_f64;
        for n in 1..20 {
            assert!((ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-13, "{n}");
            factorial *= f64::from(n);
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-14);
    }

    #[test]
    fn the_share_below_agrees_with_what_can_be_written_down() {
        for x in [0.001, 0.1, 0.5, 0.9, 0.999_f64] {
            assert!((beta_share(1.0, 1.0, x) - x).abs() < 1e-14);
            assert!((beta_share(3.0, 1.0, x) - x.powi(3)).abs() < 1e-14);
            assert!((beta_share(1.0, 4.0, x) - (1.0 - (1.0 - x).powi(4))).abs() < 1e-14);
            let arc_sine = x.sqrt().asin() / std::f64::consts::FRAC_PI_2;
            assert!((beta_share(0.5, 0.5, x) - arc_sine).abs() < 1e-13);
        }
        assert_eq!((beta_share(2.0, 3.0, 0.0), beta_share(2.0, 3.0, 1.0)), (0.0, 1.0));
    }

    #[test]
    fn the_share_below_the_middle_of_a_symmetric_one_is_a_half_however_large_it_is() {
        for a in [0.5, 1.0, 40.0, 3_000.0, 1e6, BETA_MAX] {
            assert!((beta_share(a, a, 0.5) - 0.5).abs() < 1e-6, "{a}: {}", beta_share(a, a, 0.5));
        }
    }

    #[test]
    fn the_tails_of_the_normal_distribution_are_those_of_the_tables() {
        let table = [(0.0, 1.0), (1.0, 0.317_310_507_863), (1.959_963_984_540, 0.05), (3.0, 0.002_699_796_063)];
        for (z, p) in table {
            assert!((normal_tails(z) - p).abs() < 1e-12 && normal_tails(-z) == normal_tails(z), "{z}");
        }
        assert!(normal_tails(40.0) >= 0.0 && normal_tails(2.828) - normal_tails(2.829) < 1e-4);
    }
}
