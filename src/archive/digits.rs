//! Hexadecimal digits, eight at a time: every click has an id and a visitor in them.

use uuid::Uuid;

/// The sixteen digits of a number, lower-case.
pub(super) fn hexadecimal(number: u64) -> [u8; 16] {
    let [high, low] = [number >> 32, number & 0xffff_ffff].map(eight);
    std::array::from_fn(|place| if place < 8 { high[place] } else { low[place - 8] })
}

/// An id as its 36 characters, lower-case.
pub(super) fn hyphenated(id: Uuid) -> [u8; 36] {
    let (high, low) = id.as_u64_pair();
    let (high, low) = (hexadecimal(high), hexadecimal(low));
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&high[..8]);
    text[9..13].copy_from_slice(&high[8..12]);
    text[14..18].copy_from_slice(&high[12..]);
    text[19..23].copy_from_slice(&low[..4]);
    text[24..].copy_from_slice(&low[4..]);
    text
}

/// The digits of a number of 32 bits.
fn eight(number: u64) -> [u8; 8] {
    let pairs = (number | (number << 16)) & 0x0000_ffff_0000_ffff;
    let bytes = (pairs | (pairs << 8)) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (bytes | (bytes << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (nibbles + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// The bits of sixteen hexadecimal digits, lower-case; whatever is no digit counts as one too.
pub(super) fn read(text: &str) -> u64 {
    let (eights, _) = text.as_bytes().as_chunks::<8>();
    eights.iter().fold(0, |bits, eight| {
        let letters = u64::from_be_bytes(*eight);
        let nibbles = (letters & 0x0f0f_0f0f_0f0f_0f0f) + 9 * ((letters >> 6) & 0x0101_0101_0101_0101);
        let bytes = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
        let pairs = (bytes | (bytes >> 8)) & 0x0000_ffff_0000_ffff;
        (bits << 32) | ((pairs | (pairs >> 16)) & 0xffff_ffff)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [u64; 6] = [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x9a9a_0f0f_a0a0_f9f9, u64::MAX];

    #[test]
    fn digits_are_those_of_everybody_and_are_read_as_they_are_written() {
        for number in NUMBERS {
            let text = format!("{number:016x}");
            assert_eq!((hexadecimal(number).as_slice(), read(&text)), (text.as_bytes(), number));
        }
    }

    #[test]
    fn an_id_is_written_as_everybody_writes_it() {
        for (high, low) in NUMBERS.into_iter().zip(NUMBERS.into_iter().rev()) {
            let id = Uuid::from_u64_pair(high, low);
            assert_eq!(hyphenated(id).as_slice(), id.hyphenated().to_string().as_bytes());
        }
    }
}
