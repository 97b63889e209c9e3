//! Which known word a misspelt one was meant to be. Pure; it suggests and never decides.

/// The longest word that is compared, in characters; a longer one is no slip of a finger.
const CHARS_MAX: usize = 32;

/// The word nearest to `given` by how many letters were mistyped, if they are few: one in words of up to five letters,
/// two in longer ones. Case, and whether `-`, `_` or a blank stands between parts, count for nothing.
pub(super) fn nearest<'w>(given: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let given = plain(given);
    if given.is_empty() || given.len() > CHARS_MAX {
        return None;
    }
    let slips_max = if given.len() > 5 { 2 } else { 1 };
    let measured = words.map(|word| (slips(&given, &plain(word)), word));
    measured.filter(|(slips, _)| *slips <= slips_max).min_by_key(|(slips, _)| *slips).map(|(_, word)| word)
}

fn plain(word: &str) -> Vec<char> {
    let letters = word.trim().chars().flat_map(char::to_lowercase);
    letters.filter(|letter| !matches!(letter, '-' | '_' | ' ')).take(CHARS_MAX + 1).collect()
}

/// Letters that are wrong, missing, too many, or swapped with their neighbour ("optimal string alignment" distance).
fn slips(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut now = vec![row + 1];
        for (column, candidate) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != candidate);
            let mut least = replaced.min(last[column + 1] + 1).min(now[column] + 1);
            let is_swap = row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *candidate;
            if is_swap {
                least = least.min(before[column - 1] + 1);
            }
            now.push(least);
        }
        before = std::mem::replace(&mut last, now);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_told_from_another_word() {
        let words = ["instagram", "facebook", "x", "email", "paid_social"];
        for (given, meant) in [
            ("instgram", Some("instagram")),
            ("Instargam", Some("instagram")),
            ("INSTAGRAM", Some("instagram")),
            ("facebok", Some("facebook")),
            ("emial", Some("email")),
            ("paid-social", Some("paid_social")),
            ("Paid Social", Some("paid_social")),
            ("telegram", None),
            ("e", None),
            ("", None),
        ] {
            let found = nearest(given, words.into_iter().filter(|word| word.len() > 1));
            assert_eq!(found, meant, "{given}");
        }
        assert_eq!(nearest(&"instagram".repeat(10), words.into_iter()), None);
    }
}
