//! The agent: what the user agent and the client hints of a hit say about who asked.
//!
//! Pure. It must never read the address or the query.

mod bots;
mod device;
mod hints;
mod phone;
mod tokens;

use compact_str::{CompactString, ToCompactString, format_compact};

use crate::domain::click::Device;
use crate::domain::hit::Hit;
use crate::domain::verdict::Verdict;

use super::tables::Tables;
use hints::Hints;
use tokens::{Class, Found, Tokens};

pub(super) use tokens::CLASSES;

/// Who asked. Empty text means unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agent {
    /// What the agent alone amounts to: `Human` unless it names or shows a program.
    pub(super) verdict: Verdict,
    pub(super) reason: CompactString,
    /// The app with a browser of its own, by the name of its source.
    pub(super) app: CompactString,
    pub(super) device: Device,
    pub(super) os: CompactString,
    pub(super) browser: CompactString,
    /// The source that `X-Requested-With` names.
    pub(super) embedded_by: CompactString,
    /// The hints as a click keeps them.
    pub(super) hints: CompactString,
    /// BLAKE3 of the user agent, for the visitor.
    pub(super) fingerprint: [u8; 32],
}

/// Reads agents.
pub(super) struct Agents {
    tokens: Tokens,
    /// App and browser name of each row.
    apps: Vec<[CompactString; 2]>,
    browsers: Vec<CompactString>,
    systems: Vec<CompactString>,
    bots: Vec<(Verdict, CompactString)>,
    /// The word for the reason, and whom it convicts.
    words: Vec<[CompactString; 2]>,
    packages: super::names::Names,
}

impl Agents {
    pub(super) fn compile(tables: &Tables) -> Self {
        Self {
            tokens: Tokens::compile(tables),
            apps: tables.apps().map(|[_, app, browser]| [app.into(), browser.into()]).collect(),
            browsers: tables.browsers().map(|[_, name]| name.into()).collect(),
            systems: tables.systems().map(|[_, name]| name.into()).collect(),
            bots: tables.bots().map(|[_, verdict, family]| (bots::verdict_of_row(verdict), family.into())).collect(),
            words: tables.words().map(|[_, word, whom]| [word.into(), whom.into()]).collect(),
            packages: super::names::Names::of(tables.packages()),
        }
    }

    /// Reads the agent of a hit. It costs some 2 us; `looks` remembers the answer.
    pub(super) fn read(&self, hit: &Hit<'_>) -> Agent {
        let found = self.tokens.find(hit.user_agent);
        let hints = hints::read(hit);
        let os = self.system_by(&found, &hints);
        let [app, app_browser] = found.app.map(|row| self.apps[usize::from(row)].clone()).unwrap_or_default();
        let program = bots::program(hit.user_agent, &found, &hints, self);
        Agent {
            verdict: program.as_ref().map_or(Verdict::Human, |(verdict, _)| *verdict),
            reason: program.map_or_else(|| human_reason(&app), |(_, reason)| reason),
            app,
            device: device::class(&found, &hints, os),
            os: CompactString::from(os),
            browser: self.browser(&found, hints.browser, app_browser),
            embedded_by: self.packages.find(hit.requested_with.trim()).unwrap_or_default().into(),
            hints: joined(hit),
            fingerprint: blake3::hash(hit.user_agent.as_bytes()).into(),
        }
    }

    /// The hints go first. An iPad asks for desktop pages as a Mac does, but its browsers and hints give it away.
    fn system_by(&self, found: &Found, hints: &Hints) -> &str {
        let read = self.system(found);
        match (hints.system, read) {
            ("", "macOS") | ("iOS", "macOS") if found.is(Class::Ios) || hints.is_handheld() => "iPadOS",
            ("", read) => read,
            (hinted, _) => hinted,
        }
    }

    fn system(&self, found: &Found) -> &str {
        found.system.map_or("", |row| &self.systems[usize::from(row)])
    }

    /// An app's own browser is called like the app. A hint says less than the user agent if it only says "Chrome":
    /// some browsers keep Chrome's brands and add their own token.
    fn browser(&self, found: &Found, hinted: &'static str, app_browser: CompactString) -> CompactString {
        let read = found.browser.map_or("", |row| &self.browsers[usize::from(row)]);
        match (app_browser.as_str(), hinted) {
            ("", "") => read.into(),
            ("", "Chrome") if !read.is_empty() => read.into(),
            ("", hinted) => hinted.into(),
            _ => app_browser,
        }
    }
}

fn human_reason(app: &str) -> CompactString {
    if app.is_empty() { CompactString::const_new("browser") } else { format_compact!("app:{app}") }
}

/// `brands|mobile|platform|form-factors|requested-with`, or empty if none was sent.
fn joined(hit: &Hit<'_>) -> CompactString {
    let parts = [hit.brands, hit.mobile, hit.platform, hit.form_factors, hit.requested_with];
    if parts.iter().all(|part| part.is_empty()) {
        return CompactString::default();
    }
    parts.join("|").to_compact_string()
}

#[cfg(test)]
mod tests;
