//! Bytes to text: the encodings that platforms and spreadsheets write.
//!
//! Pure. It must never replace what it cannot read by something else: a file that is in no encoding it knows is
//! refused with the line where it breaks.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1251, WINDOWS_1252};

/// How much of a file shows whether every second byte is zero.
const LOOK_BYTES: usize = 4096;

/// Text, and what was unusual about its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) note: Option<String>,
}

/// Reads text in UTF-8, UTF-16 or one of two legacy encodings, with or without a byte order mark.
///
/// # Errors
/// In words, when it is none of them.
pub(crate) fn decode(mut bytes: Vec<u8>) -> Result<Decoded, String> {
    if let Some(encoding) = utf16(&bytes) {
        return Ok(Decoded { text: strict(encoding, &bytes)?, note: None });
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    if bytes.contains(&0) {
        return Err("the file contains zero bytes: it is not a table, or it is damaged; download it again".to_owned());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Decoded { text, note: None }),
        Err(error) => legacy(error.as_bytes(), error.utf8_error().valid_up_to()),
    }
}

/// UTF-16 shows itself by its mark, or by a zero in every second byte of what is mostly English.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.starts_with(b"\xff\xfe") {
        return Some(UTF_16LE);
    }
    if bytes.starts_with(b"\xfe\xff") {
        return Some(UTF_16BE);
    }
    let look = &bytes[..bytes.len().min(LOOK_BYTES)];
    let zeros = |parity: usize| look.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), look.len() / 2);
    match () {
        () if pairs >= 4 && even * 8 < pairs && odd * 2 > pairs => Some(UTF_16LE),
        () if pairs >= 4 && odd * 8 < pairs && even * 2 > pairs => Some(UTF_16BE),
        () => None,
    }
}

fn strict(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, String> {
    let (text, wrong) = encoding.decode_with_bom_removal(bytes);
    if wrong || text.contains('\0') {
        return Err(format!("the file begins as {} and is damaged further on; download it again", encoding.name()));
    }
    Ok(text.into_owned())
}

/// Not UTF-8: a spreadsheet saved it in the encoding of its country, unless most of it is UTF-8 and a part is broken.
fn legacy(bytes: &[u8], valid_up_to: usize) -> Result<Decoded, String> {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    if whole > broken {
        let line = bytes[..valid_up_to].iter().filter(|byte| **byte == b'\n').count() + 1;
        return Err(format!("line {line} is damaged: it is not UTF-8, and the rest is; download the file again"));
    }
    let encoding = if is_cyrillic(bytes) { WINDOWS_1251 } else { WINDOWS_1252 };
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let note = format!("the file is not UTF-8; it was read as {}, so look at its names", encoding.name());
    Ok(Decoded { text: text.into_owned(), note: Some(note) })
}

/// Letters above ASCII stand in rows in Cyrillic words, and alone in Latin ones.
fn is_cyrillic(bytes: &[u8]) -> bool {
    let is_letter = |byte: &u8| *byte >= 0xc0;
    let letters = bytes.iter().filter(|byte| is_letter(byte)).count();
    let paired = bytes.windows(2).filter(|pair| pair.iter().all(is_letter)).count();
    paired * 2 > letters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_of(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn e01_e02_e03_e04_unicode_is_read_with_and_without_its_mark() {
        let text = "post,title\np,R\u{e4}ksm\u{f6}rg\u{e5}s \u{1f600}\n";
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked,
            utf16_of(text, true, false),
            utf16_of(text, true, true),
            utf16_of(text, false, false),
            utf16_of(text, false, true),
        ] {
            assert_eq!(decode(bytes).unwrap(), Decoded { text: text.to_owned(), note: None });
        }
    }

    #[test]
    fn e05_what_a_spreadsheet_saved_in_its_countrys_encoding_is_read_and_said() {
        for (encoding, text) in [
            (WINDOWS_1252, "post,title\np,R\u{e4}ksm\u{f6}rg\u{e5}s, S\u{e3}o Paulo\n"),
            (WINDOWS_1251, "post,title\np,\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, 3.\u{438}\u{44e}\u{43d}\n"),
        ] {
            let decoded = decode(encoding.encode(text).0.into_owned()).unwrap();
            assert_eq!(decoded.text, text);
            assert!(decoded.note.unwrap().contains(encoding.name()));
        }
    }

    #[test]
    fn e15_damaged_bytes_are_refused_with_their_line() {
        let broken = [b"a,b\n\xc3\xa5,\xc3\xb6\n\xff,1\n".as_slice()].concat();
        assert!(decode(broken).unwrap_err().contains("line 3"));
        assert!(decode(b"post,date\np\0q,1\n".to_vec()).unwrap_err().contains("zero bytes"));
        assert!(decode(b"\xff\xfep\0\0\xd8o\0".to_vec()).unwrap_err().contains("UTF-16LE"));
    }
}
