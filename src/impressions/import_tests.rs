//! What becomes of a parsed file.

use jiff::civil::date;

use super::*;
use crate::domain::impression::Kind;
use crate::domain::metric::Metric;
use crate::impressions::fake_store::FakeStore;
use crate::impressions::read::read;

const NOW: &str = "2026-11-21T12:00:00Z";
const VIEWS: Metric = Metric::Impressions(Kind::Views);

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

fn imports() -> Imports {
    Imports::new(Arc::new(FakeStore::default()), Arc::new(Names), Hosts::default())
}

fn upload(text: &str, as_of: Option<&str>, dry_run: bool) -> Upload {
    let as_of = as_of.map(|as_of| as_of.parse().unwrap());
    let options = Options { file_name: "a/b\\posts\u{7}.csv".to_owned(), ..Options::default() };
    Upload { bytes: text.as_bytes().to_vec(), options, as_of, dry_run }
}

async fn run(imports: &Imports, upload: Upload) -> Result<ImportReport, ImportError> {
    run_at(imports, upload, now()).await
}

/// Like [`Imports::import`], with a parser that needs no child.
async fn run_at(imports: &Imports, upload: Upload, now: Timestamp) -> Result<ImportReport, ImportError> {
    let Upload { bytes, options, as_of, dry_run } = upload;
    let origin = Origin::of(&bytes, &options, as_of);
    let contents = read(bytes, &options).map_err(ParseError::NotRead)?;
    imports.take_contents(origin, contents, dry_run, now).await
}

async fn put(imports: &Imports, text: &str, as_of: Option<&str>) -> ImportReport {
    run(imports, upload(text, as_of, false)).await.unwrap()
}

async fn wrong(text: &str) -> String {
    let imports = imports();
    let refused = run(&imports, upload(text, None, false)).await.unwrap_err();
    assert!(imports.list().await.unwrap().is_empty(), "a refused file changes nothing");
    match &refused {
        ImportError::Parse(ParseError::NotRead(refusal)) => format!("{refused}: {:?}", refusal.rows.first),
        _ => refused.to_string(),
    }
}

/// The views of link 1 that are in force, by day.
async fn views(imports: &Imports) -> Vec<u64> {
    let book = imports.book().await.unwrap();
    let Some(post) = book.find("link-id:1") else { return Vec::new() };
    let views = book.of_post(post).map(|thing| thing.in_force).filter(|number| number.metric == VIEWS);
    views.map(|number| number.value).collect()
}

#[tokio::test]
async fn a_good_file_is_stored_whole_and_summed_up() {
    let imports = imports();
    let text = "link,post,date,views,reach\nspring,,2026-11-02,10,7\n,http://www.s.example/p/1/,2026-11-01,5,\n";
    let report = put(&imports, text, None).await;
    assert_eq!((report.import, report.same, report.rows, report.added), (Some(1), false, 3, 3));
    assert_eq!((report.sum["views"], report.sum["reach"]), (15, 7));
    assert_eq!((report.first, report.last), (Some(date(2026, 11, 1)), Some(date(2026, 11, 2))));
    assert_eq!((report.posts, report.unmatched_count), (2, 2), "the store of this test has no links");
    assert_eq!(report.unmatched[1].post, "https://s.example/p/1");
    let about = &imports.list().await.unwrap()[0].about;
    assert_eq!((about.file_name.as_str(), about.as_of, about.posts, about.numbers), ("posts.csv", now(), 2, 3));
    assert_eq!(views(&imports).await, [10]);
}

#[tokio::test]
async fn e73_the_same_file_twice_changes_nothing() {
    let imports = imports();
    let text = "link,date,views\nspring,2026-11-02,10\n";
    put(&imports, text, None).await;
    let later = now().saturating_add(SignedDuration::from_hours(5)).unwrap();
    let report = run_at(&imports, upload(text, None, false), later).await.unwrap();
    assert_eq!((report.import, report.same), (Some(1), true));
    assert_eq!(imports.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn e79_the_same_file_with_another_as_of_stands_in_its_place_until_it_is_undone() {
    let imports = imports();
    let text = "link,date,views\nspring,2026-11-02,10\n";
    put(&imports, text, None).await;
    let report = put(&imports, text, Some("2026-11-10T00:00:00Z")).await;
    assert_eq!((report.import, report.same), (Some(2), false));
    let as_of = async || {
        let book = imports.book().await.unwrap();
        book.in_force().map(|number| book.as_of(number).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(as_of().await, ["2026-11-10T00:00:00Z"]);
    assert!(imports.undo(ImportId(2)).await.unwrap());
    assert_eq!(as_of().await, [NOW]);
}

#[tokio::test]
async fn e78_an_undone_import_brings_back_what_it_replaced() {
    let imports = imports();
    put(&imports, "link,date,views\nspring,2026-11-02,100\n", Some("2026-11-10T00:00:00Z")).await;
    let report = put(&imports, "link,date,views\nspring,2026-11-02,150\nspring,2026-11-03,7\n", None).await;
    assert_eq!((report.added, report.replaced, report.kept), (1, 1, 0));
    assert_eq!(views(&imports).await, [150, 7]);
    assert!(imports.undo(ImportId(2)).await.unwrap());
    assert!(!imports.undo(ImportId(2)).await.unwrap());
    assert_eq!(views(&imports).await, [100]);
}

#[tokio::test]
async fn e75_a_dry_run_foresees_what_is_added_replaced_and_kept_and_stores_nothing() {
    let imports = imports();
    put(&imports, "link,date,views\nspring,2026-11-01,1\n", Some("2026-11-15T00:00:00Z")).await;
    put(&imports, "link,date,views\nspring,2026-11-02,1\n", Some("2026-11-20T00:00:00Z")).await;
    let text = "link,date,views\nspring,2026-11-01,10\nspring,2026-11-02,10\nspring,2026-11-03,10\n";
    let report = run(&imports, upload(text, Some("2026-11-18T00:00:00Z"), true)).await.unwrap();
    assert_eq!((report.import, report.dry_run), (None, true));
    assert_eq!((report.added, report.replaced, report.kept), (1, 1, 1));
    assert_eq!((imports.list().await.unwrap().len(), views(&imports).await), (2, vec![1, 1]));
}

#[tokio::test]
async fn two_numbers_for_one_thing_are_refused_however_it_is_spelt() {
    let by_link = "link,date,views\nspring,2026-11-02,10\nhttps://go.example.com/spring,2026-11-02,11\n";
    assert!(wrong(by_link).await.contains("two numbers for views of link-id:1 (2026-11-02): 10 and 11"));
    let by_post = "post,date,views\nhttps://s.example/p/1,2026-11-02,1\nhttp://www.s.example/p/1/,2026-11-02,2\n";
    let said = wrong(by_post).await;
    assert!(said.contains("https://s.example/p/1"), "{said}");
    let imports = imports();
    put(&imports, &by_link.replace("11\n", "10\n"), None).await;
    assert_eq!(views(&imports).await, [10], "the same number twice is one");
}

#[tokio::test]
async fn unknown_links_future_days_and_impossible_posts_are_refused() {
    assert!(
        wrong("link,date,views\nspring,2026-11-02,10\nautumn,2026-11-02,10\n").await.contains("no link \"autumn\"")
    );
    assert!(wrong("link,date,views\nspring,2026-11-23,10\n").await.contains("2026-11-23, which is in the future"));
    let long = "p".repeat(600);
    let said = wrong(&format!("post,date,views\n{long},2026-11-02,10\n")).await;
    assert!(said.contains("at most 512 bytes"), "{said}");
    put(&imports(), "link,date,views\nspring,2026-11-22,10\n", None).await;
}

#[tokio::test]
async fn rows_that_cannot_be_read_refuse_the_whole_file() {
    let refused = wrong("link,date,views\nspring,2026-11-02,10\nspring,yesterday,10\n").await;
    assert!(refused.contains("1 of the file's rows"), "{refused}");
}

#[tokio::test]
async fn an_as_of_in_the_future_is_refused_before_anything_is_read() {
    let upload = upload("", Some("2026-11-21T13:00:00Z"), false);
    let refused = imports().import(upload, now()).await.unwrap_err();
    assert!(matches!(refused, ImportError::AsOf(_)), "{refused}");
}
