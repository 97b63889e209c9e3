//! Additions count from the moment they are written, wherever they stand.

use jiff::civil::Date;

use super::*;

const DAY: Date = date(2026, 11, 21);

/// A random number generator of two lines (xorshift64), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What was counted by link and day: hits, and the visitors one by one.
type Model = BTreeMap<(LinkId, Date), (u64, std::collections::BTreeSet<u64>)>;

impl Folder {
    fn number(&self, sql: &str) -> i64 {
        Connection::open(self.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn rows_waiting(&self) -> i64 {
        self.number("SELECT count(*) FROM additions")
    }
}

fn delta(link: u64, day: Date, hits: u64, visitors: &[u64]) -> Delta {
    let mut counters = Counters::new();
    counters.add(Dimension::Verdict, "human", hits);
    counters.add(Dimension::City, &format!("SE/Town {}", link % 7), hits);
    let mut visitors: Vec<_> = visitors.iter().copied().map(Visitor).collect();
    visitors.sort();
    Delta { link: LinkId(link), day, counters, visitors }
}

fn told(found: &[DayCounters]) -> Vec<(LinkId, Date, u64, u64)> {
    found.iter().map(|day| (day.link, day.day, day.counters.hits(), day.visitors)).collect()
}

fn expected(model: &Model, is_asked: impl Fn(LinkId, Date) -> bool) -> Vec<(LinkId, Date, u64, u64)> {
    let asked = model.iter().filter(|((link, day), _)| is_asked(*link, *day));
    asked.map(|((link, day), (hits, visitors))| (*link, *day, *hits, visitors.len() as u64)).collect()
}

#[tokio::test]
async fn every_round_counts_at_once_whether_it_waits_or_is_merged() {
    let (folder, mut dice, mut model) = (Folder::new(), Dice(7), Model::new());
    let store = folder.open().unwrap();
    let days = [DAY, DAY.tomorrow().unwrap(), date(2026, 12, 31)];
    let mut most_waiting = 0;
    for number in 0..120 {
        let mut deltas = BTreeMap::new();
        for _ in 0..dice.roll(40) {
            let link = [dice.roll(12), 1_020 + dice.roll(8), 5_000 + dice.roll(3_000)][dice.roll(3) as usize];
            // The last day comes late, so that the first ones are over by then.
            let day = days[dice.roll(if number < 90 { 2 } else { 3 }) as usize];
            let visitors: Vec<_> = (0..dice.roll(4)).map(|_| dice.roll(500)).collect();
            deltas.insert((link, day), delta(link, day, 1 + dice.roll(3), &visitors));
        }
        for ((link, day), delta) in &deltas {
            let (hits, visitors) = model.entry((LinkId(*link), *day)).or_default();
            *hits += delta.counters.hits();
            visitors.extend(delta.visitors.iter().map(|visitor| visitor.0));
        }
        assert_eq!(store.apply(&batch_of(number, deltas.into_values().collect())).await.unwrap(), Applied::Yes);
        most_waiting = most_waiting.max(folder.rows_waiting());
        if number % 10 == 0 {
            let all = store.counters(None, days[0], days[2]).await.unwrap();
            assert_eq!(told(&all), expected(&model, |_, _| true), "round {number}");
            let some = [0, 3, 1_023, 1_024, 1_025, 6_000, 7_999].map(LinkId);
            let found = store.counters(Some(&some), days[0], days[1]).await.unwrap();
            let is_asked = |link, day| some.contains(&link) && day < days[2];
            assert_eq!(told(&found), expected(&model, is_asked), "round {number}");
        }
    }
    let merged = folder.number("SELECT sum(length(counts)) FROM counters");
    assert!(most_waiting > 20 && merged > 10_000, "some of both: {most_waiting} rows, {merged} bytes");
    let before = store.counters(None, days[0], days[2]).await.unwrap();
    assert_eq!(store.days_counted().await.unwrap(), Some((days[0], days[2])));
    folder.merge_all();
    assert_eq!((folder.rows_waiting(), store.quarantined()), (0, 0));
    assert_eq!(store.counters(None, days[0], days[2]).await.unwrap(), before);
}

#[tokio::test]
async fn rows_of_a_bucket_are_merged_when_there_are_many_or_much_stands_in_them() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let mut most = [0; 2];
    for number in 0..100 {
        let deltas = vec![delta(1, DAY, 1, &[number]), delta(1_024, DAY, 1, &[number])];
        store.apply(&batch_of(number, deltas)).await.unwrap();
        let middle = "2026112100000001024";
        let sides = ["<", ">="].map(|side| format!("SELECT count(*) FROM additions WHERE key {side} {middle}"));
        most = std::array::from_fn(|at| most[at].max(folder.number(&sides[at])));
    }
    assert_eq!(most, [15, 16], "neighbours are merged in different rounds");
    let large: Vec<u64> = (0..3_000).collect();
    for number in 100..110 {
        let deltas = (2_048..2_048 + 200).map(|link| delta(link, DAY, 1, &large)).collect();
        store.apply(&batch_of(number, deltas)).await.unwrap();
        let waiting = folder.number("SELECT sum(length(entries)) FROM additions");
        assert!(waiting < 9 << 20, "{waiting} bytes");
    }
    let found = store.counters(Some(&[LinkId(1), LinkId(2_048)]), DAY, DAY).await.unwrap();
    assert_eq!(told(&found)[0], (LinkId(1), DAY, 100, 100));
    assert!(found[1].counters.hits() == 10 && found[1].visitors.abs_diff(3_000) < 60, "{}", found[1].visitors);
}

#[tokio::test]
async fn days_that_are_over_are_merged_beside_later_rounds() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store.apply(&batch_of(0, (0..6_000).step_by(500).map(|link| delta(link, DAY, 1, &[])).collect())).await.unwrap();
    assert_eq!(folder.rows_waiting(), 6);
    let next = DAY.tomorrow().unwrap();
    for number in 1..4 {
        store.apply(&batch_of(number, vec![delta(1, next, 1, &[])])).await.unwrap();
    }
    assert_eq!(folder.rows_waiting(), 3, "only those of the day that goes on");
    assert_eq!(store.counters(None, DAY, DAY).await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_day_that_is_counted_anew_forgets_what_waits_for_it() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let next = DAY.tomorrow().unwrap();
    store.apply(&batch_of(0, vec![delta(1, DAY, 2, &[1]), delta(1, next, 5, &[1])])).await.unwrap();
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    assert!(store.replace_day(DAY, &counted, &[delta(2, DAY, 3, &[7])]).await.unwrap());
    let all = store.counters(None, DAY, next).await.unwrap();
    assert_eq!(told(&all), [(LinkId(1), next, 5, 1), (LinkId(2), DAY, 3, 1)]);
}

#[tokio::test]
async fn a_garbled_row_that_waits_is_named_when_read_and_set_aside_by_the_next_round() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let changes = ["x''", "x'07'", "x'02808008050203'", "substr(entries, 1, length(entries) - 1)"];
    for (number, change) in (0..).zip(changes) {
        store.apply(&batch_of(3 * number, vec![delta(3, DAY, 1, &[])])).await.unwrap();
        store.apply(&batch_of(3 * number + 1, vec![delta(4, DAY, 1, &[])])).await.unwrap();
        folder.edit(&format!("UPDATE additions SET entries = {change} WHERE key = (SELECT min(key) FROM additions)"));
        let error = store.counters(None, DAY, DAY).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)));
        assert!(error.to_string().contains("what was added to the links from 0 on 2026-11-21"), "{error}");
        store.apply(&batch_of(3 * number + 2, vec![delta(4, DAY, 1, &[])])).await.unwrap();
        assert_eq!((store.quarantined(), folder.rows_waiting()), (number + 1, 0));
        let hits = store.counters(Some(&[LinkId(4)]), DAY, DAY).await.unwrap()[0].counters.hits();
        assert_eq!(hits, 2 * (number + 1));
    }
}

#[tokio::test]
async fn of_two_entries_the_one_that_cannot_be_read_is_set_aside() {
    // 0 is the one that is merged already.
    for garbled in 0..3 {
        let folder = Folder::new();
        let store = folder.open().unwrap();
        for number in 0..3 {
            store.apply(&batch_of(number, vec![delta(3, DAY, 1 << number, &[number])])).await.unwrap();
            if (garbled, number) == (0, 0) {
                folder.merge_all();
            }
        }
        let (table, column) = if garbled == 0 { ("counters", "counts") } else { ("additions", "entries") };
        let file = Connection::open(folder.file()).unwrap();
        let key = format!("(SELECT key FROM {table} ORDER BY key LIMIT 1 OFFSET {})", garbled.max(1) - 1);
        let mut row: Vec<u8> =
            file.query_row(&format!("SELECT {column} FROM {table} WHERE key = {key}"), [], |row| row.get(0)).unwrap();
        // The count of people's hits becomes one of something that is nothing.
        let human = row.iter().rposition(|byte| *byte == 32).unwrap();
        row[human] = 255;
        file.execute(&format!("UPDATE {table} SET {column} = ?1 WHERE key = {key}"), [row]).unwrap();
        let error = store.counters(None, DAY, DAY).await.unwrap_err();
        assert!(error.to_string().contains("the counters of link 3 on 2026-11-21"), "{error}");
        store.apply(&batch_of(3, vec![delta(9, DAY, 1, &[])])).await.unwrap();
        assert_eq!(store.quarantined(), 1, "{garbled}");
        let lost = if garbled == 0 { 1 } else { 1 << (garbled - 1) };
        assert_eq!(store.counters(None, DAY, DAY).await.unwrap()[0].counters.hits(), 7 - lost, "{garbled}");
    }
}

#[tokio::test]
async fn rows_under_keys_that_name_no_day_are_set_aside_and_stop_nobody() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for key in ["-1", "3", "2026139900000000001"] {
        folder.edit(&format!("INSERT INTO additions VALUES ({key}, x'07')"));
    }
    store.apply(&batch_of(0, vec![delta(3, DAY, 1, &[])])).await.unwrap();
    assert_eq!(store.quarantined(), 2);
    assert_eq!(store.counters(None, DAY, DAY).await.unwrap()[0].counters.hits(), 1);
    store.counters(None, DAY, date(2027, 1, 1)).await.unwrap_err();
    store.apply(&batch_of(1, vec![delta(3, DAY, 1, &[])])).await.unwrap();
    assert_eq!((store.quarantined(), folder.rows_waiting()), (3, 0));
    assert_eq!(store.counters(None, DAY, date(2027, 1, 1)).await.unwrap()[0].counters.hits(), 2);
    assert_eq!(folder.number("SELECT count(*) FROM quarantine WHERE counts = x'07' AND reason <> ''"), 3);
}
