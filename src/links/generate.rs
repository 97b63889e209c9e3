//! Generated slugs: short, easy to read aloud, not guessable in sequence, not offensive by accident.
//!
//! Randomness comes from the operating system; a counter or a clock must never be part of a slug.

use crate::domain::slug::Slug;

/// No vowels, so that words do not form; nothing that is mistaken for something else (0 and o, 1 and l, n and m, u
/// and v, y and j).
const ALPHABET: &[u8; 26] = b"23456789bcdfghjkmpqrstvwxz";

/// Fragments of words that people take offence at, one a line, `fragment<TAB>meaning`.
const REFUSED: &str = include_str!("data/refused.tsv");

/// Candidates looked at before giving up; about nine in ten of eight characters pass, so this never ends badly.
const CANDIDATES_MAX: usize = 100;

#[derive(Debug, thiserror::Error)]
pub(crate) enum GenerateError {
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
    #[error("no decent slug of {0} characters came up: raise or lower `links.slug_chars`")]
    NoneFit(usize),
}

/// A new slug of `chars` characters.
pub(super) fn slug(chars: usize) -> Result<Slug, GenerateError> {
    for _ in 0..CANDIDATES_MAX {
        let candidate = candidate(chars).map_err(GenerateError::Random)?;
        if !is_refused(&candidate)
            && let Ok(slug) = Slug::parse(&candidate)
        {
            return Ok(slug);
        }
    }
    Err(GenerateError::NoneFit(chars))
}

/// Draws five bits at a time and throws away what is beyond the alphabet: a remainder would favour its beginning.
fn candidate(chars: usize) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(chars);
    let mut random = [0; 64];
    while text.len() < chars {
        getrandom::fill(&mut random)?;
        let drawn = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
        text.extend(drawn.take(chars - text.len()).map(|byte| char::from(*byte)));
    }
    Ok(text)
}

fn is_refused(candidate: &str) -> bool {
    fragments().any(|fragment| candidate.contains(fragment))
}

fn fragments() -> impl Iterator<Item = &'static str> {
    REFUSED.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_have_the_asked_length_and_only_readable_characters() {
        for chars in [6, 8, 20] {
            let slug = slug(chars).unwrap();
            assert_eq!(slug.as_str().len(), chars);
            assert!(slug.as_str().bytes().all(|byte| ALPHABET.contains(&byte)));
        }
    }

    #[test]
    fn each_character_is_as_likely_as_the_next() {
        let text = candidate(26_000).unwrap();
        for character in ALPHABET {
            let count = text.bytes().filter(|byte| byte == character).count();
            assert!((800..1200).contains(&count), "{} came {count} times of 1000", char::from(*character));
        }
    }

    #[test]
    fn offensive_fragments_are_refused_and_each_could_occur() {
        for text in ["x2fckb34", "kkkbcd23", "bcd88fgj", "f4g23456"] {
            assert!(is_refused(text), "{text}");
        }
        assert!(!is_refused("x2jb34qt"));
        for fragment in fragments() {
            assert!(fragment.len() >= 2 && fragment.bytes().all(|byte| ALPHABET.contains(&byte)), "{fragment}");
        }
    }

    #[test]
    fn most_candidates_pass() {
        let passed = (0..1000).filter(|_| !is_refused(&candidate(8).unwrap())).count();
        assert!(passed > 700, "{passed} of 1000");
    }
}
