//! One pass over a user agent that finds every token of every table at once.
//!
//! Never decides anything: it says which row of each table was found first in rank, the reader decides.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::super::tables::Tables;
use super::phone;

/// The table a token belongs to, with what its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    App,
    Browser,
    System,
    Device(Class),
    Bot,
    Word,
}

/// The classes of `devices.tsv`, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    Tv = 1,
    Console = 2,
    Wearable = 4,
    Tablet = 8,
    Mobile = 16,
    Handset = 32,
    /// Only iPhones and iPads have it.
    Ios = 64,
    Desktop = 128,
}

/// Every class by its word.
pub(in crate::classify) const CLASSES: [&str; 8] =
    ["tv", "console", "wearable", "tablet", "mobile", "handset", "ios", "desktop"];

impl Class {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "tv" => Self::Tv,
            "console" => Self::Console,
            "wearable" => Self::Wearable,
            "tablet" => Self::Tablet,
            "mobile" => Self::Mobile,
            "handset" => Self::Handset,
            "ios" => Self::Ios,
            "desktop" => Self::Desktop,
            _ => return None,
        })
    }
}

/// One row, as far as the pass needs it.
#[derive(Clone, Copy, Debug)]
struct Token {
    table: Table,
    /// The number of the row in its table; the lowest that is found wins.
    rank: u16,
    only_at_start: bool,
    only_at_end: bool,
    bounded_before: bool,
    bounded_after: bool,
}

/// What one pass found: for each table the best row, and all classes of device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) app: Option<u16>,
    pub(super) browser: Option<u16>,
    pub(super) system: Option<u16>,
    pub(super) bot: Option<u16>,
    pub(super) word: Option<u16>,
    classes: u8,
}

impl Found {
    pub(super) fn is(&self, class: Class) -> bool {
        self.classes & class as u8 != 0
    }

    fn add(&mut self, token: &Token) {
        let slot = match token.table {
            Table::Device(class) => {
                self.classes |= class as u8;
                return;
            }
            Table::App => &mut self.app,
            Table::Browser => &mut self.browser,
            Table::System => &mut self.system,
            Table::Bot => &mut self.bot,
            Table::Word => &mut self.word,
        };
        *slot = Some(slot.map_or(token.rank, |best| best.min(token.rank)));
    }
}

/// All tokens of all tables in one automaton.
pub(super) struct Tokens {
    automaton: AhoCorasick,
    tokens: Vec<Token>,
}

impl Tokens {
    pub(super) fn compile(tables: &Tables) -> Self {
        let mut texts = Vec::new();
        let mut tokens = Vec::new();
        for (text, table, rank) in all_rows(tables) {
            let (bare, token) = parse(text, table, rank);
            texts.push(bare);
            tokens.push(token);
        }
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(texts)
            .expect("an automaton has room for the built-in rows and the most rows an owner may add");
        Self { automaton, tokens }
    }

    pub(super) fn find(&self, user_agent: &str) -> Found {
        let phone = phone::name_of(user_agent);
        let bytes = user_agent.as_bytes();
        let mut found = Found::default();
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let token = &self.tokens[hit.pattern().as_usize()];
            let names_a_program = matches!(token.table, Table::Bot | Table::Word);
            if names_a_program && phone.contains(&hit.start()) {
                continue;
            }
            if token.fits(bytes, hit.start(), hit.end()) {
                found.add(token);
            }
        }
        found
    }
}

impl Token {
    fn fits(&self, bytes: &[u8], start: usize, end: usize) -> bool {
        let letter = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphabetic);
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        (!self.only_at_start || start == 0)
            && (!self.only_at_end || end == bytes.len())
            && (!self.bounded_before || !letter(before))
            && (!self.bounded_after || !letter(bytes.get(end)))
    }
}

fn all_rows(tables: &Tables) -> impl Iterator<Item = (&str, Table, u16)> {
    let apps = tables.apps().map(|[token, ..]| (token, Table::App));
    let browsers = tables.browsers().map(|[token, _]| (token, Table::Browser));
    let systems = tables.systems().map(|[token, _]| (token, Table::System));
    let devices =
        tables.devices().filter_map(|[token, class]| Class::parse(class).map(|class| (token, Table::Device(class))));
    let bots = tables.bots().map(|[token, ..]| (token, Table::Bot));
    let words = tables.words().map(|[token, ..]| (token, Table::Word));
    let ranked = |(rank, (token, table))| (token, table, rank);
    let rank = || 0_u16..;
    (rank().zip(apps))
        .chain(rank().zip(browsers))
        .chain(rank().zip(systems))
        .chain(rank().zip(devices))
        .chain(rank().zip(bots))
        .chain(rank().zip(words))
        .map(ranked)
}

/// Takes the signs off a token that the head of each table explains.
fn parse(text: &str, table: Table, rank: u16) -> (&str, Token) {
    let (only_at_start, text) = strip(text, text.strip_prefix('^'));
    let (bounded_before, text) = strip(text, text.strip_prefix('|'));
    let (only_at_end, text) = strip(text, text.strip_suffix('$'));
    let (bounded_after, text) = strip(text, text.strip_suffix('|'));
    (text, Token { table, rank, only_at_start, only_at_end, bounded_before, bounded_after })
}

fn strip<'t>(text: &'t str, stripped: Option<&'t str>) -> (bool, &'t str) {
    (stripped.is_some(), stripped.unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_the_device_table_is_known() {
        for [token, class] in Tables::built_in().devices() {
            assert!(Class::parse(class).is_some(), "{token:?} has the class {class:?}");
        }
    }

    #[test]
    fn the_signs_of_a_token_bind_it_to_a_place() {
        let (text, token) = parse("|bot|", Table::Word, 0);
        assert_eq!(text, "bot");
        assert!(token.fits(b"a bot.", 2, 5));
        assert!(!token.fits(b"robot", 2, 5));
        let (text, token) = parse("^nokia", Table::Word, 0);
        assert_eq!(text, "nokia");
        assert!(token.fits(b"nokia", 0, 5) && !token.fits(b" nokia", 1, 6));
    }

    #[test]
    fn the_upper_row_wins_over_the_lower_wherever_they_stand() {
        let tables = Tables::built_in();
        let tokens = Tokens::compile(&tables);
        let names: Vec<&str> = tables.browsers().map(|[_, name]| name).collect();
        let name = |user_agent| names[usize::from(tokens.find(user_agent).browser.unwrap())];
        assert_eq!(name("Mozilla/5.0 Chrome/100.0 Safari/537.36 Edg/100.0"), "Edge");
        assert_eq!(name("Mozilla/5.0 Chrome/100.0 Safari/537.36"), "Chrome");
    }
}
