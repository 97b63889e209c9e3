//! What a reader gets back from journals that were cut, flipped, repeated and filled.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::*;
use crate::clock::Clock;
use crate::domain::hit::Hit;
use crate::domain::link::LinkId;
use crate::journal::{Config, Durability, Journal};

fn config() -> Config {
    Config { durability: Durability::Fast, sync_ms: 1, segment_mib: 1, keep_hours: 24, total_mib_max: 64 }
}

fn written(folder: &Path, hits: u64) -> Incarnation {
    let journal = Journal::begin(folder, &config(), &Clock::fixed(1000)).unwrap();
    append(&journal, 0..hits);
    journal.stop();
    journal.incarnation()
}

/// Appends hits whose link is their number, waiting for the keeper whenever a segment is full.
fn append(journal: &Journal, numbers: std::ops::Range<u64>) {
    let agent = "x".repeat(400);
    for number in numbers {
        let mut hit = Hit::new(LinkId(number), 5);
        hit.user_agent = &agent;
        // The last field is not empty, so that no frame ends in zeroes.
        hit.requested_with = "app";
        while journal.append(&hit).is_err() {
            std::thread::yield_now();
        }
    }
}

fn read_all(folder: &Path, incarnation: Incarnation, from: u64) -> (Vec<u64>, Progress) {
    let mut links = Vec::new();
    let mut reader = Reader::new(folder, incarnation, Position(from));
    let progress = reader.read(Position(u64::MAX), usize::MAX, |_, hit| links.push(hit.link.0)).unwrap();
    (links, progress)
}

fn only_file(folder: &Path) -> PathBuf {
    let (name, _) = folder::segments(folder).unwrap().into_iter().min_by_key(|(name, _)| name.number).unwrap();
    name.path_in(folder)
}

/// The files of a log; their numbers may have gaps.
fn files_of_log(folder: &Path, incarnation: Incarnation) -> Vec<PathBuf> {
    folder::log_of(folder, incarnation).unwrap().into_iter().map(|(name, _)| name.path_in(folder)).collect()
}

const FRAME: u64 = 16 + 2 + 8 + 8 + 4 + 20 + 400 + 3;

#[test]
fn hits_come_back_in_order_across_segments_and_from_any_position() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 5_000);
    assert!(folder::segments(folder.path()).unwrap().len() > 1);
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!(links, (0..5_000).collect::<Vec<_>>());
    assert_eq!((progress.damaged, progress.at_end), (0, true));
    let (links, _) = read_all(folder.path(), incarnation, 4_321);
    assert_eq!(links, (4_321..5_000).collect::<Vec<_>>());
}

#[test]
fn what_comes_next_is_named_before_it_is_read_as_far_as_it_is_buffered() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 5_000);
    let mut reader = Reader::new(folder.path(), incarnation, Position(0));
    let (upto, mut read, mut named) = (Position(4_900), Vec::new(), 0);
    while reader.position() < upto {
        let (mut coming, begin) = (Vec::new(), read.len());
        reader.coming(upto, 64, |link| coming.push(link.0));
        reader.read(upto, 64, |_, hit| read.push(hit.link.0)).unwrap();
        assert!(read[begin..].starts_with(&coming));
        named += coming.len();
    }
    assert_eq!(read, (0..4_900).collect::<Vec<_>>());
    // All but those at the beginning of each file.
    let files = files_of_log(folder.path(), incarnation).len();
    assert!(files > 1 && named >= read.len() - 64 * files, "{named} of {files} files");
    reader.coming(Position(5_000), 64, |link| panic!("{} may be half-written still", link.0));
}

#[test]
fn damage_that_is_named_ahead_changes_nothing_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 20);
    let path = only_file(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for at in (HEADER..HEADER + 20 * usize::try_from(FRAME).unwrap()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let (mut reader, mut links) = (Reader::new(folder.path(), incarnation, Position(0)), Vec::new());
        while !reader.read(Position(20), 3, |_, hit| links.push(hit.link.0)).unwrap().at_end && links.len() < 19 {
            reader.coming(Position(20), 512, |_| ());
        }
        assert_eq!(links, read_all(folder.path(), incarnation, 0).0, "byte {at}");
    }
}

#[test]
fn once_the_first_file_is_full_two_wait_and_hits_go_on_into_them_before_the_keeper_looks_again() {
    let (folder, clock, incarnation) = (tempfile::tempdir().unwrap(), Clock::fixed(1000), Incarnation(7));
    let sync_file = Box::new(|_: &File| Ok(()));
    let journal = Journal::unattended(folder.path(), &config(), &clock, incarnation, 1 << 16, sync_file).unwrap();
    let per_file = ((1 << 16) - HEADER as u64) / FRAME;
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    journal.keep();
    assert_eq!(files(), 2);
    append(&journal, 0..per_file + 1);
    journal.keep();
    assert_eq!(files(), 4);
    append(&journal, per_file + 1..4 * per_file);
    assert!(journal.append(&Hit::new(LinkId(0), 5)).is_err());
    assert_eq!(read_all(folder.path(), incarnation, 0).0, (0..4 * per_file).collect::<Vec<_>>());
}

#[test]
fn a_torn_tail_loses_no_whole_frame_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 20);
    let path = only_file(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for cut in (HEADER as u64..HEADER as u64 + 20 * FRAME).step_by(37) {
        let mut bytes = whole.clone();
        bytes[usize::try_from(cut).unwrap()..].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        let (links, progress) = read_all(folder.path(), incarnation, 0);
        assert_eq!(links.len() as u64, (cut - HEADER as u64) / FRAME, "cut at {cut}");
        assert_eq!(progress.damaged, 0);
    }
}

#[test]
fn a_flipped_bit_costs_its_own_frame_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 20);
    let path = only_file(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for number in 0..19_u64 {
        let mut bytes = whole.clone();
        let at = HEADER as u64 + number * FRAME + (number * 23) % FRAME;
        bytes[usize::try_from(at).unwrap()] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        let (links, progress) = read_all(folder.path(), incarnation, 0);
        assert_eq!(links, (0..20).filter(|link| *link != number).collect::<Vec<_>>());
        assert_eq!(progress.damaged, 1);
    }
    assert!(folder.path().join("quarantine").exists());
}

#[test]
fn an_overwritten_page_costs_its_frames_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 100);
    let file = OpenOptions::new().write(true).open(only_file(folder.path())).unwrap();
    file.write_all_at(&[0xff; 4096], HEADER as u64 + 10 * FRAME).unwrap();
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!(links.len() as u64 + progress.damaged, 100);
    assert_eq!(progress.damaged, 4096_u64.div_ceil(FRAME));
}

/// Damages of one kind; `tests/run faults` does ten times as many.
fn damages() -> u64 {
    if std::env::var_os("WAYPOST_FAULTS").is_some() { 1_000 } else { 100 }
}

/// Tells `tests/run faults` a figure.
fn figure(what: &str, value: u64) {
    use std::io::Write;
    let Some(path) = std::env::var_os("WAYPOST_FAULTS_TABLE") else { return };
    let mut table = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(table, "R3\t{what}\t{value}").unwrap();
}

#[test]
fn whatever_rots_in_a_journal_costs_what_was_hit_and_nothing_is_read_that_was_not_written() {
    const HITS: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), HITS);
    let path = only_file(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |end: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % end
    };
    let mut lost_of = |kind: &str, count: u64, bytes_hit: u64, damage: &dyn Fn(&mut Vec<u8>, usize)| {
        let mut lost = 0;
        for _ in 0..count {
            let at = HEADER as u64 + roll(HITS * FRAME);
            let mut bytes = whole.clone();
            damage(&mut bytes, usize::try_from(at).unwrap());
            std::fs::write(&path, bytes).unwrap();
            let (links, _) = read_all(folder.path(), incarnation, 0);
            let hit = (at - HEADER as u64) / FRAME..=(at + bytes_hit - 1 - HEADER as u64) / FRAME;
            let kept: Vec<u64> = (0..HITS).filter(|link| !hit.contains(link)).collect();
            let unhurt: Vec<u64> = links.iter().copied().filter(|link| !hit.contains(link)).collect();
            assert_eq!(unhurt, kept, "{kind} at {at}");
            assert!(
                links.is_sorted_by(|one, next| one < next) && links.iter().all(|link| *link < HITS),
                "{kind} at {at}"
            );
            lost += HITS - links.len() as u64;
        }
        figure(kind, count);
        lost
    };
    let rest = HITS * FRAME;
    lost_of("journals cut short", damages(), rest, &|bytes, at| bytes.truncate(at));
    let by_a_bit = lost_of("bits flipped", damages(), 1, &|bytes, at| bytes[at] ^= 1 << (at % 8));
    assert!(by_a_bit <= damages());
    lost_of("pages zeroed", damages() / 10, 4096, &|bytes, at| bytes[at..at + 4096].fill(0));
    figure("hits lost by a flipped bit beyond its own", 0);
}

#[test]
fn a_live_reader_follows_the_writer_and_never_reads_beyond_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::begin(folder.path(), &config(), &Clock::fixed(1000)).unwrap();
    let mut reader = Reader::new(folder.path(), journal.incarnation(), Position::START);
    let mut read = 0;
    for round in 1..=10 {
        append(&journal, (round - 1) * 700..round * 700);
        journal.sync();
        let bound = Position(journal.synced().0 - 1);
        read += reader.read(bound, usize::MAX, |position, hit| assert_eq!(position.0, hit.link.0)).unwrap().hits;
        assert_eq!(reader.position(), bound);
    }
    assert_eq!(read, 6_999);
    journal.stop();
}

#[test]
fn zeroes_at_the_very_beginning_of_a_frame_cost_what_they_cover_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 100);
    let file = OpenOptions::new().write(true).open(only_file(folder.path())).unwrap();
    file.write_all_at(&[0; 4096], HEADER as u64 + 10 * FRAME).unwrap();
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!((links.len() as u64, progress.damaged), (100 - 4096_u64.div_ceil(FRAME), 4096_u64.div_ceil(FRAME)));
}

#[test]
fn a_frame_that_claims_to_be_longer_than_its_file_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 20);
    let path = only_file(folder.path());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(HEADER as u64 + 20 * FRAME).unwrap();
    file.write_all_at(&[0xee, 0x0f], HEADER as u64 + 17 * FRAME).unwrap();
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!(links, (0..20).filter(|link| *link != 17).collect::<Vec<_>>());
    assert_eq!(progress.damaged, 1);
}

#[test]
fn a_segment_that_is_gone_costs_its_frames_and_later_ones_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 7_000);
    std::fs::remove_file(&files_of_log(folder.path(), incarnation)[1]).unwrap();
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!(links.len() as u64 + progress.damaged, 7_000);
    assert_eq!(*links.last().unwrap(), 6_999);
}

#[test]
fn a_damaged_header_is_written_anew_from_the_frames_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 7_000);
    for (path, at) in files_of_log(folder.path(), incarnation).into_iter().zip([3, 41, 50]) {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] ^= 0x20;
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(left_behind(folder.path(), Incarnation(1)).unwrap(), [incarnation]);
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!((links.len(), progress.damaged), (7_000, 0));
}

#[test]
fn a_first_page_that_never_reached_the_disk_costs_its_frames_only() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 100);
    let file = OpenOptions::new().write(true).open(only_file(folder.path())).unwrap();
    file.write_all_at(&[0; 4096], 0).unwrap();
    assert_eq!(left_behind(folder.path(), Incarnation(1)).unwrap(), [incarnation]);
    let (links, progress) = read_all(folder.path(), incarnation, 0);
    assert_eq!(links.len() as u64 + progress.damaged, 100);
    assert!(links.len() > 80, "{}", links.len());
}

#[test]
fn damaged_pieces_are_for_their_owner_only_and_go_at_the_age_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let incarnation = written(folder.path(), 20);
    let file = OpenOptions::new().write(true).open(only_file(folder.path())).unwrap();
    file.write_all_at(&[0xff; 8], HEADER as u64 + 10 * FRAME).unwrap();
    read_all(folder.path(), incarnation, 0);
    let piece = std::fs::read_dir(keep::quarantine(folder.path())).unwrap().next().unwrap().unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&piece.metadata().unwrap()) & 0o777, 0o600);
    let in_two_days = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let clock = Clock::fixed(i64::try_from(in_two_days).unwrap() + 2 * 86_400_000);
    let journal = Journal::begin(folder.path(), &config(), &clock).unwrap();
    while piece.path().exists() {
        std::thread::yield_now();
    }
    journal.stop();
}

#[test]
fn what_the_live_process_has_prepared_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::begin(folder.path(), &config(), &Clock::fixed(1000)).unwrap();
    let spare = Name { incarnation: journal.incarnation(), number: 1 }.path_in(folder.path());
    while std::fs::metadata(&spare).map_or(0, |found| found.len()) < 1 << 20 {
        std::thread::yield_now();
    }
    assert!(left_behind(folder.path(), journal.incarnation()).unwrap().is_empty());
    assert!(spare.exists());
    journal.stop();
}

#[test]
fn a_file_that_never_became_part_of_the_log_is_removed_and_the_rest_listed() {
    let folder = tempfile::tempdir().unwrap();
    let first = written(folder.path(), 3);
    let second = written(folder.path(), 3);
    let stray = Name { incarnation: Incarnation(9), number: 0 }.path_in(folder.path());
    std::fs::write(&stray, [0; 4096]).unwrap();
    let mut found = left_behind(folder.path(), Incarnation(1)).unwrap();
    found.sort();
    let mut expected = vec![first, second];
    expected.sort();
    assert_eq!(found, expected);
    assert!(!stray.exists());
}

/// A log of two files: twenty hits of which the last twelve were not synced, then those twelve again and eight more.
fn repeated(folder: &Path) -> (Incarnation, [PathBuf; 2]) {
    let incarnation = Incarnation(7);
    let (calls, clock) = (std::sync::atomic::AtomicUsize::new(0), Clock::fixed(1000));
    let second_fails = move |_: &File| match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        1 => Err(io::Error::other("it fails")),
        _ => Ok(()),
    };
    let journal = Journal::unattended(folder, &config(), &clock, incarnation, 1 << 16, Box::new(second_fails)).unwrap();
    append(&journal, 0..8);
    journal.sync();
    append(&journal, 8..20);
    journal.keep();
    journal.sync();
    append(&journal, 20..28);
    (incarnation, [0, 1].map(|number| Name { incarnation, number }.path_in(folder)))
}

#[test]
fn after_a_failed_sync_and_a_power_cut_a_hit_is_found_in_either_file_wherever_reading_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (incarnation, [first, second]) = repeated(folder.path());
    assert_eq!(read_all(folder.path(), incarnation, 0).0, (0..28).collect::<Vec<_>>());
    let wipe = |path: &Path, frames: &[u64]| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        frames.iter().for_each(|frame| file.write_all_at(&[0; 40], HEADER as u64 + frame * FRAME + 9).unwrap());
    };
    // What stands where: 9, 11, 12 and 19 are left in the second file alone, 10 and 14 in the first, and 16 in none.
    wipe(&first, &[9, 11, 12, 16, 19]);
    wipe(&second, &[10 - 8, 14 - 8, 16 - 8, 21 - 8]);
    let whole: Vec<u64> = (0..28).filter(|hit| ![16, 21].contains(hit)).collect();
    for from in 0..28 {
        let (links, progress) = read_all(folder.path(), incarnation, from);
        assert_eq!(links, whole.iter().copied().filter(|hit| *hit >= from).collect::<Vec<_>>(), "from {from}");
        assert_eq!(links.len() as u64 + progress.damaged, 28 - from, "from {from}");
    }
}
