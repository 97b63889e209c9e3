//! What pages are made of: the same numbers as the API's, in little enough of them, and the same after a start.

use std::sync::LazyLock;

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::http::Request;

/// What one page may weigh, so that a phone on a train gets it.
const PAGE_BYTES_MAX: usize = 110_000;

fn page(app: &TestApp, path: &str) -> String {
    let request = Request::new("GET", path).header("Authorization", &format!("Bearer {}", app.key()));
    app.admin(request).expect_status(200).text()
}

fn stats(app: &TestApp, query: &str) -> Value {
    app.api_get(&format!("/api/v1/stats?{query}")).expect_status(200).json()
}

/// A number as pages write it.
fn written(number: &Value) -> String {
    let digits = number.as_u64().unwrap().to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// Twenty links in thirty posts with impressions, four thousand hits from many towns on the three days before today.
fn crowd() -> TestApp {
    let mut app = TestApp::stopped("");
    app.cli(&["crowd", "--links", "20", "--posts", "30", "--days", "3", "--clicks", "4000"]).ok();
    app.launch();
    app
}

static DAYS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    [4, 3, 2, 1].map(|back| today.saturating_sub(jiff::Span::new().days(back)).to_string())
});

#[test]
fn a_links_page_cuts_its_lists_and_leads_to_all_of_their_values() {
    let app = crowd();
    let shown = page(&app, "/links/1");
    assert!(shown.len() < PAGE_BYTES_MAX, "{} bytes", shown.len());
    let towns = stats(&app, "link=1&by=city")["rows"].as_array().unwrap().clone();
    assert!(towns.len() > 200, "{} towns", towns.len());
    let all = shown.split("href=\"").find(|rest| rest.starts_with("/values") && rest.contains("by=city")).unwrap();
    let address = all.split('"').next().unwrap().replace("&amp;", "&");
    assert!(all.contains(&format!("All {}", written(&Value::from(towns.len())))), "{}", &all[..80]);
    let name = |at: usize| format!(">{}<", towns[at]["value"].as_str().unwrap());
    let (first, second) = (page(&app, &address), page(&app, &format!("{address}&page=2")));
    assert!(first.contains(&name(0)) && first.contains(&name(99)) && !first.contains(&name(100)));
    assert!(second.contains(&name(100)) && !second.contains(&name(99)));
    assert!(!shown.contains(&name(8)) && shown.contains(&name(7)), "the page itself has the first eight");
}

#[test]
fn a_links_page_shows_its_rate_and_those_of_its_posts_as_the_report_does() {
    let app = crowd();
    for by in ["link", "post"] {
        let report = app.api_get(&format!("/api/v1/ctr?by={by}")).expect_status(200).json();
        let rows = report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["ctr"].is_f64()).unwrap();
        let called = row["label"].as_str().or(row["value"].as_str()).unwrap();
        let named = if by == "link" { format!(">{called}</a>") } else { format!("<td>{called} ") };
        let shown =
            (1..=20).map(|link| page(&app, &format!("/links/{link}"))).find(|page| page.contains(&named)).unwrap();
        let rate = format!("{:.2} %", row["ctr"].as_f64().unwrap() * 100.0);
        assert!(shown.contains(&rate), "{called}: {rate}");
        assert!(shown.contains(&format!("{} / {}", written(&row["clicks"]), written(&row["impressions"]))), "{called}");
        assert!(shown.contains("The posts it stands in") && shown.contains("what is usual"));
    }
}

#[test]
fn days_are_compared_with_any_others() {
    let app = crowd();
    let [none, first, second, third] = &*DAYS;
    for of in ["", "&link=1"] {
        let now = stats(&app, &format!("from={second}&to={third}{of}"));
        let other = stats(&app, &format!("from={first}&to={second}{of}"));
        let path = if of.is_empty() { "/" } else { "/links/1" };
        let shown = page(&app, &format!("{path}?from={second}&to={third}&from2={first}"));
        assert!(shown.contains(&format!("{first} to {second}")), "as many days");
        let change = match now["clicks"] == other["clicks"] {
            true => "as in the other days".to_owned(),
            false => format!("> from {}<", written(&other["clicks"])),
        };
        assert!(shown.contains(&change), "{change}: {other}");
        assert!(shown.contains(&format!("<dd>{}</dd>", written(&now["clicks"]))), "{now}");
        let longer = page(&app, &format!("{path}?from={second}&to={third}&from2={none}&to2={third}"));
        let all = stats(&app, &format!("from={none}&to={third}{of}"));
        assert!(longer.contains(&format!("they had {} clicks", written(&all["clicks"]))), "{all}");
    }
}

#[test]
fn two_links_are_held_beside_each_other() {
    let app = crowd();
    let [_, first, _, third] = &*DAYS;
    let days = format!("from={first}&to={third}");
    let shown = page(&app, &format!("/links/compare?a=id%3A1&b=crowd7&{days}"));
    for link in [1, 8] {
        let of_link = stats(&app, &format!("link={link}&{days}"));
        for number in ["clicks", "visitors", "hits"] {
            assert!(shown.contains(&format!(">{}<", written(&of_link[number]))), "{number} of {link}");
        }
    }
    let versus = app.api_get("/api/v1/ctr/compare?by=link&a=1&b=8").expect_status(200).json();
    let difference = format!("{:+.2} percentage points", versus["difference"].as_f64().unwrap() * 100.0);
    assert!(shown.contains(&difference), "{difference}");
    let request =
        |path: &str| app.admin(Request::new("GET", path).header("Authorization", &format!("Bearer {}", app.key())));
    assert!(request("/links/compare?a=id%3A1&b=crowd0").expect_status(422).text().contains("are the same link"));
    assert!(request("/links/compare?a=id%3A1&b=nobody").expect_status(422).text().contains("here is no link"));
    assert!(page(&app, "/links/compare?a=crowd0").contains("The other"), "a form asks for the other one");
}

#[test]
fn numbers_are_the_same_after_a_start_and_follow_what_is_counted_then() {
    let mut app = crowd();
    let days = format!("from={}", DAYS[0]);
    let asked = ["by=day", "by=country", "by=city", "by=link", "by=source&link=1", "by=hour&campaign=campaign1"];
    let numbers = |app: &TestApp| asked.map(|by| stats(app, &format!("{days}&{by}")));
    let before = numbers(&app);
    let totals = |app: &TestApp| {
        let links = app.api_get("/api/v1/links?limit=20").expect_status(200).json();
        links["links"].as_array().unwrap().iter().map(|link| link["clicks"].as_u64().unwrap()).sum::<u64>()
    };
    let ever = totals(&app);
    app.restart();
    assert_eq!(numbers(&app), before);
    assert_eq!(totals(&app), ever);
    app.click("/crowd0").visitor(1).send().expect_status(302);
    app.eventually("the click is in all of them", || totals(&app) == ever + 1);
    let now = numbers(&app);
    for (before, now) in before.iter().zip(&now).take(5) {
        assert_eq!(now["clicks"].as_u64(), before["clicks"].as_u64().map(|clicks| clicks + 1), "{now}");
    }
    assert_eq!(now[5], before[5], "another campaign");
}
