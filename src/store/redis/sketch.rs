//! A HyperLogLog as Redis keeps it in a string (`hyperloglog.c`): a head of 16 bytes, then the registers, either all of
//! them or, while most are zero, runs. Reading must answer any bytes with a set or nothing.

use crate::domain::uniques::{REGISTERS, Uniques};

const MAGIC: &[u8] = b"HYLL";
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const HEAD: usize = 16;
/// The cached count is not valid: Redis computes it when it is asked.
const NOT_CACHED: u8 = 0x80;

/// Always all registers; Redis reads either form.
pub(super) fn write(visitors: &Uniques) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[DENSE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NOT_CACHED]);
    bytes.extend_from_slice(&visitors.registers());
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Option<Uniques> {
    let (head, body) = bytes.split_at_checked(HEAD)?;
    match (&head[..4], head[4]) {
        (MAGIC, DENSE) => Uniques::from_registers(body).ok(),
        (MAGIC, SPARSE) => Uniques::from_ranks(&ranks(body)?).ok(),
        _ => None,
    }
}

/// The rank of every register. A run is `00zzzzzz` (zeroes), `01zzzzzz zzzzzzzz` (many zeroes) or `1vvvvvrr` (a value).
fn ranks(runs: &[u8]) -> Option<Vec<u8>> {
    let mut ranks = Vec::with_capacity(REGISTERS);
    let mut runs = runs.iter().copied();
    while let Some(first) = runs.next() {
        let (rank, length) = match first >> 6 {
            0 => (0, usize::from(first & 0x3f) + 1),
            1 => (0, (usize::from(first & 0x3f) << 8 | usize::from(runs.next()?)) + 1),
            _ => ((first >> 2 & 0x1f) + 1, usize::from(first & 3) + 1),
        };
        if ranks.len() + length > REGISTERS {
            return None;
        }
        ranks.resize(ranks.len() + length, rank);
    }
    (ranks.len() == REGISTERS).then_some(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::uniques::EXACT_MAX;
    use crate::domain::visitor::Visitor;

    fn many() -> Uniques {
        let mut uniques = Uniques::new();
        (0..EXACT_MAX as u64 * 2).for_each(|n| uniques.add(Visitor(n)));
        uniques
    }

    #[test]
    fn a_sketch_comes_back_from_either_form() {
        let dense = write(&many());
        assert_eq!(read(&dense), Some(many()));
        let mut sparse = [MAGIC, &[SPARSE], &[0; 11]].concat();
        // 16,381 zeroes, then the values 1, 1 and 32.
        sparse.extend_from_slice(&[0x7f, 0xfc, 0x81, 0xfc]);
        let mut ranks = vec![0; REGISTERS];
        ranks[REGISTERS - 3..].copy_from_slice(&[1, 1, 32]);
        assert_eq!(read(&sparse), Uniques::from_ranks(&ranks).ok());
    }

    #[test]
    fn bytes_that_are_no_sketch_are_none() {
        let dense = write(&many());
        let short = [MAGIC, &[SPARSE], &[0; 11], &[0x7f]].concat();
        let long = [MAGIC, &[SPARSE], &[0; 11], &[0x7f, 0xff, 0x00]].concat();
        for bytes in [b"".as_slice(), b"HYLL", &dense[..100], &dense[1..], &short, &long] {
            assert_eq!(read(bytes), None);
        }
    }
}
