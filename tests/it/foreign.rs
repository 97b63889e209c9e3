//! What a page of another origin can make somebody's browser do to the dashboard: nothing. In a real browser, signed in,
//! from another port of the same host (whose pages browsers send the session along for) and from another host.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::target::{Reply, Target};
use crate::support::visit::Visit;

/// Every route of the admin plane with what it needs, as the program's own tests have it.
const ROWS: &str = include_str!("../../src/admin/access/routes.txt");

/// Sends a request in each way that a page has, and says of each what came of it.
const FETCH: &str = "
const [method, url] = arguments;
const ways = [['no-cors', 'text/plain'], ['no-cors', 'application/x-www-form-urlencoded'],
    ['no-cors', 'multipart/form-data; boundary=x'], ['cors', 'text/plain'], ['cors', 'application/json']];
const send = ([mode, type]) => {
    const body = ['GET', 'HEAD'].includes(method) ? undefined : type.includes('json')
        ? JSON.stringify({ url: 'https://example.com/', slug: 'forged' }) : 'url=https://example.com/&slug=forged';
    const headers = body === undefined ? {} : { 'content-type': type };
    return fetch(url, { method, mode, credentials: 'include', headers, body })
        .then(answer => mode + ' ' + type + ': ' + answer.type + ' ' + answer.status, () => 'refused');
};
return Promise.all(ways.map(send)).then(all => all.filter(one => one !== 'refused'));
";

/// Puts an address into a page as a script, an image and a style, and says which of them were let in.
const EMBED: &str = "
const [url] = arguments;
const ends = e => new Promise(done => { e.onload = () => done(true); e.onerror = () => done(false); document.body.append(e); });
const make = (tag, set) => ends(Object.assign(document.createElement(tag), set));
return Promise.all([make('script', { src: url }), make('img', { src: url }), make('link', { rel: 'stylesheet', href: url })])
    .then(([script, image, style]) => ({ script, image, style }));
";

/// Frames addresses, and waits until the browser has something to show in each; what it refuses it complains of.
const FRAME: &str = "
const [urls] = arguments;
return Promise.all(urls.map(src => new Promise(done => {
    const frame = Object.assign(document.createElement('iframe'), { src });
    frame.onload = done;
    document.body.append(frame);
}))).then(all => all.length);
";

/// Sends a form as a click on a button of the foreign page would.
const SUBMIT: &str = "
const [action, enctype] = arguments;
const form = Object.assign(document.createElement('form'), { method: 'post', action, enctype });
for (const [name, value] of [['url', 'https://example.com/'], ['slug', 'forged']])
    form.append(Object.assign(document.createElement('input'), { name, value }));
document.body.append(form);
window.isLeft = true;
setTimeout(() => form.submit());
";

/// Somebody who is signed in to one origin and looks at a page of another.
struct Victim {
    visit: Visit,
    foreign: Target,
}

impl Victim {
    fn start() -> Option<Self> {
        let visit = Visit { browser: Browser::start()?, app: TestApp::start() };
        let foreign = Target::start();
        let page = "<!doctype html><title>Elsewhere</title><body>";
        let headers = vec![("Content-Type", "text/html".to_owned())];
        foreign.answer(move |_, _| Reply::Whole { status: 200, headers: headers.clone(), body: page });
        visit.app.link("https://example.com/", &[("slug", "spring")]);
        visit.sign_in(&visit.app.key());
        visit.browser.shows("Overview");
        Some(Self { visit, foreign })
    }

    /// Pages of another port of the same host, and of another host.
    fn elsewhere(&self) -> [String; 2] {
        ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{}/", self.foreign.port))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.visit.app.admin_address())
    }

    /// All that could have been made, changed or removed.
    fn state(&self) -> Vec<Value> {
        ["links", "accounts", "keys", "hooks", "shares", "templates", "imports", "imports/columns"]
            .iter()
            .map(|list| self.visit.app.api_get(&format!("/api/v1/{list}")).expect_status(200).json())
            .collect()
    }

    fn is_still_signed_in(&self) {
        self.visit.open("/settings/you");
        self.visit.browser.shows("the admin key");
    }
}

/// Methods and paths, with something in each place.
fn routes() -> Vec<(&'static str, String)> {
    let lines = ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let of = |line: &'static str| {
        let mut words = line.split_whitespace().skip(1);
        let (method, path) = (words.next()?, words.next()?);
        let fill = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
        Some((method, path.split('/').map(fill).collect::<Vec<_>>().join("/")))
    };
    let routes: Vec<_> = lines.filter_map(of).collect();
    assert!(routes.len() > 80, "{routes:?}");
    routes
}

#[test]
fn no_script_of_another_origin_sends_a_request_that_is_heeded_or_reads_an_answer() {
    let Some(victim) = Victim::start() else { return };
    let (browser, before) = (&victim.visit.browser, victim.state());
    for page in victim.elsewhere() {
        browser.goto(&page);
        for (method, path) in routes() {
            let came = browser.script_with(FETCH, &json!([method, victim.url(&path)]));
            assert_eq!(came, json!([]), "{method} {path} from {page}");
        }
    }
    assert_eq!(victim.state(), before);
    victim.is_still_signed_in();
    let own = browser.script_with(FETCH, &json!(["GET", victim.url("/api/v1/links")]));
    assert_eq!(own.as_array().map(Vec::len), Some(5), "a page of ours reads it: {own}");
}

#[test]
fn no_page_of_another_origin_frames_ours_or_embeds_what_they_show() {
    let Some(victim) = Victim::start() else { return };
    let browser = &victim.visit.browser;
    let looks: Vec<_> = routes().into_iter().filter(|(method, _)| *method == "GET").map(|(_, path)| path).collect();
    let pages: Vec<_> = looks.iter().filter(|path| !path.starts_with("/api/v1")).map(|path| victim.url(path)).collect();
    for page in victim.elsewhere() {
        browser.goto(&page);
        browser.complaints();
        browser.script_with(FRAME, &json!([pages]));
        let refused = browser.complaints().into_iter().filter(|said| said.contains("frame-ancestors 'none'")).count();
        assert_eq!(refused, pages.len(), "from {page}");
        for path in &looks {
            let let_in = browser.script_with(EMBED, &json!([victim.url(path)]));
            assert_eq!(let_in, json!({ "script": false, "image": false, "style": false }), "{path} from {page}");
        }
    }
    victim.visit.open("/help");
    let icon = browser.find("link[rel=icon]").attribute("href").unwrap();
    let own = browser.script_with(EMBED, &json!([icon]));
    assert_eq!(own["image"], json!(true), "a page of ours shows it");
}

#[test]
fn no_form_of_another_origin_is_heeded() {
    let Some(victim) = Victim::start() else { return };
    let (browser, before) = (&victim.visit.browser, victim.state());
    let forms = routes().into_iter().filter(|(method, path)| *method == "POST" && !path.starts_with("/api/"));
    for (_, path) in forms {
        for (page, enctype) in
            victim.elsewhere().iter().zip(["application/x-www-form-urlencoded", "multipart/form-data"])
        {
            browser.goto(page);
            browser.script_with(SUBMIT, &json!([victim.url(&path), enctype]));
            browser.leaves();
            let refused = ["comes from another site", "Sign in\nAdmin key"];
            let text = browser.text();
            assert!(refused.iter().any(|said| text.contains(said)), "{path} from {page}: {text}");
        }
    }
    assert_eq!(victim.state(), before);
    victim.is_still_signed_in();
    browser.script_with(SUBMIT, &json!([victim.url("/links"), "application/x-www-form-urlencoded"]));
    browser.leaves();
    assert!(victim.visit.app.link_by_slug("forged")["id"].is_number(), "from a page of ours it is heeded");
}
