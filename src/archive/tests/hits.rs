//! Clicks in the order of their hits, from whatever files they are in.

use super::*;

fn hits(archive: &Archive, files: &[StoredFile], from: u64) -> Vec<u64> {
    let (mut ids, mut found) = (ClickIds::new(JOURNAL), Vec::new());
    let take = |position: Position, click: Click| {
        assert_eq!(click.id, ids.of(click.time_ms, position), "the id is that of the hit");
        found.push(position.0);
    };
    archive.in_order_of_hits(JOURNAL, Position(from), files, take).unwrap();
    found
}

fn files(archive: &Archive) -> Vec<StoredFile> {
    archive.files_from(jiff::civil::Date::MIN).unwrap()
}

#[test]
fn the_order_is_that_of_the_hits_whatever_the_clock_showed() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let backwards = |position: u64| click(position, MIDNIGHT + 10_000 - 1000 * position.cast_signed());
    push(&archive, (0..20).map(backwards).collect());
    assert_eq!(archive.seal(JOURNAL, Position(0)).unwrap(), 2);
    assert_eq!(hits(&archive, &files(&archive), 0), (0..20).collect::<Vec<_>>());
    assert_eq!(hits(&archive, &files(&archive)[..1], 0), (11..20).collect::<Vec<_>>(), "the day before");
}

#[test]
fn hits_that_have_no_click_and_clicks_of_other_journals_are_passed_over() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let mut foreign = click(3, MIDNIGHT);
    foreign.id = ClickIds::new(Incarnation(9)).of(MIDNIGHT, Position(3));
    let lost = 300_000;
    push(&archive, vec![click(2, MIDNIGHT), foreign, click(lost, MIDNIGHT)]);
    archive.seal(JOURNAL, Position(1)).unwrap();
    assert_eq!(hits(&archive, &files(&archive), 1), [2, lost]);
}

#[test]
fn a_damaged_file_and_one_that_is_gone_cost_only_their_own_clicks() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    for from in [0, 10, 20] {
        push(&archive, clicks(from..from + 10));
        archive.seal(JOURNAL, Position(from)).unwrap();
    }
    let files = files(&archive);
    fs::write(archive.root().join(files[0].to_string()), "nothing").unwrap();
    fs::remove_file(archive.root().join(files[1].to_string())).unwrap();
    assert_eq!(hits(&archive, &files, 0), (20..30).collect::<Vec<_>>());
}

#[test]
fn more_clicks_than_are_held_at_once_come_in_order_too() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let many = u64::try_from(super::super::hits::HELD_MAX).unwrap() + 10;
    push(&archive, clicks(0..many));
    archive.seal(JOURNAL, Position(0)).unwrap();
    assert!(hits(&archive, &files(&archive), 0).into_iter().eq(0..many));
}
