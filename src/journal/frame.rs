//! The bytes of one hit: a frame, as it stands in a segment. It knows nothing of files.
//!
//! ```text
//! frame   = length u32 | checksum u32 | position u64 | payload (length bytes)
//! payload = version u8 | flags u8 | time i64 | link u64 | address (4 or 16) | 10 x (length u16 | text)
//! ```
//! Integers are little-endian. The checksum is CRC-32C over payload and position, seeded with the incarnation, so
//! that bytes of another life of the file never pass for a frame of this one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::domain::hit::{HitOf, Method, RawHit};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};

/// Bytes before the payload.
pub(super) const HEAD: usize = 16;

/// The longest payload. The limits of a hit's texts add up to less, see the test.
pub(super) const PAYLOAD_MAX: usize = 4096 - HEAD;

const VERSION: u8 = 1;
const FLAG_HEAD_METHOD: u8 = 1;
const FLAG_IPV6: u8 = 2;
const FLAG_BY_OWNER: u8 = 4;

/// What checksums of one incarnation start from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u32);

impl Seed {
    pub(super) fn of(incarnation: Incarnation) -> Self {
        Self(crc32c::crc32c(&incarnation.0.to_le_bytes()))
    }

    /// The part of a checksum that does not depend on the position, so that it is computed outside the lock.
    pub(super) fn over(self, payload: &[u8]) -> PartialSum {
        PartialSum(crc32c::crc32c_append(self.0, payload))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PartialSum(u32);

impl PartialSum {
    pub(super) fn at(self, position: Position) -> u32 {
        crc32c::crc32c_append(self.0, &position.0.to_le_bytes())
    }
}

/// Writes the 16 bytes before a payload.
pub(super) fn head(payload_len: usize, sum: PartialSum, position: Position) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let length = u32::try_from(payload_len).expect("a payload is at most PAYLOAD_MAX bytes");
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..8].copy_from_slice(&sum.at(position).to_le_bytes());
    head[8..].copy_from_slice(&position.0.to_le_bytes());
    head
}

/// What stands at the beginning of some bytes of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Frame {
        position: Position,
        payload: &'a [u8],
    },
    /// Zeroes: nothing was written here yet.
    Nothing,
    /// The frame goes on beyond these bytes.
    Short,
    Bad,
}

/// Position and length of the frame that seems to stand here, unchecked. `None` where there is none or not enough.
pub(super) fn peek(bytes: &[u8]) -> Option<(Position, usize)> {
    let head = bytes.first_chunk::<HEAD>()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let position = u64::from_le_bytes(*head.last_chunk()?);
    (1..=PAYLOAD_MAX).contains(&length).then_some((Position(position), HEAD + length))
}

/// The link of the hit that seems to stand here, as unchecked.
pub(super) fn peek_link(bytes: &[u8]) -> Option<LinkId> {
    /// Before it stand version, flags and time.
    const AT: usize = HEAD + 2 + 8;
    bytes.get(AT..).and_then(<[u8]>::first_chunk).map(|link| LinkId(u64::from_le_bytes(*link)))
}

/// Reads one frame.
pub(super) fn read(bytes: &[u8], seed: Seed) -> Found<'_> {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Found::Short };
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length == 0 {
        return if head.iter().all(|byte| *byte == 0) { Found::Nothing } else { Found::Bad };
    }
    if length > PAYLOAD_MAX {
        return Found::Bad;
    }
    let Some(payload) = bytes.get(HEAD..HEAD + length) else { return Found::Short };
    let sum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let position =
        Position(u64::from_le_bytes([head[8], head[9], head[10], head[11], head[12], head[13], head[14], head[15]]));
    if seed.over(payload).at(position) == sum { Found::Frame { position, payload } } else { Found::Bad }
}

/// Where the first whole frame at or after position `next` begins, not before byte `start`.
pub(super) fn find(bytes: &[u8], start: usize, seed: Seed, next: Position) -> Option<usize> {
    let is_frame = |at: usize| matches!(read(&bytes[at..], seed), Found::Frame { position, .. } if position >= next);
    let mut at = start;
    while at < bytes.len() {
        // A length is below 4096, so at most its first byte is zero; most of an unused file is passed over here.
        at += zeroes(&bytes[at..]).saturating_sub(1);
        if is_frame(at) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// How many zeroes stand at the beginning.
pub(super) fn zeroes(bytes: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = bytes.chunks_exact(BLOCK).take_while(|block| **block == [0; BLOCK]).count() * BLOCK;
    blocks + bytes[blocks..].iter().take_while(|byte| **byte == 0).count()
}

/// Writes a hit's payload into `out`, which is cleared first.
pub(super) fn encode<T: AsRef<[u8]>>(hit: &HitOf<T>, out: &mut Vec<u8>) {
    out.clear();
    let mut flags = 0;
    if hit.method == Method::Head {
        flags |= FLAG_HEAD_METHOD;
    }
    if hit.address.is_ipv6() {
        flags |= FLAG_IPV6;
    }
    if hit.by_owner {
        flags |= FLAG_BY_OWNER;
    }
    out.extend_from_slice(&[VERSION, flags]);
    out.extend_from_slice(&hit.time_ms.to_le_bytes());
    out.extend_from_slice(&hit.link.0.to_le_bytes());
    match hit.address {
        IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
    }
    for text in hit.texts() {
        let text = text.as_ref();
        let length = u16::try_from(text.len()).expect("every text of a hit is cut to a limit below 64 KiB");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(text);
    }
}

/// Reads a hit back. `None` when the payload is not one that this version writes.
pub(super) fn decode(payload: &[u8]) -> Option<RawHit<'_>> {
    let mut rest = payload;
    let [version, flags] = *take::<2>(&mut rest)?;
    if version != VERSION {
        return None;
    }
    let time_ms = i64::from_le_bytes(*take(&mut rest)?);
    let link = LinkId(u64::from_le_bytes(*take(&mut rest)?));
    let mut hit = RawHit::new(link, time_ms);
    if flags & FLAG_HEAD_METHOD != 0 {
        hit.method = Method::Head;
    }
    hit.by_owner = flags & FLAG_BY_OWNER != 0;
    hit.address = if flags & FLAG_IPV6 != 0 {
        IpAddr::V6(Ipv6Addr::from(*take::<16>(&mut rest)?))
    } else {
        IpAddr::V4(Ipv4Addr::from(*take::<4>(&mut rest)?))
    };
    for slot in [
        &mut hit.query,
        &mut hit.user_agent,
        &mut hit.referrer,
        &mut hit.accept_language,
        &mut hit.purpose,
        &mut hit.brands,
        &mut hit.mobile,
        &mut hit.platform,
        &mut hit.form_factors,
        &mut hit.requested_with,
    ] {
        let length = u16::from_le_bytes(*take(&mut rest)?) as usize;
        let (text, after) = rest.split_at_checked(length)?;
        *slot = text;
        rest = after;
    }
    rest.is_empty().then_some(hit)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hit::{self, Hit};

    fn framed(hit: &Hit<'_>, position: u64, seed: Seed) -> Vec<u8> {
        let mut payload = Vec::new();
        encode(hit, &mut payload);
        let mut bytes = head(payload.len(), seed.over(&payload), Position(position)).to_vec();
        bytes.extend_from_slice(&payload);
        bytes
    }

    #[test]
    fn a_hit_comes_back_as_it_was_written() {
        let mut hit = Hit::new(LinkId(7), 1_700_000_000_123);
        hit.method = Method::Head;
        hit.by_owner = true;
        hit.address = "2001:db8::1".parse().unwrap();
        hit.query = "fbclid=1";
        hit.user_agent = "Mozilla/5.0 å";
        hit.requested_with = "com.instagram.android";
        let seed = Seed::of(Incarnation(3));
        let bytes = framed(&hit, 9, seed);
        let Found::Frame { position, payload } = read(&bytes, seed) else { panic!("not a frame") };
        assert_eq!(position, Position(9));
        assert_eq!(decode(payload).unwrap().text(), hit);
    }

    #[test]
    fn a_frame_of_another_incarnation_is_not_a_frame() {
        let bytes = framed(&Hit::new(LinkId(1), 0), 0, Seed::of(Incarnation(1)));
        assert_eq!(read(&bytes, Seed::of(Incarnation(2))), Found::Bad);
    }

    #[test]
    fn every_single_flipped_bit_is_noticed() {
        let seed = Seed::of(Incarnation(1));
        let mut hit = Hit::new(LinkId(1), 5);
        hit.user_agent = "curl/8.5.0";
        let good = framed(&hit, 0, seed);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes.resize(8192, 0);
            assert_eq!(read(&bytes, seed), Found::Bad, "bit {bit}");
        }
    }

    #[test]
    fn the_longest_hit_fits_a_frame_and_cut_payloads_are_refused() {
        let long = "x".repeat(4096);
        let mut hit = Hit::new(LinkId(1), 0);
        hit.address = "::1".parse().unwrap();
        hit.take_query(&long);
        for name in [
            "user-agent",
            "referer",
            "accept-language",
            "sec-purpose",
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "sec-ch-ua-platform",
            "sec-ch-ua-form-factors",
            "x-requested-with",
        ] {
            hit.take_header(name, long.as_bytes());
        }
        assert_eq!(hit.user_agent.len(), hit::USER_AGENT_MAX);
        let mut payload = Vec::new();
        encode(&hit, &mut payload);
        assert!(payload.len() <= PAYLOAD_MAX, "{}", payload.len());
        for length in 0..payload.len() {
            assert_eq!(decode(&payload[..length]), None);
        }
    }
}
