//! How many different visitors: an exact list while it is short, a HyperLogLog after that.
//!
//! The sketch follows the dense encoding of Redis bit for bit (`hyperloglog.c`: MurmurHash64A, 14 bits of index,
//! registers of 6 bits packed from the low end), so that a count can move to Redis with its registers unchanged.
//! It must never grow beyond [`SKETCH_BYTES`], whatever is added.

use super::visitor::Visitor;

/// The most visitors that are kept one by one; the count is exact up to here.
pub(crate) const EXACT_MAX: usize = 1024;

const INDEX_BITS: u32 = 14;
pub(crate) const REGISTERS: usize = 1 << INDEX_BITS;
const REGISTER_BITS: usize = 6;
/// Bits of the hash that the rank is read from.
const RANK_BITS: usize = 64 - INDEX_BITS as usize;
/// The highest value of a register: every rank bit was zero.
const RANK_MAX: u8 = RANK_BITS as u8 + 1;
/// Bytes of a full sketch without its tag.
const SKETCH_BYTES: usize = REGISTERS * REGISTER_BITS / 8;

const TAG_EXACT: u8 = 1;
const TAG_SKETCH: u8 = 2;

/// A set of visitors that can be counted and added to, but not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uniques(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Ascending, without repeats, at most [`EXACT_MAX`].
    Exact(Vec<u64>),
    Sketch(Sketch),
}

/// Why bytes are not a set of visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UniquesError {
    #[error("the set of visitors is empty bytes")]
    Empty,
    #[error("the set of visitors has the unknown form {0}")]
    Form(u8),
    #[error("the set of visitors has a length no set has: {0} bytes")]
    Length(usize),
    #[error("the list of visitors is not in ascending order")]
    Order,
    #[error("a register of the set of visitors is above its highest value")]
    Register,
}

impl Default for Uniques {
    fn default() -> Self {
        Self::new()
    }
}

impl Uniques {
    pub(crate) fn new() -> Self {
        Self(Form::Exact(Vec::new()))
    }

    pub(crate) fn add(&mut self, visitor: Visitor) {
        match &mut self.0 {
            Form::Sketch(sketch) => sketch.add(visitor.0),
            Form::Exact(list) => {
                let Err(at) = list.binary_search(&visitor.0) else { return };
                list.insert(at, visitor.0);
                if list.len() > EXACT_MAX {
                    self.0 = Form::Sketch(Sketch::of(list));
                }
            }
        }
    }

    /// Adds every visitor of another set.
    pub(crate) fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Form::Exact(list)) => list.iter().for_each(|hash| self.add(Visitor(*hash))),
            (Form::Sketch(sketch), Form::Sketch(other)) => sketch.merge(other),
            (Form::Exact(list), Form::Sketch(other)) => {
                let mut sketch = other.clone();
                list.iter().for_each(|hash| sketch.add(*hash));
                self.0 = Form::Sketch(sketch);
            }
        }
    }

    /// Exact up to [`EXACT_MAX`]; beyond it an estimate with a standard error of 0.81 %.
    pub(crate) fn count(&self) -> u64 {
        match &self.0 {
            Form::Exact(list) => list.len() as u64,
            Form::Sketch(sketch) => sketch.count(),
        }
    }

    /// The visitors one by one, ascending; `None` once there is a sketch only.
    pub(crate) fn exact(&self) -> Option<&[u64]> {
        match &self.0 {
            Form::Exact(list) => Some(list),
            Form::Sketch(_) => None,
        }
    }

    /// The registers of a sketch of these visitors, packed as Redis packs them.
    pub(crate) fn registers(&self) -> Vec<u8> {
        match &self.0 {
            Form::Exact(list) => Sketch::of(list).registers.to_vec(),
            Form::Sketch(sketch) => sketch.registers.to_vec(),
        }
    }

    /// Reads what [`Self::registers`] gave.
    ///
    /// # Errors
    /// When the bytes are no registers.
    pub(crate) fn from_registers(bytes: &[u8]) -> Result<Self, UniquesError> {
        Ok(Self(Form::Sketch(Sketch::read(bytes)?)))
    }

    /// A sketch of which every register is known by its value.
    ///
    /// # Errors
    /// When there are not [`REGISTERS`] of them, or one is above the highest value.
    pub(crate) fn from_ranks(ranks: &[u8]) -> Result<Self, UniquesError> {
        if ranks.len() != REGISTERS {
            return Err(UniquesError::Length(ranks.len()));
        }
        let mut sketch = Sketch::of(&[]);
        for (index, rank) in ranks.iter().enumerate() {
            if *rank > RANK_MAX {
                return Err(UniquesError::Register);
            }
            sketch.set(index, *rank);
        }
        Ok(Self(Form::Sketch(sketch)))
    }

    #[cfg(test)]
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// Appends a tag byte, then either the visitors, 8 little-endian bytes each, or the registers.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Form::Exact(list) => {
                out.push(TAG_EXACT);
                list.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Form::Sketch(sketch) => {
                out.push(TAG_SKETCH);
                out.extend_from_slice(sketch.registers.as_slice());
            }
        }
    }

    /// Reads what [`Self::write_to`] wrote.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, UniquesError> {
        let (tag, body) = bytes.split_first().ok_or(UniquesError::Empty)?;
        let form = match *tag {
            TAG_EXACT => Form::Exact(read_list(body)?),
            TAG_SKETCH => Form::Sketch(Sketch::read(body)?),
            unknown => return Err(UniquesError::Form(unknown)),
        };
        Ok(Self(form))
    }
}

/// Appends the bytes of two sets put together, of which each is what [`Uniques::write_to`] wrote. Short lists are merged
/// as they stand there, without being read first.
///
/// # Errors
/// When one of them is anything else.
pub(crate) fn merge_bytes(one: &[u8], other: &[u8], out: &mut Vec<u8>) -> Result<(), UniquesError> {
    if let ([TAG_EXACT, one @ ..], [TAG_EXACT, other @ ..]) = (one, other) {
        let (ones, others) = (list(one)?, list(other)?);
        if ones.len() + others.len() <= EXACT_MAX {
            out.push(TAG_EXACT);
            return merge_lists(ones, others, out);
        }
    }
    let mut both = Uniques::from_bytes(one)?;
    both.merge(&Uniques::from_bytes(other)?);
    both.write_to(out);
    Ok(())
}

/// Appends the bytes of the set of `visitors`; a list in order is written as it is.
pub(crate) fn write_visitors(visitors: &[Visitor], out: &mut Vec<u8>) {
    if visitors.len() <= EXACT_MAX && visitors.is_sorted_by(|a, b| a < b) {
        out.push(TAG_EXACT);
        visitors.iter().for_each(|visitor| out.extend_from_slice(&visitor.0.to_le_bytes()));
        return;
    }
    let mut uniques = Uniques::new();
    visitors.iter().for_each(|visitor| uniques.add(*visitor));
    uniques.write_to(out);
}

fn merge_lists(mut ones: &[[u8; 8]], others: &[[u8; 8]], out: &mut Vec<u8>) -> Result<(), UniquesError> {
    let is_ascending = |list: &[[u8; 8]]| list.is_sorted_by(|a, b| u64::from_le_bytes(*a) < u64::from_le_bytes(*b));
    if !is_ascending(ones) || !is_ascending(others) {
        return Err(UniquesError::Order);
    }
    for hash in others {
        let smaller = ones.partition_point(|one| u64::from_le_bytes(*one) < u64::from_le_bytes(*hash));
        let (before, rest) = ones.split_at(smaller);
        out.extend_from_slice(before.as_flattened());
        if rest.first() != Some(hash) {
            out.extend_from_slice(hash);
        }
        ones = rest;
    }
    out.extend_from_slice(ones.as_flattened());
    Ok(())
}

/// The visitors of a list, in the bytes of each.
fn list(body: &[u8]) -> Result<&[[u8; 8]], UniquesError> {
    match body.as_chunks::<8>() {
        (hashes, []) if hashes.len() <= EXACT_MAX => Ok(hashes),
        _ => Err(UniquesError::Length(body.len())),
    }
}

fn read_list(body: &[u8]) -> Result<Vec<u64>, UniquesError> {
    let list: Vec<u64> = list(body)?.iter().map(|hash| u64::from_le_bytes(*hash)).collect();
    if list.is_sorted_by(|a, b| a < b) { Ok(list) } else { Err(UniquesError::Order) }
}

/// The registers of a HyperLogLog. Boxed, because most sets stay short and never need one.
#[derive(Clone, PartialEq, Eq)]
struct Sketch {
    registers: Box<[u8; SKETCH_BYTES]>,
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sketch(about {})", self.count())
    }
}

impl Sketch {
    fn of(visitors: &[u64]) -> Self {
        let mut sketch = Self { registers: Box::new([0; SKETCH_BYTES]) };
        visitors.iter().for_each(|hash| sketch.add(*hash));
        sketch
    }

    fn read(body: &[u8]) -> Result<Self, UniquesError> {
        let registers = <[u8; SKETCH_BYTES]>::try_from(body).map_err(|_| UniquesError::Length(body.len()))?;
        let sketch = Self { registers: Box::new(registers) };
        let in_range = (0..REGISTERS).all(|index| sketch.get(index) <= RANK_MAX);
        if in_range { Ok(sketch) } else { Err(UniquesError::Register) }
    }

    fn add(&mut self, visitor: u64) {
        let (index, rank) = index_and_rank(murmur64a(visitor));
        self.raise(index, rank);
    }

    fn merge(&mut self, other: &Self) {
        (0..REGISTERS).for_each(|index| self.raise(index, other.get(index)));
    }

    fn raise(&mut self, index: usize, rank: u8) {
        if rank > self.get(index) {
            self.set(index, rank);
        }
    }

    /// Register `index` starts at bit `6 * index`, counted from the low bit of byte 0 on.
    fn get(&self, index: usize) -> u8 {
        let (byte, shift) = place(index);
        let next = self.registers.get(byte + 1).copied().unwrap_or(0);
        (u16::from_le_bytes([self.registers[byte], next]) >> shift) as u8 & 0x3f
    }

    fn set(&mut self, index: usize, rank: u8) {
        let (byte, shift) = place(index);
        let mask = 0x3f_u16 << shift;
        let next = self.registers.get(byte + 1).copied().unwrap_or(0);
        let both = (u16::from_le_bytes([self.registers[byte], next]) & !mask) | (u16::from(rank) << shift);
        let [low, high] = both.to_le_bytes();
        self.registers[byte] = low;
        if let Some(next) = self.registers.get_mut(byte + 1) {
            *next = high;
        }
    }

    /// Ertl's improved estimator, as Redis uses it: O. Ertl, "New cardinality estimation algorithms for HyperLogLog
    /// sketches", 2017 (arXiv 1702.01284), algorithm 6.
    fn count(&self) -> u64 {
        /// 1 / (2 ln 2), the limit of the bias correction for many registers.
        const ALPHA_INFINITY: f64 = 0.5 / std::f64::consts::LN_2;
        let mut having = [0_u32; RANK_BITS + 2];
        (0..REGISTERS).for_each(|index| having[usize::from(self.get(index).min(RANK_MAX))] += 1);
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - f64::from(having[RANK_BITS + 1]) / m);
        for rank in (1..=RANK_BITS).rev() {
            z = 0.5 * (z + f64::from(having[rank]));
        }
        z += m * sigma(f64::from(having[0]) / m);
        (ALPHA_INFINITY * m * m / z).round() as u64
    }
}

fn place(index: usize) -> (usize, usize) {
    let bit = index * REGISTER_BITS;
    (bit / 8, bit % 8)
}

/// Where a hash counts, and the place of its first one bit after the index, from 1.
fn index_and_rank(hash: u64) -> (usize, u8) {
    let index = (hash as usize) & (REGISTERS - 1);
    let rest = (hash >> INDEX_BITS) | (1 << RANK_BITS);
    (index, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A (A. Appleby, public domain) of the 8 little-endian bytes of `element`, with the seed of Redis.
fn murmur64a(element: u64) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut k = element.wrapping_mul(M);
    k = (k ^ (k >> R)).wrapping_mul(M);
    let mut h = ((SEED ^ 8_u64.wrapping_mul(M)) ^ k).wrapping_mul(M);
    h = (h ^ (h >> R)).wrapping_mul(M);
    h ^ (h >> R)
}

/// The correction for registers that are full. It ends because its terms halve until they vanish in rounding.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        let before = z;
        x = x.sqrt();
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// The correction for registers that are empty; infinite when all are. It ends because `x` is squared towards 0.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        let before = z;
        x *= x;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Well-mixed hashes that can be repeated (splitmix64).
    fn visitor(n: u64) -> Visitor {
        let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Visitor(z ^ (z >> 31))
    }

    fn of(numbers: impl IntoIterator<Item = u64>) -> Uniques {
        let mut uniques = Uniques::new();
        numbers.into_iter().for_each(|n| uniques.add(visitor(n)));
        uniques
    }

    #[test]
    fn up_to_the_limit_the_count_is_exact() {
        for n in [0, 1, 2, 100, 1000, EXACT_MAX as u64] {
            assert_eq!(of((0..n).chain(0..n)).count(), n);
        }
    }

    #[test]
    fn beyond_the_limit_the_count_is_within_two_and_a_half_standard_errors() {
        for n in [EXACT_MAX as u64 + 1, 10_000, 100_000, 1_000_000] {
            let error = (of(0..n).count() as f64 - n as f64).abs() / n as f64;
            assert!(error <= 2.5 * 0.0081, "{n}: off by {:.2} %", error * 100.0);
        }
    }

    #[test]
    fn sets_put_together_count_whom_they_share_once() {
        for (one, two) in
            [(0..300, 200..500), (0..900, 800..1500), (0..5_000, 0..10), (0..10, 0..5_000), (0..5_000, 4_000..9_000)]
        {
            let mut both = of(one.clone());
            both.merge(&of(two.clone()));
            assert_eq!(both.count(), of(one.chain(two)).count());
        }
    }

    #[test]
    fn visitors_are_written_as_their_set_is_in_whatever_order_they_come() {
        for n in [0, 1, 2, 40, EXACT_MAX as u64, 3_000] {
            let mut visitors: Vec<Visitor> = (0..n).chain(0..n / 2).map(visitor).collect();
            for _ in 0..2 {
                let mut bytes = Vec::new();
                write_visitors(&visitors, &mut bytes);
                assert_eq!(bytes, of(0..n).to_bytes());
                visitors.sort();
                visitors.dedup();
            }
        }
    }

    #[test]
    fn bytes_put_together_are_those_of_the_sets_put_together() {
        let most = EXACT_MAX as u64;
        let ranges = [0..0, 0..1, 5..6, 0..10, 3..300, 0..most, 1..most, most..most + 2, 0..5_000, 4_000..9_000];
        for (one, other) in ranges.iter().flat_map(|one| ranges.iter().map(move |other| (one, other))) {
            let (one, other) = (of(one.clone()), of(other.clone()));
            let mut bytes = vec![7];
            merge_bytes(&one.to_bytes(), &other.to_bytes(), &mut bytes).unwrap();
            let mut both = one;
            both.merge(&other);
            assert_eq!(bytes[1..], both.to_bytes());
        }
    }

    #[test]
    fn bytes_that_are_no_set_are_not_put_together() {
        let unordered = [[TAG_EXACT].as_slice(), &2_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat();
        let (sound, mut out) = (of(0..3).to_bytes(), Vec::new());
        for bad in [&[][..], &[9], &[TAG_EXACT, 1], &[TAG_SKETCH, 1], &unordered] {
            assert!(merge_bytes(bad, &sound, &mut out).is_err());
            assert!(merge_bytes(&sound, bad, &mut out).is_err());
        }
    }

    #[test]
    fn bytes_bring_back_the_same_set() {
        for n in [0, 1, EXACT_MAX as u64, EXACT_MAX as u64 + 1, 50_000] {
            let uniques = of(0..n);
            assert_eq!(Uniques::from_bytes(&uniques.to_bytes()).unwrap(), uniques);
        }
    }

    #[test]
    fn bytes_that_are_no_set_are_refused() {
        let unordered = [[TAG_EXACT].as_slice(), &2_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat();
        let repeated = [[TAG_EXACT].as_slice(), &2_u64.to_le_bytes(), &2_u64.to_le_bytes()].concat();
        let too_long = [vec![TAG_EXACT], vec![0; 8 * (EXACT_MAX + 1)]].concat();
        let over_full = [vec![TAG_SKETCH], vec![0xff; SKETCH_BYTES]].concat();
        assert_eq!(Uniques::from_bytes(&[]), Err(UniquesError::Empty));
        assert_eq!(Uniques::from_bytes(&[9]), Err(UniquesError::Form(9)));
        assert_eq!(Uniques::from_bytes(&[TAG_EXACT, 1]), Err(UniquesError::Length(1)));
        assert_eq!(Uniques::from_bytes(&[TAG_SKETCH, 1]), Err(UniquesError::Length(1)));
        assert_eq!(Uniques::from_bytes(&too_long), Err(UniquesError::Length(8 * 1025)));
        assert_eq!(Uniques::from_bytes(&unordered), Err(UniquesError::Order));
        assert_eq!(Uniques::from_bytes(&repeated), Err(UniquesError::Order));
        assert_eq!(Uniques::from_bytes(&over_full), Err(UniquesError::Register));
    }

    /// From redis-server 7.0.15: `PFADD` of the 8 little-endian bytes of each of 0..5000, then `PFCOUNT` and the
    /// registers of `GET`, hashed with FNV-1a.
    #[test]
    fn registers_and_count_are_those_of_redis() {
        let sketch = Sketch::of(&(0..5_000).collect::<Vec<_>>());
        let hash = sketch
            .registers
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
        assert_eq!(hash, 0x1d3b_0f5a_d61f_4ea7);
        assert_eq!(sketch.count(), 5_006);
    }
}
