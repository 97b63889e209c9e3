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

    /// What was read from `begin` on.
    pub(super) fn since(&self, begin: usize) -> &'b [u8] {
        &self.bytes[begin..self.at]
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

    /// [`Self::number`] of bytes.
    #[inline]
    pub(super) fn length(&mut self) -> Result<usize, Garbled> {
        let length = self.number()?;
        // What does not fit is longer than anything, and found to be so.
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
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
