//! Sums under numbers: added in any order, taken in the order of the numbers.
//!
//! A place for each number and a bit for each that has something. Adding up what one link and day had is done for every click,
//! and sorting lists of a dozen or two took more of the tally's time than anything else.

use std::mem::take;

const BITS: usize = u64::BITS as usize;

/// As large as the largest number added, for good: for numbers that are given one after the other.
#[derive(Debug, Default)]
pub(crate) struct ByNumber {
    sums: Vec<u64>,
    /// Which sums there are, a bit for each; and which words of these bits have any.
    bits: Vec<u64>,
    words: Vec<u64>,
}

impl ByNumber {
    pub(crate) fn add(&mut self, number: u32, count: u64) {
        let number = number as usize;
        if number >= self.sums.len() {
            self.grow(number);
        }
        self.sums[number] = self.sums[number].saturating_add(count);
        self.bits[number / BITS] |= 1 << (number % BITS);
        self.words[number / BITS / BITS] |= 1 << (number / BITS % BITS);
    }

    /// Gives each sum there is, and leaves none.
    pub(crate) fn take_each(&mut self, mut each: impl FnMut(u32, u64)) {
        for (at, words) in (0..).zip(&mut self.words) {
            for word in ones(take(words)).map(|bit| at * BITS + bit) {
                for number in ones(take(&mut self.bits[word])).map(|bit| word * BITS + bit) {
                    each(number as u32, take(&mut self.sums[number]));
                }
            }
        }
    }

    #[cold]
    fn grow(&mut self, number: usize) {
        let words = number / BITS / BITS + 1;
        self.words.resize(words, 0);
        self.bits.resize(words * BITS, 0);
        self.sums.resize((number + 1).next_multiple_of(BITS), 0);
    }
}

/// The places of a word's ones, from the lowest.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        lowest
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn taken(sums: &mut ByNumber) -> Vec<(u32, u64)> {
        let mut all = Vec::new();
        sums.take_each(|number, sum| all.push((number, sum)));
        all
    }

    #[test]
    fn sums_come_in_the_order_of_their_numbers_and_only_once() {
        let mut sums = ByNumber::default();
        assert_eq!(taken(&mut sums), []);
        for round in 1..4 {
            let mut expected = BTreeMap::new();
            for step in 0..2_000_u32 {
                // Near ones, the ends of words, and far ones.
                let number = [step % 7, 63 + step % 3, 4_095 + step % 2, step * 7_919 % 100_000][step as usize % 4];
                sums.add(number, u64::from(step) * round);
                *expected.entry(number).or_insert(0) += u64::from(step) * round;
            }
            assert_eq!(taken(&mut sums), Vec::from_iter(expected), "round {round}");
            assert_eq!(taken(&mut sums), [], "round {round}");
        }
    }
}
