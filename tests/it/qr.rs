//! QR codes of links: the pictures, what is refused, and that a scan is a click of its own kind.

use std::io::Cursor;

use crate::support::app::TestApp;
use crate::support::http::Answer;

fn qr(app: &TestApp, query: &str) -> Answer {
    app.api_get(&format!("/api/v1/links/1/qr{query}"))
}

fn with_link() -> TestApp {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "poster")]);
    app
}

/// The picture as rows of dark pixels, and its side.
fn dark(png: &[u8]) -> (u32, Vec<Vec<bool>>) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let about = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((about.width, about.color_type), (about.height, png::ColorType::Grayscale));
    let rows = pixels.chunks(about.line_size).map(|row| row.iter().map(|grey| *grey == 0).collect());
    (about.width, rows.collect())
}

/// The same of the rectangles of an SVG.
fn dark_of_svg(svg: &str, side: u32) -> Vec<Vec<bool>> {
    let mut rows = vec![vec![false; side as usize]; side as usize];
    let path = svg.rsplit("d=\"").next().unwrap().split('"').next().unwrap();
    for run in path.split_terminator('z') {
        let numbers: Vec<usize> =
            run.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        let [x, y, width, height, _] = numbers[..] else { panic!("{run} is no rectangle") };
        rows[y..y + height].iter_mut().for_each(|row| row[x..x + width].fill(true));
    }
    rows
}

#[test]
fn a_picture_has_the_size_that_was_asked_for_and_both_forms_show_the_same_code() {
    let app = with_link();
    for (query, wanted) in [("", 512), ("&size=128", 128), ("&size=1001", 1001), ("&size=4096", 4096)] {
        let png = qr(&app, &format!("?format=png{query}")).expect_status(200);
        assert_eq!(png.header("content-type"), Some("image/png"));
        let (side, squares) = dark(&png.body);
        assert_eq!(side, wanted);
        let svg = qr(&app, &format!("?format=svg{query}")).expect_status(200);
        assert_eq!(svg.header("content-type"), Some("image/svg+xml"));
        assert!(svg.text().contains(&format!(r#"width="{side}" height="{side}""#)));
        assert!(dark_of_svg(&svg.text(), side) == squares, "the forms differ at {side}");
    }
    assert_eq!(qr(&app, "").body, qr(&app, "?format=svg&size=512").body);
}

#[test]
fn what_cannot_be_drawn_is_refused_by_name() {
    let app = with_link();
    for size in ["0", "127", "4097", "4294967295"] {
        assert_eq!(qr(&app, &format!("?size={size}")).expect_status(422).json()["field"], "size", "{size}");
    }
    assert_eq!(qr(&app, "?format=gif").expect_status(422).json()["field"], "format");
    for malformed in ["?size=-1", "?size=big", "?colour=red"] {
        qr(&app, malformed).expect_status(400);
    }
    app.api_get("/api/v1/links/2/qr").expect_status(404);
    // Escaped, these letters need a code of more squares than the smallest picture has pixels.
    app.link("https://example.com/", &[("slug", &"路".repeat(128))]);
    assert_eq!(app.api_get("/api/v1/links/2/qr?size=128").expect_status(422).json()["field"], "size");
    app.api_get("/api/v1/links/2/qr").expect_status(200);
}

#[test]
fn the_command_writes_the_picture_that_the_name_of_the_file_asks_for() {
    let app = with_link();
    let file = app.path("poster.png");
    app.cli(&["link", "qr", "poster", "-o", file.to_str().unwrap(), "--size", "300"]).ok();
    assert_eq!(dark(&std::fs::read(&file).unwrap()).0, 300);
    assert_eq!(app.cli(&["link", "qr", "id:1"]).ok().trim_end(), qr(&app, "").text());
    assert_ne!(app.cli(&["link", "qr", "nothing"]).code, Some(0));
}

#[test]
fn a_scan_is_counted_apart_and_the_destination_keeps_its_own_utm() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "poster"), ("utm.medium", "print")]);
    app.link("https://example.com/", &[("slug", "bare")]);
    let scan = app.click("/poster?utm_medium=qr").visitor(1).send();
    assert_eq!(scan.location(), "https://example.com/?utm_medium=print");
    assert_eq!(app.click("/bare?utm_medium=qr").visitor(2).send().location(), "https://example.com/?utm_medium=qr");
    app.click("/poster").visitor(3).send();
    app.eventually_clicks("poster", 2);
    app.eventually_clicks("bare", 1);
    let clicks =
        |query: &str| app.api_get(&format!("/api/v1/stats?{query}")).expect_status(200).json()["clicks"].clone();
    assert_eq!(clicks("visitor_utm_medium=qr"), 2);
    assert_eq!(clicks("visitor_utm_medium=qr&link=1"), 1);
    assert_eq!(clicks("visitor_utm_medium=!qr"), 1);
}

#[test]
fn the_page_of_a_link_shows_its_code_and_leads_to_its_scans() {
    let app = with_link();
    let page = app.api_get("/links/1?days=7").expect_status(200).text();
    let said = |attribute: &str, part: &str| {
        let opening = format!("{attribute}=\"");
        let mut values = page.split(&opening).skip(1).filter_map(|rest| rest.split('"').next());
        let found = values.find(|value| value.contains(part));
        found.unwrap_or_else(|| panic!("no {attribute} with {part}")).replace("&amp;", "&")
    };
    for (attribute, part) in [("src", "/qr?format=svg"), ("href", "/qr?format=svg"), ("href", "/qr?format=png")] {
        app.api_get(&said(attribute, part)).expect_status(200);
    }
    let scans = said("href", "visitor_utm_medium=qr");
    assert_eq!(scans, "/links/1?days=7&visitor_utm_medium=qr");
    app.api_get(&scans).expect_status(200);
    assert!(page.contains("/poster?utm_medium=qr"));
}
