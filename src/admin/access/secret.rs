//! Random secrets, and the hashes that are kept of them. What is random needs no slow hash.

/// A part of a hash or of randomness that names something without being a secret.
const ID_CHARS: usize = 12;

/// 32 random bytes as 43 characters that need no escaping anywhere.
pub(in crate::admin) fn random_text() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(base64url(&bytes))
}

/// 12 random hexadecimal characters, to call something by.
pub(super) fn random_id() -> Result<String, getrandom::Error> {
    Ok(id_of(&random_text()?))
}

/// Of a secret that is random. `blake3::Hash` compares in constant time.
pub(in crate::admin) fn hash(secret: &str) -> blake3::Hash {
    blake3::hash(secret.as_bytes())
}

/// The first characters of a secret's hash: enough to call it by, too little to find it with.
pub(super) fn id_of(secret: &str) -> String {
    hash(secret).to_hex()[..ID_CHARS].to_owned()
}

/// RFC 4648 section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().enumerate().fold(0_u32, |sum, (place, byte)| sum | u32::from(*byte) << (16 - 8 * place));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(group >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn secrets_differ_and_ids_are_short() {
        assert_ne!(random_text().unwrap(), random_text().unwrap());
        assert_eq!(random_id().unwrap().len(), ID_CHARS);
        assert_eq!(id_of("a"), id_of("a"));
    }
}
