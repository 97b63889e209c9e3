//! Numbers and texts as bytes: how a day's sums lie in memory and in the store. Reading must answer any bytes, and
//! never with a panic.

/// Appends a number, seven bits to a byte, the lowest first (LEB128).
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// `None` at the end, or when it is no number of 64 bits.
    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift > 63 || (shift == 63 && bits > 1) {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_come_back_and_cut_ones_do_not() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::MAX - 1, u64::MAX];
        numbers.iter().for_each(|number| put(&mut bytes, *number));
        put_text(&mut bytes, "Malmö");
        let mut reader = Reader(&bytes);
        assert!(numbers.iter().all(|number| reader.number() == Some(*number)));
        assert_eq!((reader.text(), reader.is_empty(), reader.number()), (Some("Malmö"), true, None));
        assert_eq!(Reader(&bytes[bytes.len() - 7..bytes.len() - 1]).text(), None);
        assert_eq!(Reader(&[0xff; 11]).number(), None, "more than 64 bits");
    }
}
