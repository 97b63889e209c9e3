//! What strangers and files send, on every page that shows it: it stays text. A browser opens the pages; a dialog would
//! end the test, and so does a complaint of its content security policy, or an element that no page of ours has.
//!
//! The strings are our own; with `WAYPOST_STRINGS` also those of a folder (`tests/run strings FOLDER`), one on each line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::http::Request;
use crate::support::visit::Visit;

/// The folder with more strings.
const FOLDER: &str = "WAYPOST_STRINGS";

/// The longest string of a folder that is tried, in bytes; longer ones are cut by every field.
const STRING_BYTES_MAX: usize = 240;

/// Strings that things are called by which there may be only so many of: 50 hooks.
const NAMED_MAX: usize = 40;

/// Pages of one shape that are looked at; more of links, which differ most.
const OF_A_SHAPE_MAX: usize = 2;
/// With a folder of strings, all of the pages of links.
const LINKS_LOOKED_AT: usize = 12;

/// Ways out of where texts stand: between tags, in an attribute of either quote or none, in an address, in a script, a
/// style, a comment, JSON, an SVG, and through what browsers, encodings and languages make of letters.
const STRINGS: [&str; 40] = [
    "<script>alert(1)</script>",
    "</title><script>alert(2)</script>",
    "</textarea><script>alert(3)</script>",
    "</option></select><script>alert(4)</script>",
    "</script><script>alert(5)</script>",
    "</style><img src=x onerror=alert(6)>",
    "--><img src=x onerror=alert(7)>",
    "]]><img src=x onerror=alert(8)>",
    "\"><svg onload=alert(9)>",
    "'><svg onload=alert(10)>",
    "\" autofocus onfocus=alert(11) x=\"",
    "' autofocus onfocus=alert(12) x='",
    " onmouseover=alert(13) style=position:fixed;inset:0 ",
    "` onload=alert(14) `",
    "javascript:alert(15)",
    "JaVaScRiPt&#58;alert(16)",
    "java\u{9}script:alert(17)",
    " javascript:alert(18)//",
    "data:text/html,<script>alert(19)</script>",
    "vbscript:alert(20)",
    "https://example.com/\"onclick=alert(21)//",
    "//evil.example/x",
    "\\\\evil.example\\x",
    "<iframe srcdoc='<script>alert(22)</script>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(23)>",
    "<a href=javascript:alert(24)>x</a>",
    "<form action=//evil.example><button>x",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<object data=//evil.example></object>",
    "<video><source onerror=alert(25)></video>",
    "<details open ontoggle=alert(26)>",
    "{{constructor.constructor('alert(27)')()}}",
    "${alert(28)}",
    "&lt;script&gt;alert(29)&lt;/script&gt;",
    "%3Cscript%3Ealert(30)%3C/script%3E",
    "\u{ff1c}script\u{ff1e}alert(31)\u{ff1c}/script\u{ff1e}",
    "\u{202e}<script>alert(32)</script>\u{202c}",
    "=HYPERLINK(\"http://evil.example\",\"x\")<img src=x onerror=alert(33)>",
];

/// What an open page has that came from somebody else's text: elements and attributes of code, addresses of elsewhere.
const FOUND: &str = "
const found = [];
for (const e of document.querySelectorAll('script:not([src^=\"/assets/\"]),style,iframe,object,embed,base,math,video,audio,meta[http-equiv],img:not([src^=\"/\"]):not([src^=\"data:image/\"])'))
    found.push(e.outerHTML.slice(0, 200));
for (const e of document.querySelectorAll('*')) for (const { name, value } of e.attributes) {
    if (name.startsWith('on') || name === 'srcdoc') found.push(e.outerHTML.slice(0, 200));
    if (['src', 'action', 'formaction'].includes(name) && !/^(\\/(?!\\/)|data:image\\/)/.test(value)) found.push(e.outerHTML.slice(0, 200));
    if (name === 'href' && !/^(\\/(?!\\/)|#|\\?|https?:\\/\\/)/.test(value)) found.push(e.outerHTML.slice(0, 200));
}
return found;
";

const LINKS: &str =
    "return [...document.querySelectorAll('main a[href], nav a[href]')].map(a => a.getAttribute('href'))
    .filter(href => /^\\/(?!\\/)/.test(href) && !href.startsWith('/api/'));";

/// Our strings and those of the folder, each once.
fn strings() -> Vec<String> {
    let mut strings: Vec<String> = STRINGS.map(str::to_owned).to_vec();
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut more = BTreeSet::new();
        collect(Path::new(&folder), &mut more);
        assert!(!more.is_empty(), "{FOLDER} has no text files");
        strings.extend(more);
    }
    strings
}

fn collect(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            into.extend(lines.map(|line| line[..line.floor_char_boundary(STRING_BYTES_MAX)].to_owned()));
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Makes a link that carries the string wherever its fields take it.
fn link(app: &TestApp, at: usize, text: &str) -> bool {
    let slug = format!("s{at}");
    let mut body = json!({ "url": "https://example.com/", "slug": slug, "visitor_utm": true });
    app.api_post("/api/v1/links", &body).expect_status(201);
    let path = format!("/api/v1/links/{}", app.link_by_slug(&slug)["id"]);
    let mut taken = 0;
    for (field, value) in [
        ("title", json!(text)),
        ("tags", json!([text])),
        ("platform", json!(text)),
        ("posts", json!([format!("https://example.com/{text}")])),
        ("utm", json!({ "source": text, "medium": text, "campaign": text, "term": text, "content": text })),
    ] {
        body = json!({ field: value });
        taken += usize::from(app.api_patch(&path, &body).status == 200);
    }
    taken > 0
}

/// Clicks with the string in everything that a click brings along; one that is no HTTP is refused.
fn clicks(app: &TestApp, at: usize, text: &str) {
    let header = |text: &str| text.chars().filter(|letter| !letter.is_control()).collect::<String>();
    let (slug, visitor) = (format!("/s{at}"), u16::try_from(at).unwrap());
    let agent = format!("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 {}", header(text));
    let query = encoded(text);
    let utm = format!("?utm_source={query}&utm_campaign={query}&gclid={query}");
    for click in [
        app.click(&slug).visitor(visitor).referrer(&header(text)),
        app.click(&slug)
            .visitor(visitor + 10_000)
            .referrer(&format!("https://evil.example/{}", header(text)))
            .agent(&agent),
        app.click(&slug)
            .visitor(visitor + 20_000)
            .referrer(&format!("https://{query}.example/"))
            .header("Accept-Language", &header(text)),
        app.click(&format!("{slug}{utm}")).visitor(visitor + 30_000),
        app.click(&slug).visitor(visitor + 40_000).agent(&header(text)),
        app.click(&format!("/{query}")).visitor(visitor + 50_000),
    ] {
        assert!([302, 400, 404, 414].contains(&click.send().status), "{text:?}");
    }
}

/// Imports posts of those names and texts, in a file that is called so, and one that nobody knows the columns of.
fn imports(app: &TestApp, strings: &[String]) {
    let today = jiff::Timestamp::now().strftime("%F").to_string();
    let cell = |text: &String| format!("\"{}\"", text.replace('"', "\"\""));
    let row = |text: &String| format!("{0},{today},100,{0},instagram,{0}\n", cell(text));
    let header = "post,date,views,text,platform,account\n";
    for some in strings.chunks(10) {
        let query = format!("?file_name={0}&account={0}", encoded(&some[0]));
        let whole = app.import(&query, &(header.to_owned() + &some.iter().map(row).collect::<String>()));
        if whole.status != 200 {
            some.iter().for_each(|text| drop(app.import(&query, &(header.to_owned() + &row(text)))));
        }
        app.import(&query, &format!("{0},{0},what\n{0},{0},{0}\n", cell(&some[0])));
    }
}

/// Names of everything that has one.
fn names(app: &TestApp, text: &str) {
    let spot = json!({ "name": text, "platform": text, "level": "post", "utm": { "source": text } });
    for (list, body) in [
        ("templates", json!({ "name": text, "campaign": text, "placements": [spot] })),
        ("keys", json!({ "name": text, "scopes": ["read"] })),
        ("hooks", json!({ "name": text, "url": format!("https://hooks.example.com/{text}"), "campaigns": [text] })),
        ("shares", json!({ "campaign": text })),
        ("accounts", json!({ "name": text, "role": "owner" })),
    ] {
        let status = app.api_post(&format!("/api/v1/{list}"), &body).status;
        assert!(status < 500, "{list}: {text:?}");
    }
    let sign_in = Request::new("POST", "/sign-in").header("Sec-Fetch-Site", "same-origin");
    let header: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let body = format!("key={}", app.key());
    app.admin(sign_in.header("User-Agent", &header).body("application/x-www-form-urlencoded", body.as_bytes()));
}

#[test]
fn what_strangers_send_stays_text_on_every_page_that_shows_it() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    let strings = strings();
    let linked = strings.iter().enumerate().filter(|&(at, text)| {
        let is_made = link(&visit.app, at, text);
        clicks(&visit.app, at, text);
        if at % 8 == 0 && at / 8 < NAMED_MAX {
            names(&visit.app, text);
        }
        is_made
    });
    assert!(linked.count() * 10 >= STRINGS.len() * 9, "links take most of it");
    imports(&visit.app, &strings);
    visit.app.drained();
    visit.sign_in(&visit.app.key());
    visit.browser.shows("Overview");
    let mut waiting: Vec<String> = reflecting(&strings);
    waiting.extend(["/", "/live", "/links?sort=clicks", "/filtered", "/settings/you", "/owner"].map(str::to_owned));
    let links = if strings.len() > STRINGS.len() { strings.len() } else { LINKS_LOOKED_AT };
    let (mut shapes, mut seen) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
    let mut looked = 0;
    while let Some(path) = waiting.pop() {
        let of_shape = shapes.entry(shape(&path)).or_default();
        let most = if shape(&path) == "/links/{id}?" { links } else { OF_A_SHAPE_MAX };
        if !seen.insert(path.clone()) || *of_shape >= most {
            continue;
        }
        *of_shape += 1;
        looked += 1;
        waiting.extend(look(&visit, &path));
    }
    assert!(looked > 60, "{looked} pages: {shapes:?}");
    eprintln!("{} strings, {looked} pages of {} shapes", strings.len(), shapes.len());
}

/// Opens a page, and returns where it leads.
fn look(visit: &Visit, path: &str) -> Vec<String> {
    visit.open(path);
    assert_eq!(visit.browser.script(FOUND), json!([]), "{path}");
    let refused: Vec<_> =
        visit.browser.complaints().into_iter().filter(|said| said.contains("Content Security Policy")).collect();
    assert!(refused.is_empty(), "{path}: {refused:?}");
    let links = visit.browser.script(LINKS);
    links.as_array().into_iter().flatten().filter_map(|link| link.as_str().map(str::to_owned)).collect()
}

/// Pages that are asked for with the strings in their addresses, several at a time.
fn reflecting(strings: &[String]) -> Vec<String> {
    let pages = [
        "/sign-in?to=",
        "/set-up?token=",
        "/share/",
        "/nothing/",
        "/links?q=",
        "/links?tag=",
        "/links?campaign=",
        "/links?sort=",
        "/?days=",
        "/?country=",
        "/?unknown=",
        "/ctr?from=",
        "/ctr?by=",
        "/filtered?verdict=",
        "/filtered?link=",
        "/links/new?template=",
        "/templates/edit?name=",
        "/matches?view=",
        "/imports?done=",
        "/imports/check?upload=",
        "/shares?link=",
        "/links/",
        "/settings/accounts/",
        "/settings/hooks/",
        "/links/made?ids=",
    ];
    let texts = strings.chunks(20).take(OF_A_SHAPE_MAX).map(|some| encoded(&some.join(" ")));
    texts.flat_map(|text| pages.iter().map(move |page| format!("{page}{text}"))).collect()
}

/// A path with its ids left out, and the first of its parameters: of filters, any two differ by others.
fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let part =
        |part: &str| if part.bytes().any(|byte| byte.is_ascii_digit()) { "{id}".to_owned() } else { part.to_owned() };
    let first = query.split('=').next().unwrap_or_default();
    format!("{}?{first}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}
