//! The data tables: what is compiled in from `data/*.tsv`, cut into rows.
//!
//! Never holds a rule: which row wins, and what follows from it, is decided by the module that reads the table.

/// The rows of a table, as their cells. Blank lines and lines that begin with `#` are not rows.
fn rows<const CELLS: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; CELLS]> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(|line| {
        let mut cells = [""; CELLS];
        let mut given = line.split('\t');
        for cell in &mut cells {
            *cell = given.next()?;
        }
        given.next().is_none().then_some(cells)
    })
}

/// Token, app, browser name.
pub(super) fn apps() -> impl Iterator<Item = [&'static str; 3]> {
    rows(APPS)
}

/// Token, browser name.
pub(super) fn browsers() -> impl Iterator<Item = [&'static str; 2]> {
    rows(BROWSERS)
}

/// Token, name of the operating system.
pub(super) fn systems() -> impl Iterator<Item = [&'static str; 2]> {
    rows(SYSTEMS)
}

/// Token, class of device.
pub(super) fn devices() -> impl Iterator<Item = [&'static str; 2]> {
    rows(DEVICES)
}

/// Token, verdict, family.
pub(super) fn bots() -> impl Iterator<Item = [&'static str; 3]> {
    rows(BOTS)
}

/// Token, the word for the reason, whom it convicts.
pub(super) fn words() -> impl Iterator<Item = [&'static str; 3]> {
    rows(WORDS)
}

/// Host, source.
pub(super) fn referrers() -> impl Iterator<Item = [&'static str; 2]> {
    rows(REFERRERS)
}

/// Android package, source.
pub(super) fn packages() -> impl Iterator<Item = [&'static str; 2]> {
    rows(PACKAGES)
}

/// Parameter, source; the source is empty where the parameter proves none.
pub(super) fn click_ids() -> impl Iterator<Item = [&'static str; 2]> {
    rows(CLICK_IDS).map(|[name, source]| [name, if source == "-" { "" } else { source }])
}

/// Spelling, source.
pub(super) fn aliases() -> impl Iterator<Item = [&'static str; 2]> {
    rows(ALIASES)
}

const APPS: &str = include_str!("data/apps.tsv");
const BROWSERS: &str = include_str!("data/browsers.tsv");
const SYSTEMS: &str = include_str!("data/os.tsv");
const DEVICES: &str = include_str!("data/devices.tsv");
const BOTS: &str = include_str!("data/bots.tsv");
const WORDS: &str = include_str!("data/words.tsv");
const REFERRERS: &str = include_str!("data/referrers.tsv");
const PACKAGES: &str = include_str!("data/packages.tsv");
const CLICK_IDS: &str = include_str!("data/click_ids.tsv");
const ALIASES: &str = include_str!("data/aliases.tsv");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ALL: [(&str, usize); 10] = [
        (APPS, 3),
        (BROWSERS, 2),
        (SYSTEMS, 2),
        (DEVICES, 2),
        (BOTS, 3),
        (WORDS, 3),
        (REFERRERS, 2),
        (PACKAGES, 2),
        (CLICK_IDS, 2),
        (ALIASES, 2),
    ];

    #[test]
    fn every_line_of_every_table_is_a_comment_or_a_whole_row() {
        for (text, cells) in ALL {
            for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let given: Vec<&str> = line.split('\t').collect();
                assert_eq!(given.len(), cells, "{line:?}");
                assert!(given.iter().all(|cell| !cell.trim().is_empty()), "{line:?}");
            }
        }
    }

    #[test]
    fn no_table_names_a_thing_twice_or_in_capitals() {
        for (text, _) in ALL {
            let mut seen = HashSet::new();
            for [key] in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(first_cell) {
                assert!(seen.insert(key), "{key:?} twice");
                assert_eq!(key, key.to_lowercase());
            }
        }
    }

    #[test]
    fn every_table_says_where_it_comes_from() {
        for (text, _) in ALL {
            assert!(text.contains("# Written for Waypost"), "{}", &text[..60]);
        }
    }

    fn first_cell(line: &'static str) -> [&'static str; 1] {
        [line.split('\t').next().unwrap_or_default()]
    }
}
