//! A headless chromium, driven through chromedriver by the WebDriver protocol (W3C WebDriver 2).
//!
//! It opens loopback addresses only, with an empty profile that goes when the test ends.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Request;
use super::process::{POLL, Running};

/// How long the page may take to show what a test looks for.
const DEADLINE: Duration = Duration::from_secs(20);
/// The name under which WebDriver passes elements around.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Set by people who have no browser: the tests that need one then say so and do nothing.
const WITHOUT_BROWSER: &str = "WAYPOST_TESTS_WITHOUT_BROWSER";
/// Set to keep what the browser showed, in the folder that it names.
const SCREENSHOTS: &str = "WAYPOST_SCREENSHOTS";
/// No network of its own, no first-run pages, no sandbox (which a container does not have).
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one window.
pub(crate) struct Browser {
    driver: Option<Running>,
    address: SocketAddr,
    session: String,
    profile: TempDir,
}

/// An element on the page that was open when it was found.
pub(crate) struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

/// What a person prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Browser {
    /// Starts a browser; `None` when `WAYPOST_TESTS_WITHOUT_BROWSER` says that there is none.
    pub(crate) fn start() -> Option<Self> {
        Self::preferring(&json!({}))
    }

    /// Starts one whose owner has switched scripts off for all pages.
    pub(crate) fn without_scripts() -> Option<Self> {
        Self::preferring(&json!({ "profile.managed_default_content_settings.javascript": 2 }))
    }

    fn preferring(preferences: &Value) -> Option<Self> {
        if std::env::var_os(WITHOUT_BROWSER).is_some() {
            eprintln!("skipped: {WITHOUT_BROWSER} is set");
            return None;
        }
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = Running::start("chromedriver (tests/run installs it)", &mut command);
        let address = driver_address(&mut driver);
        let profile = tempfile::Builder::new().prefix("waypost-browser-").tempdir().unwrap();
        let mut browser = Self { driver: Some(driver), address, session: String::new(), profile };
        browser.session = browser.new_session(preferences);
        Some(browser)
    }

    fn new_session(&self, preferences: &Value) -> String {
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", self.profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments, "binary": chromium(), "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let value = self.ask(Request::new("POST", "/session").json(&body));
        value["sessionId"].as_str().unwrap_or_else(|| panic!("no session in {value}")).to_owned()
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn goto(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// The address of the page.
    pub(crate) fn url(&self) -> String {
        text(&self.get("/url"))
    }

    pub(crate) fn title(&self) -> String {
        text(&self.get("/title"))
    }

    /// The first element of a CSS selector; waits until there is one.
    pub(crate) fn find(&self, css: &str) -> Element<'_> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let found = self.find_all(css).into_iter().next();
            if let Some(element) = found {
                return element;
            }
            assert!(Instant::now() < deadline, "no {css} on {}:\n{}", self.url(), self.source());
            sleep(POLL);
        }
    }

    /// The elements of a CSS selector as they are now.
    pub(crate) fn find_all(&self, css: &str) -> Vec<Element<'_>> {
        let found = self.post("/elements", &json!({ "using": "css selector", "value": css }));
        let ids = found.as_array().into_iter().flatten().filter_map(|element| element[ELEMENT].as_str());
        ids.map(|id| Element { browser: self, id: id.to_owned() }).collect()
    }

    /// Clicks what leads to another page, and waits until that is loaded.
    pub(crate) fn follow(&self, link: &Element<'_>) {
        self.script("window.isLeft = true");
        link.click();
        self.leaves();
    }

    /// Waits until another page is loaded than the one on which `window.isLeft` was set.
    pub(crate) fn leaves(&self) {
        let deadline = Instant::now() + DEADLINE;
        while self.script("return window.isLeft === true || document.readyState !== 'complete'") != false {
            assert!(Instant::now() < deadline, "no other page follows {}", self.url());
            sleep(POLL);
        }
    }

    /// All text of the page that is shown.
    pub(crate) fn text(&self) -> String {
        // Not by an element, which may go while it is asked, when the page is left.
        text(&self.script("return document.body ? document.body.innerText : ''"))
    }

    /// The page as HTML.
    pub(crate) fn source(&self) -> String {
        text(&self.get("/source"))
    }

    /// Waits until the page shows this text.
    pub(crate) fn shows(&self, what: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !self.text().contains(what) {
            assert!(Instant::now() < deadline, "{what:?} is not shown:\n{}", self.text());
            sleep(POLL);
        }
    }

    /// The value of a script such as `return document.cookie`, run in the page.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same, with arguments that the script finds in `arguments`.
    pub(crate) fn script_with(&self, script: &str, arguments: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Shows pages as a screen of this width (in CSS pixels) and theme would.
    pub(crate) fn look_as(&self, width: u32, theme: Theme) {
        let screen = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        let feature = json!({ "name": "prefers-color-scheme", "value": theme.name() });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// What the browser complained about since it was asked last: refused scripts and styles, broken requests.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        entries.as_array().into_iter().flatten().map(|entry| text(&entry["message"])).collect()
    }

    /// Keeps a picture of the whole page as `NAME.png` in the folder that `WAYPOST_SCREENSHOTS` names, if it is set.
    pub(crate) fn screenshot(&self, name: &str) {
        let Some(folder) = std::env::var_os(SCREENSHOTS).map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.devtools("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        std::fs::write(folder.join(format!("{name}.png")), decode_base64(&text(&picture["data"]))).unwrap();
    }

    /// A command of the Chrome DevTools Protocol, and its result.
    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn get(&self, path: &str) -> Value {
        self.ask(Request::new("GET", &self.path(path)))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask(Request::new("POST", &self.path(path)).json(body))
    }

    fn path(&self, path: &str) -> String {
        format!("/session/{}{path}", self.session)
    }

    fn ask(&self, request: Request) -> Value {
        let answer = request.send(self.address).expect("chromedriver answers").expect_status(200);
        answer.json()["value"].clone()
    }
}

impl Element<'_> {
    pub(crate) fn click(&self) {
        self.post("/click", &json!({}));
    }

    /// Types into a field, after what it holds.
    pub(crate) fn type_text(&self, text: &str) {
        self.post("/value", &json!({ "text": text }));
    }

    pub(crate) fn clear(&self) {
        self.post("/clear", &json!({}));
    }

    /// The text as it is shown.
    pub(crate) fn text(&self) -> String {
        text(&self.get("/text"))
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.get(&format!("/attribute/{name}")).as_str().map(str::to_owned)
    }

    fn get(&self, path: &str) -> Value {
        self.browser.get(&format!("/element/{}{path}", self.id))
    }

    fn post(&self, path: &str, body: &Value) {
        self.browser.post(&format!("/element/{}{path}", self.id), body);
    }
}

impl Drop for Browser {
    /// The session first, so that chromedriver ends the browser it started; then chromedriver itself.
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = Request::new("DELETE", &self.path("")).send(self.address);
        }
        self.driver = None;
    }
}

/// chromedriver takes a port from the system and says which on its standard output.
fn driver_address(driver: &mut Running) -> SocketAddr {
    let stdout = driver.child().stdout.take().expect("standard output is piped");
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let port = lines.take(20).find_map(|line| {
        line.split_once("started successfully on port ").and_then(|(_, port)| port.trim_end_matches('.').parse().ok())
    });
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("chromedriver names its port")))
}

/// Distributions do not agree on the name.
fn chromium() -> PathBuf {
    let folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
        .expect("chromium is installed (tests/run installs it)")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Base64 of RFC 4648 section 4; what is not of its alphabet ends it.
fn decode_base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sixes: Vec<u32> = text
        .bytes()
        .map_while(|byte| alphabet.iter().position(|letter| *letter == byte))
        .filter_map(|six| u32::try_from(six).ok())
        .collect();
    let mut bytes = Vec::with_capacity(sixes.len() * 3 / 4);
    for group in sixes.chunks(4) {
        let bits = group.iter().fold(0, |bits, six| bits << 6 | six) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    const PAGE: &str = "<title>A page</title><input id=a><button onclick=\"document.title=\
                        document.getElementById('a').value\">Go</button><p>shown</p>";

    /// Answers every connection with the page, until the test's process ends.
    fn serve_page() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // The browser may open connections that it does not use; nothing may wait for those.
                std::thread::spawn(move || {
                    let mut head = BufReader::new(stream.try_clone().ok()?).lines();
                    head.find(|line| line.as_ref().is_ok_and(String::is_empty))?.ok()?;
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
                    write!(stream, "{head}Content-Length: {}\r\n\r\n{PAGE}", PAGE.len()).ok()
                });
            }
        });
        address
    }

    #[test]
    fn the_browser_opens_a_page_types_and_clicks() {
        let Some(browser) = Browser::start() else { return };
        browser.goto(&format!("http://{}/", serve_page()));
        assert_eq!(browser.title(), "A page");
        browser.shows("shown");
        browser.find("#a").type_text("typed");
        browser.find("button").click();
        assert_eq!(browser.title(), "typed");
        browser.screenshot("support-browser");
    }

    #[test]
    fn base64_is_decoded_with_and_without_padding() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")] {
            assert_eq!(decode_base64(text), bytes.as_bytes(), "{text}");
        }
    }
}
