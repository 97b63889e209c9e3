//! QR codes of links, as SVG and PNG: the one place that knows what a code holds and how it is drawn.
//!
//! It must never soften a square: each is a whole number of pixels, and what is left over widens the quiet zone.

use std::fmt::Write;
use std::ops::Range;

use fast_qr::{ECL, QRBuilder, QRCode};
use png::{BitDepth, ColorType, Encoder, EncodingError, Filter};

/// What a scan sends as `utm_medium`, which click files keep as `visitor_utm_medium`.
pub(super) const MEDIUM: &str = "qr";

/// Pixels of a side when nobody says how many.
pub(super) const SIZE_DEFAULT: u32 = 512;
/// The fewest and the most pixels of a side: an icon, and a hand's width at 1,200 dots per inch.
pub(super) const SIZE_MIN: u32 = 128;
pub(super) const SIZE_MAX: u32 = 4096;

/// Light squares around a code on every side, without which cameras do not find it (ISO/IEC 18004).
const QUIET: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Svg,
    Png,
}

impl Format {
    pub(super) const ALL: [Self; 2] = [Self::Svg, Self::Png];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

/// Why there is no picture. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum QrError {
    #[error("size is {0}: use {SIZE_MIN} to {SIZE_MAX} pixels")]
    Size(u32),
    #[error("size is {size}: the code of this address has {squares} squares a side, so use at least {squares} pixels")]
    Small { size: u32, squares: u32 },
    #[error("the link's address is too long for a QR code: give it a shorter slug")]
    Long,
    #[error("the picture cannot be written: {0}")]
    Png(#[from] EncodingError),
}

/// What the code of a link holds: its public address, told apart from the same address anywhere else.
pub(super) fn address(short_url: &str) -> String {
    format!("{short_url}?utm_medium={MEDIUM}")
}

/// The code of `address`, drawn on a square of `size` pixels a side.
pub(super) fn draw(address: &str, format: Format, size: u32) -> Result<Vec<u8>, QrError> {
    if !(SIZE_MIN..=SIZE_MAX).contains(&size) {
        return Err(QrError::Size(size));
    }
    // M bears a scratch on what is printed, and leaves squares large enough to be scanned from afar.
    let code = QRBuilder::new(address).ecl(ECL::M).build().map_err(|_| QrError::Long)?;
    let drawing = Drawing::of(code, size)?;
    match format {
        Format::Svg => Ok(drawing.svg().into_bytes()),
        Format::Png => drawing.png(),
    }
}

/// A code and where it stands, in pixels.
struct Drawing {
    code: QRCode,
    size: u32,
    /// Of one square.
    side: u32,
    /// Left of the code and above it.
    margin: u32,
}

impl Drawing {
    fn of(code: QRCode, size: u32) -> Result<Self, QrError> {
        let dark = u32::try_from(code.size).map_err(|_| QrError::Long)?;
        let squares = dark + 2 * QUIET;
        let side = size / squares;
        if side == 0 {
            return Err(QrError::Small { size, squares });
        }
        Ok(Self { code, size, side, margin: (size - side * dark) / 2 })
    }

    /// Where a square begins.
    fn at(&self, square: usize) -> usize {
        self.margin as usize + square * self.side as usize
    }

    /// The dark squares of a row, those that touch each other together.
    fn runs(&self, row: usize) -> impl Iterator<Item = Range<usize>> {
        let row = &self.code[row];
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = from + row[from..].iter().position(|square| square.value())?;
            from = row[start..].iter().position(|square| !square.value()).map_or(row.len(), |length| start + length);
            Some(start..from)
        })
    }

    /// One path of whole pixels, so that no renderer leaves hairlines between squares.
    fn svg(&self) -> String {
        let (size, side) = (self.size, self.side);
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d=""##
        );
        for row in 0..self.code.size {
            for run in self.runs(row) {
                let (x, y, width) = (self.at(run.start), self.at(row), run.len() * side as usize);
                // Writing into a string does not fail.
                let _ = write!(svg, "M{x} {y}h{width}v{side}h-{width}z");
            }
        }
        svg + r#""/></svg>"#
    }

    /// One bit a pixel, light is 1.
    fn png(&self) -> Result<Vec<u8>, QrError> {
        let bytes = (self.size as usize).div_ceil(8);
        let mut pixels = vec![0xff; bytes * self.size as usize];
        for row in 0..self.code.size {
            let mut line = vec![0xff_u8; bytes];
            for x in self.runs(row).flat_map(|run| self.at(run.start)..self.at(run.end)) {
                line[x / 8] &= !(0x80 >> (x % 8));
            }
            for y in self.at(row)..self.at(row + 1) {
                pixels[y * bytes..][..bytes].copy_from_slice(&line);
            }
        }
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, self.size, self.size);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::One);
        // A row is mostly the row above, which the compression sees without help.
        encoder.set_filter(Filter::NoFilter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels)?;
        writer.finish()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(size: u32) -> Drawing {
        Drawing::of(QRBuilder::new("https://go.example.com/spring").ecl(ECL::M).build().unwrap(), size).unwrap()
    }

    #[test]
    fn runs_are_the_dark_squares_of_a_row() {
        let drawing = drawing(512);
        for row in 0..drawing.code.size {
            let dark: Vec<usize> = drawing.runs(row).flatten().collect();
            let wanted: Vec<usize> = (0..drawing.code.size).filter(|at| drawing.code[row][*at].value()).collect();
            assert_eq!(dark, wanted);
        }
        // A finder pattern is seven squares wide, and a light one follows.
        assert_eq!(drawing.runs(0).next(), Some(0..7));
    }

    #[test]
    fn a_code_fits_with_its_quiet_zone_at_every_size() {
        for size in [SIZE_MIN, 129, 333, SIZE_DEFAULT, 1001, SIZE_MAX] {
            let drawing = drawing(size);
            let end = drawing.at(drawing.code.size) as u32;
            assert!(drawing.margin >= QUIET * drawing.side, "{size}");
            assert!(size - end >= QUIET * drawing.side, "{size}");
        }
    }

    #[test]
    fn an_address_that_no_code_holds_or_a_size_that_blurs_it_is_refused_with_the_way_out() {
        let long = format!("https://go.example.com/{}", "%F0%9F%8C%B1".repeat(128));
        assert!(draw(&long, Format::Png, SIZE_DEFAULT).is_ok());
        let small = draw(&long, Format::Png, SIZE_MIN).unwrap_err().to_string();
        assert!(small.contains("use at least"), "{small}");
        assert!(matches!(draw(&long.repeat(2), Format::Svg, SIZE_MAX), Err(QrError::Long)));
        for size in [0, SIZE_MIN - 1, SIZE_MAX + 1, u32::MAX] {
            assert!(matches!(draw("x", Format::Svg, size), Err(QrError::Size(_))));
        }
    }
}
