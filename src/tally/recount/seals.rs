//! Which click files are read to judge the past again, in the order in which the tally judged their hits.
//!
//! It must never leave a file out that a click which is judged again was judged by.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::archive::StoredFile;
use crate::domain::position::{Incarnation, Position};
use crate::tally::memory::Rule;

/// What a tally wrote at once: the clicks of the hits from one position on, a file for each of their days. The next
/// seal of the journal begins where this one ends.
pub(super) struct Seal {
    pub(super) from: Position,
    pub(super) files: Vec<StoredFile>,
}

impl Seal {
    fn has_days_from(&self, first: Date) -> bool {
        self.files.iter().any(|file| file.day() >= first)
    }
}

/// Sorts files into the seals that wrote them, in the order of their hits, for each journal that has files of days from
/// `first` on. Files whose names are none of ours are no click files.
pub(super) fn by_journal(files: Vec<StoredFile>, first: Date) -> BTreeMap<Incarnation, Vec<Seal>> {
    let mut begun: BTreeMap<(Incarnation, Position), Vec<StoredFile>> = BTreeMap::new();
    for file in files {
        if let Some(begin) = file.begin() {
            begun.entry(begin).or_default().push(file);
        }
    }
    let mut journals: BTreeMap<Incarnation, Vec<Seal>> = BTreeMap::new();
    for ((journal, from), files) in begun {
        journals.entry(journal).or_default().push(Seal { from, files });
    }
    journals.retain(|_, seals| seals.iter().any(|seal| seal.has_days_from(first)));
    journals
}

/// The seals of one journal that have files of days from `first` on, and those that clicks in them were judged by: what
/// is remembered begins anew with a stretch, which may have begun long before.
pub(super) fn needed(seals: Vec<Seal>, first: Date, rule: Rule) -> Vec<Seal> {
    let mut needed = Vec::new();
    // Where the stretch begins that the seal judged next begins in, and where the seal after this one begins.
    let (mut stretch, mut end) = (Position(u64::MAX), Position(u64::MAX));
    for seal in seals.into_iter().rev() {
        let from = seal.from;
        let is_judged = seal.has_days_from(first);
        if is_judged {
            stretch = rule.begin_of(from);
        }
        if is_judged || stretch < end {
            needed.push(seal);
        }
        end = from;
    }
    needed.reverse();
    needed
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const FIRST: Date = date(2026, 11, 20);
    const RULE: Rule = Rule { double_tap_ms: 2000, stretch: 100 };
    const JOURNAL: Incarnation = Incarnation(7);

    fn file(day: i8, journal: Incarnation, from: u64) -> StoredFile {
        StoredFile::named(date(2026, 11, day), format!("{journal}-{from:020}.parquet"))
    }

    /// Where the seals begin that are read when the past since the 20th is judged again.
    fn read(files: &[(i8, u64)]) -> Vec<u64> {
        let files = files.iter().map(|(day, from)| file(*day, JOURNAL, *from)).collect();
        let seals = by_journal(files, FIRST).remove(&JOURNAL).unwrap_or_default();
        needed(seals, FIRST, RULE).iter().map(|seal| seal.from.0).collect()
    }

    #[test]
    fn reading_begins_with_the_stretch_that_the_first_click_is_in() {
        assert_eq!(read(&[(18, 0), (19, 60), (19, 90), (19, 140), (20, 190), (21, 230)]), [90, 140, 190, 230]);
        assert_eq!(read(&[(18, 0), (19, 90), (19, 100), (20, 150)]), [100, 150]);
        assert_eq!(read(&[(18, 0), (20, 100)]), [100]);
        assert_eq!(read(&[(20, 0)]), [0]);
        assert!(read(&[(18, 0), (19, 60)]).is_empty());
    }

    #[test]
    fn files_of_other_days_in_between_are_read_only_as_far_as_others_are_judged_by_them() {
        // A clock that was set back for a while.
        assert_eq!(read(&[(20, 0), (19, 50), (19, 120), (19, 210), (20, 250), (19, 280)]), [0, 120, 210, 250]);
    }

    #[test]
    fn each_journal_is_read_by_itself_and_files_of_one_seal_together() {
        let (other, over) = (Incarnation(3), Incarnation(4));
        let foreign = StoredFile::named(FIRST, "export.parquet".to_owned());
        let of_journal = [file(19, JOURNAL, 40), file(20, JOURNAL, 5), file(20, JOURNAL, 40)];
        let files = [file(19, over, 0), file(20, other, 0), foreign].into_iter().chain(of_journal);
        let journals = by_journal(files.collect(), FIRST);
        let shape = |seals: &[Seal]| seals.iter().map(|seal| (seal.from.0, seal.files.len())).collect::<Vec<_>>();
        assert_eq!(shape(&journals[&JOURNAL]), [(5, 1), (40, 2)]);
        assert_eq!(shape(&journals[&other]), [(0, 1)]);
        assert!(!journals.contains_key(&over), "its clicks are all of earlier days");
    }
}
