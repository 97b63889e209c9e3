//! Chance that repeats: the same seed always throws the same dice. It is for the demo and never for secrets.

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.next() >> 11) as f64 / STEPS
    }

    /// From 0 to below `end`; 0 when there is nothing below it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Around 1, at most `spread` away from it.
    pub(super) fn around_one(&mut self, spread: f64) -> f64 {
        1.0 + spread * (2.0 * self.unit() - 1.0)
    }

    /// One of `items`, which are not empty, by their weights.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(items.iter().map(&weight).sum());
        for item in items {
            match left.checked_sub(weight(item)) {
                Some(rest) => left = rest,
                None => return item,
            }
        }
        &items[items.len() - 1]
    }

    /// How many of many independent rare things happen when `mean` are expected (Knuth's multiplication method,
    /// TAOCP 3.4.1). Means beyond the hundreds are not what it is for.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        const MEAN_MAX: f64 = 500.0;
        let limit = (-mean.clamp(0.0, MEAN_MAX)).exp();
        let (mut count, mut product) = (0, self.unit());
        while product > limit {
            count += 1;
            product *= self.unit();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_throws_are_those_of_the_reference_program() {
        let mut chance = Chance::new(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn counts_gather_around_their_mean() {
        let mut chance = Chance::new(7);
        let sum: u64 = (0..10_000).map(|_| chance.poisson(3.0)).sum();
        assert!((29_000..31_000).contains(&sum), "{sum}");
        assert_eq!(chance.poisson(0.0), 0);
    }

    #[test]
    fn a_weight_of_nothing_is_never_picked() {
        let mut chance = Chance::new(7);
        assert!((0..1000).all(|_| *chance.pick(&[("a", 0), ("b", 3)], |(_, weight)| *weight) == ("b", 3)));
    }
}
