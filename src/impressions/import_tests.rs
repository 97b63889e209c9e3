//! What becomes of a parsed file.

use jiff::civil::date;

use super::*;
use crate::domain::impression::{ImportId, StoredImpression};
use crate::impressions::csv::parse;
use crate::impressions::fake_store::FakeStore;

const NOW: &str = "2026-11-21T12:00:00Z";

/// Knows `spring` by two names.
struct Names;

#[async_trait]
impl LinkNames for Names {
    async fn link_named(&self, name: &str) -> Result<Option<LinkId>, StoreError> {
        Ok(matches!(name, "spring" | "https://go.example.com/spring").then_some(LinkId(1)))
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

async fn run(store: &FakeStore, text: &str, dry_run: bool) -> Result<ImportReport, ImportError> {
    let bytes = text.as_bytes().to_vec();
    let upload = Upload { bytes, file_name: "a/b\\posts\u{7}.csv".to_owned(), as_of: None, dry_run };
    let file = parse(text.as_bytes()).unwrap();
    import_parsed(file, store, &Names, &upload, now(), now()).await
}

async fn errors(text: &str) -> Vec<(u64, String)> {
    let store = FakeStore::default();
    let refused = run(&store, text, false).await.unwrap_err();
    assert!(store.imports.lock().unwrap().is_empty(), "a refused file changes nothing");
    match refused {
        ImportError::Rows(rows) => rows.first.into_iter().map(|error| (error.row, error.message)).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_good_file_is_stored_whole_and_summed_up() {
    let store = FakeStore::default();
    let text = "link,post,date,views,reach\nspring,,2026-11-02,10,7\n,http://www.s.example/p/1/,2026-11-01,5,\n";
    let report = run(&store, text, false).await.unwrap();
    assert_eq!((report.import, report.same, report.rows, report.added), (Some(1), false, 3, 3));
    assert_eq!((report.sum["views"], report.sum["reach"]), (15, 7));
    assert_eq!((report.first, report.last), (Some(date(2026, 11, 1)), Some(date(2026, 11, 2))));
    assert_eq!((report.matched, report.skipped_count), (2, 1));
    assert_eq!(report.unmatched, ["https://s.example/p/1"]);
    let imports = store.imports.lock().unwrap();
    assert_eq!((imports[0].file_name.as_str(), imports[0].as_of), ("posts.csv", now()));
    assert_eq!(imports[0].rows[0].subject, Subject::Link(LinkId(1)));
}

#[tokio::test]
async fn the_same_file_again_is_known_by_its_bytes() {
    let store = FakeStore::default();
    let text = "link,date,views\nspring,2026-11-02,10\n";
    run(&store, text, false).await.unwrap();
    let report = run(&store, text, false).await.unwrap();
    assert_eq!((report.import, report.same, report.added), (Some(1), true, 0));
}

#[tokio::test]
async fn a_dry_run_foresees_and_stores_nothing() {
    let stored = |day, as_of: &str| StoredImpression {
        impression: Impression { subject: Subject::Link(LinkId(1)), day, kind: Kind::Views, count: 1 },
        as_of: as_of.parse().unwrap(),
        import: ImportId(1),
    };
    let impressions =
        vec![stored(date(2026, 11, 1), "2026-11-20T00:00:00Z"), stored(date(2026, 11, 2), "2026-11-22T00:00:00Z")];
    let store = FakeStore { impressions, ..FakeStore::default() };
    let text = "link,date,views\nspring,2026-11-01,10\nspring,2026-11-02,10\nspring,2026-11-03,10\n";
    let report = run(&store, text, true).await.unwrap();
    assert_eq!((report.import, report.dry_run), (None, true));
    assert_eq!((report.added, report.replaced, report.kept), (1, 1, 1));
    assert!(store.imports.lock().unwrap().is_empty());
}

#[tokio::test]
async fn two_numbers_for_one_thing_are_refused_with_both_rows_however_it_is_spelt() {
    let found = errors(
        "link,post,date,views\nspring,,2026-11-02,10\nhttps://go.example.com/spring,,2026-11-02,11\n\
         ,https://s.example/p/1,2026-11-02,1\n,http://www.s.example/p/1/,2026-11-02,1\n",
    )
    .await;
    assert_eq!((found.len(), found[0].0, found[1].0), (2, 3, 5));
    assert!(found[0].1.contains("is in row 2 already"), "{found:?}");
    assert!(found[1].1.contains("is in row 4 already"), "{found:?}");
}

#[tokio::test]
async fn unknown_links_future_days_and_impossible_posts_are_refused_together() {
    let long = "p".repeat(600);
    let found = errors(&format!(
        "link,post,date,views\nautumn,,2026-11-02,10\nspring,,2026-11-23,10\n,{long},2026-11-02,1\nspring,,2026-11-22,1\n"
    ))
    .await;
    let parts = ["no link \"autumn\"", "2026-11-23 is in the future", "longer than 512 bytes"];
    assert_eq!(found.len(), parts.len(), "{found:?}");
    for ((row, message), (at, part)) in found.iter().zip(parts.iter().enumerate()) {
        assert!(*row == at as u64 + 2 && message.contains(part), "{row}: {message}");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_read_refuse_the_whole_file() {
    let found = errors("link,date,views\nspring,2026-11-02,10\nspring,yesterday,10\n").await;
    assert_eq!(found[0].0, 3);
}

#[tokio::test]
async fn an_as_of_in_the_future_is_refused_before_anything_is_read() {
    let as_of = Some("2026-11-21T13:00:00Z".parse().unwrap());
    let upload = Upload { bytes: Vec::new(), file_name: String::new(), as_of, dry_run: false };
    let refused = import(&Parser::new(), &FakeStore::default(), &Names, &upload, now()).await.unwrap_err();
    assert!(matches!(refused, ImportError::AsOf(_)), "{refused}");
}
