//! Reading packed bytes one after another, believing nothing: what is not there is an error and never a panic.

/// Why bytes are not what they should be, and where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {what}")]
pub(super) struct Garbled {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Garbled> {
        let Some(byte) = self.bytes.get(self.at) else { return Err(self.garbled("the end, too early")) };
        self.at += 1;
        Ok(*byte)
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'b [u8], Garbled> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..len) else { return Err(self.garbled("the end, inside a value")) };
        self.at += len;
        Ok(taken)
    }

    /// Three numbers, which mostly are small.
    #[inline]
    pub(super) fn three_numbers(&mut self) -> Result<[u64; 3], Garbled> {
        match self.bytes[self.at..] {
            [one, two, three, ..] if (one | two | three) < 0x80 => {
                self.at += 3;
                Ok([one, two, three].map(u64::from))
            }
            _ => Ok([self.number()?, self.number()?, self.number()?]),
        }
    }

    /// LEB128, at most 64 bits.
    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, Garbled> {
        let first = self.byte()?;
        if first < 0x80 { Ok(u64::from(first)) } else { self.long_number(first) }
    }

    #[inline(never)]
    fn long_number(&mut self, first: u8) -> Result<u64, Garbled> {
        let mut number = u64::from(first & 0x7f);
        for shift in (7..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.garbled("a number above 64 bits"))
    }

    pub(super) fn garbled(&self, what: &'static str) -> Garbled {
        Garbled { at: self.at, what }
    }
}

/// Appends what [`Reader::number`] reads.
#[inline]
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How many bytes [`put_number`] appends.
pub(super) fn number_len(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}
