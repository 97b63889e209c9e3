//! Where a user agent names the phone. Phones are called `CUBOT`, `Spider 8` or `Radar`; that makes nobody a bot.

use std::ops::Range;

/// The bytes between `Android` and the bracket that closes its comment; empty where `Android` stands in no comment,
/// or where the comment shows by what words a program introduces itself.
pub(super) fn name_of(user_agent: &str) -> Range<usize> {
    const ANDROID: &str = "Android";
    let Some((before, rest)) = user_agent.split_once(ANDROID).filter(|(before, _)| before.contains('(')) else {
        return 0..0;
    };
    let start = before.len() + ANDROID.len();
    let name = rest.get(..closing_bracket(rest.as_bytes())).unwrap_or(rest);
    let introduces_itself = ["compatible;", "+http", "bot/", "bot-"].iter().any(|sign| name.contains(sign));
    if introduces_itself { 0..0 } else { start..start + name.len() }
}

/// The offset of the first bracket that closes more than was opened, or the length where there is none.
fn closing_bracket(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return at,
            b')' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(user_agent: &str) -> &str {
        &user_agent[name_of(user_agent)]
    }

    #[test]
    fn the_name_of_a_phone_ends_with_its_comment_even_if_it_holds_brackets() {
        assert_eq!(name("Mozilla/5.0 (Linux; Android 7.0; Moto G (4)) Gecko"), " 7.0; Moto G (4)");
        assert_eq!(name("Mozilla/5.0 (X11; Linux x86_64)"), "");
        assert_eq!(name("SomeBot/1.0 Android/9 Device/x"), "");
        assert_eq!(name("Mozilla/5.0 (Linux; Android 7.0; cut off"), " 7.0; cut off");
    }

    #[test]
    fn a_program_that_introduces_itself_there_has_no_phone() {
        assert_eq!(name("Mozilla/5.0 (Linux; Android 5.0; compatible; SomeBot/1)"), "");
    }
}
