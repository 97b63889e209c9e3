//! A visitor: a keyed hash that means something for one day and nothing afterwards.

/// 64 bits of a keyed hash over network prefix, user agent and day. Not a person: the key is destroyed after
/// two days, and from then on nobody can compute the hash of an address again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Visitor(pub(crate) u64);

/// The secret of one day's visitor hashes. `Debug` never prints it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) [u8; 32]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}
