//! Somebody at the dashboard, in a real browser: opens pages, types, presses, and looks at them the way a careful person
//! would, in both themes, on a phone and on a desk.

use std::path::Path;

use serde_json::{Value, json};

use super::app::TestApp;
use super::browser::{Browser, Theme};

/// The accessibility checker (axe-core, MPL-2.0), as `tests/run` puts it there.
const AXE: &str = "target/tools/axe.min.js";

const BARRIERS: &str = "
return axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations
    .filter(rule => ['serious', 'critical'].includes(rule.impact))
    .map(rule => rule.id + ': ' + rule.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | ')));
";

/// Finds what is hard to read or to use, in whatever page is open: text below 4.5:1 (3:1 when large, WCAG 2.2 SC 1.4.3),
/// a page wider than its window, inputs and links without a name, headings out of order, doubled ids, inline code.
const AUDIT: &str = r##"
const wrong = [];
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1);
    wrong.push('wider than its window: ' + wide.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(' | '));
}
for (const card of document.querySelectorAll('.card'))
    for (const e of card.querySelectorAll('*'))
        if (e.getBoundingClientRect().right > card.getBoundingClientRect().right - 16 && e.checkVisibility() && !e.closest('svg,.unseen'))
            wrong.push('runs out of its card: ' + e.outerHTML.slice(0, 120));
const levels = [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]));
if (levels.filter(level => level === 1).length !== 1) wrong.push('not one h1');
if (levels[0] !== 1 || levels.some((level, at) => at > 0 && level > levels[at - 1] + 1)) wrong.push('headings: ' + levels);
if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
if (!document.documentElement.lang || !document.title.includes('Waypost')) wrong.push('no language or title');
for (const e of document.querySelectorAll('script:not([src^="/assets/"]),[style],[onclick],[onload]')) wrong.push('code: ' + e.outerHTML.slice(0, 120));
for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea'))
    if (!e.labels.length && !e.ariaLabel) wrong.push('no label: ' + e.outerHTML);
for (const e of document.querySelectorAll('a,button'))
    if (!e.textContent.trim() && !e.ariaLabel) wrong.push('no name: ' + e.outerHTML);
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) wrong.push('doubled id ' + id);
for (const e of document.querySelectorAll('[aria-describedby]'))
    for (const id of e.getAttribute('aria-describedby').split(' ')) if (!ids.includes(id)) wrong.push('no element ' + id);
const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), alpha: n.length > 3 ? n[3] : 1 }; };
const light = rgb => rgb.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
const ground = e => {
    // Words in a drawing stand on the shape before them.
    const shape = e instanceof SVGTextElement && e.previousElementSibling;
    if (shape instanceof SVGRectElement) return parse(getComputedStyle(shape).fill).rgb;
    for (; e; e = e.parentElement) { const { rgb, alpha } = parse(getComputedStyle(e).backgroundColor); if (alpha > 0) return rgb; }
    return [255, 255, 255];
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    const box = e.getBoundingClientRect();
    if (!texts.currentNode.data.trim() || box.width < 2 || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const a = light(parse(e instanceof SVGElement ? style.fill : style.color).rgb), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < (isLarge ? 3 : 4.5)) wrong.push(ratio.toFixed(2) + ':1 ' + e.outerHTML.slice(0, 120));
}
const elsewhere = performance.getEntriesByType('resource').map(r => r.name).filter(u => !u.startsWith(location.origin) && !u.startsWith('data:'));
return wrong.concat(elsewhere.map(url => 'fetched from elsewhere: ' + url));
"##;

/// Somebody at the dashboard.
pub(crate) struct Visit {
    pub(crate) app: TestApp,
    pub(crate) browser: Browser,
}

impl Visit {
    pub(crate) fn open(&self, path: &str) {
        self.browser.goto(&format!("http://{}{path}", self.app.admin_address()));
    }

    pub(crate) fn path(&self) -> String {
        let url = self.browser.url();
        url.split_once(&self.app.admin_address().to_string()).map(|(_, path)| path.to_owned()).unwrap_or(url)
    }

    /// Signs in with a key.
    pub(crate) fn sign_in(&self, key: &str) {
        self.open("/sign-in");
        self.browser.find("#key").type_text(key);
        self.press("Sign in");
    }

    /// Types into an input that is found by its id, in place of what is there.
    pub(crate) fn fill(&self, id: &str, text: &str) {
        let input = self.browser.find(&format!("#{id}"));
        input.clear();
        input.type_text(text);
    }

    /// Presses the button or follows the link that is called so, and waits for the next page.
    pub(crate) fn press(&self, name: &str) {
        let buttons = self.browser.find_all("main a, main button");
        let button = buttons.into_iter().find(|button| button.text() == name);
        let button = button.unwrap_or_else(|| panic!("no {name:?} on {}:\n{}", self.path(), self.browser.text()));
        self.browser.follow(&button);
    }

    /// Opens a page until it shows `what`: clicks arrive within two seconds.
    pub(crate) fn eventually_shows(&self, path: &str, what: &str) {
        self.app.eventually(&format!("{path} shows {what:?}"), || {
            self.open(path);
            self.browser.text().contains(what)
        });
    }

    /// Fails when the open page is hard to read, runs what it must not, or asks another host for anything.
    pub(crate) fn audit(&self, name: &str) {
        let wrong = self.browser.script(AUDIT);
        assert_eq!(wrong, json!([]), "{name} at {}", self.path());
        let refused =
            self.browser.complaints().into_iter().filter(|message| message.contains("Content Security Policy"));
        assert_eq!(refused.collect::<Vec<_>>(), Vec::<String>::new(), "{name}");
    }

    /// What axe-core has against the open page that is serious or critical (WCAG 2.2 A and AA, and its best practices).
    /// It is fetched by `tests/run` and never kept here; without it, our own audit has to do.
    fn serious_barriers(&self) -> Value {
        let Ok(axe) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE)) else {
            eprintln!("not checked with axe-core: {AXE} is not there (tests/run fetches it)");
            return json!([]);
        };
        self.browser.script(&axe);
        self.browser.script(BARRIERS)
    }

    /// Looks at the open page in both themes, narrow and wide.
    pub(crate) fn look(&self, name: &str) {
        for theme in [Theme::Light, Theme::Dark] {
            for width in [390, 1280] {
                self.browser.look_as(width, theme);
                let name = format!("{name}-{}-{width}", theme.name());
                self.browser.screenshot(&name);
                self.audit(&name);
                // Contrast differs by theme and the order of things by width: two of four pictures have all of it.
                if (width < 600) == (theme == Theme::Light) {
                    assert_eq!(self.serious_barriers(), json!([]), "{name} at {}", self.path());
                }
            }
        }
    }
}
