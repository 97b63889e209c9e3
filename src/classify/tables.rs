//! The data tables: what is compiled in from `data/*.tsv`, and above it the rows that the owner adds in files of the
//! same names, cut into rows.
//!
//! Never holds a rule: which row wins, and what follows from it, is decided by the module that reads the table.
//! Never reads a file: the text of the owner's files is handed in.

use std::fmt;

use hashbrown::HashSet;
use ipnet::IpNet;

use crate::domain::verdict::Verdict;

use super::agent;

/// The most bytes of one of the owner's files, and the most rows of all of them; the automaton grows with both.
pub(crate) const FILE_BYTES_MAX: u64 = 1024 * 1024;
const ROWS_MAX: usize = 10_000;

/// The longest cell, in bytes.
const CELL_BYTES_MAX: usize = 128;

/// The shortest token that is searched for in user agents: one letter would be found everywhere.
const TOKEN_CHARS_MIN: usize = 2;

/// The tables, in the order of [`SPECS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Apps,
    Browsers,
    Systems,
    Devices,
    Bots,
    Words,
    Referrers,
    Packages,
    ClickIds,
    Aliases,
    Channels,
    Networks,
    Hosting,
}

/// One table: the name of its file, what is compiled in, and what its cells must be.
struct Spec {
    file: &'static str,
    cells: usize,
    built_in: &'static str,
    check: fn(&[&str]) -> Result<(), String>,
}

const SPECS: [Spec; 13] = [
    Spec { file: "apps.tsv", cells: 3, built_in: include_str!("data/apps.tsv"), check: token },
    Spec { file: "browsers.tsv", cells: 2, built_in: include_str!("data/browsers.tsv"), check: token },
    Spec { file: "os.tsv", cells: 2, built_in: include_str!("data/os.tsv"), check: token },
    Spec { file: "devices.tsv", cells: 2, built_in: include_str!("data/devices.tsv"), check: device },
    Spec { file: "bots.tsv", cells: 3, built_in: include_str!("data/bots.tsv"), check: bot },
    Spec { file: "words.tsv", cells: 3, built_in: include_str!("data/words.tsv"), check: word },
    Spec { file: "referrers.tsv", cells: 2, built_in: include_str!("data/referrers.tsv"), check: anything },
    Spec { file: "packages.tsv", cells: 2, built_in: include_str!("data/packages.tsv"), check: anything },
    Spec { file: "click_ids.tsv", cells: 2, built_in: include_str!("data/click_ids.tsv"), check: anything },
    Spec { file: "aliases.tsv", cells: 2, built_in: include_str!("data/aliases.tsv"), check: anything },
    Spec { file: "channels.tsv", cells: 2, built_in: include_str!("data/channels.tsv"), check: channel },
    Spec { file: "networks.tsv", cells: 3, built_in: include_str!("data/networks.tsv"), check: network },
    Spec { file: "hosting.tsv", cells: 2, built_in: include_str!("data/hosting.tsv"), check: number },
];

/// One of the owner's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleFile {
    /// Such as `bots.tsv`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What is wrong with one of the owner's files, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleError {
    file: String,
    line: usize,
    message: String,
}

impl std::error::Error for RuleError {}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}, line {line}: {}", self.file, self.message),
        }
    }
}

/// All tables. A row of the owner's stands above every built-in row of its table, and the first that fits wins, so
/// it overrides what it repeats.
#[derive(Debug)]
pub(super) struct Tables {
    /// The owner's rows, checked, in the form of the built-in ones.
    own: [String; SPECS.len()],
    /// Tells one set of the owner's rows from another; 0 if there are none.
    pub(super) fingerprint: u32,
}

impl Tables {
    #[cfg(test)]
    pub(super) fn built_in() -> Self {
        Self { own: Default::default(), fingerprint: 0 }
    }

    /// # Errors
    /// When a file is no table's, or one of its lines is no row of its table.
    pub(super) fn with(files: &[RuleFile]) -> Result<Self, RuleError> {
        let mut own: [String; SPECS.len()] = Default::default();
        let mut rows = 0;
        for file in files {
            let at = SPECS.iter().position(|spec| spec.file == file.name).ok_or_else(|| unknown_file(&file.name))?;
            own[at] = checked(file, &SPECS[at], &mut rows)?;
        }
        let fingerprint = fingerprint(&own);
        Ok(Self { own, fingerprint })
    }

    fn rows<const CELLS: usize>(&self, table: Table) -> impl Iterator<Item = [&str; CELLS]> {
        let at = table as usize;
        self.own[at].lines().chain(SPECS[at].built_in.lines()).filter(is_row).filter_map(cells)
    }

    /// Token, app, browser name.
    pub(super) fn apps(&self) -> impl Iterator<Item = [&str; 3]> {
        self.rows(Table::Apps)
    }

    /// Token, browser name.
    pub(super) fn browsers(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Browsers)
    }

    /// Token, name of the operating system.
    pub(super) fn systems(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Systems)
    }

    /// Token, class of device.
    pub(super) fn devices(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Devices)
    }

    /// Token, verdict, family.
    pub(super) fn bots(&self) -> impl Iterator<Item = [&str; 3]> {
        self.rows(Table::Bots)
    }

    /// Token, the word for the reason, whom it convicts.
    pub(super) fn words(&self) -> impl Iterator<Item = [&str; 3]> {
        self.rows(Table::Words)
    }

    /// Host, source.
    pub(super) fn referrers(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Referrers)
    }

    /// Android package, source.
    pub(super) fn packages(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Packages)
    }

    /// Parameter, source; the source is empty where the parameter proves none.
    pub(super) fn click_ids(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::ClickIds).map(|[name, source]| [name, if source == "-" { "" } else { source }])
    }

    /// Spelling, source.
    pub(super) fn aliases(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Aliases)
    }

    /// Source or host, kind of site.
    pub(super) fn channels(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Channels)
    }

    /// Network, verdict, name.
    pub(super) fn networks(&self) -> impl Iterator<Item = (IpNet, Verdict, &str)> {
        let row = |[network, verdict, name]: [_; 3]| Some((parse_network(network)?, Verdict::parse(verdict)?, name));
        self.rows(Table::Networks).filter_map(row)
    }

    /// Number of an autonomous system, name of who rents out machines in it.
    pub(super) fn hosting(&self) -> impl Iterator<Item = [&str; 2]> {
        self.rows(Table::Hosting)
    }
}

/// Blank lines and lines that begin with `#` are not rows.
fn is_row(line: &&str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

fn cells<const CELLS: usize>(line: &str) -> Option<[&str; CELLS]> {
    let mut cells = [""; CELLS];
    let mut given = line.split('\t');
    for cell in &mut cells {
        *cell = given.next()?;
    }
    given.next().is_none().then_some(cells)
}

fn unknown_file(name: &str) -> RuleError {
    let known = SPECS.map(|spec| spec.file).join(", ");
    RuleError { file: name.to_owned(), line: 0, message: format!("it is no table; the tables are {known}") }
}

/// The rows of a file, keys in lower case; `rows` counts those of all files.
fn checked(file: &RuleFile, spec: &Spec, rows: &mut usize) -> Result<String, RuleError> {
    let mut kept = String::new();
    let mut keys = HashSet::new();
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| is_row(line)) {
        let wrong = |message| RuleError { file: file.name.clone(), line: number + 1, message };
        let row = checked_row(line, spec).map_err(wrong)?;
        let key = row.split('\t').next().unwrap_or_default().to_owned();
        if !keys.insert(key) {
            return Err(wrong("this file has an earlier row for the same thing".to_owned()));
        }
        *rows += 1;
        if *rows > ROWS_MAX {
            return Err(wrong(format!("the files together have more than {ROWS_MAX} rows")));
        }
        kept.push_str(&row);
        kept.push('\n');
    }
    Ok(kept)
}

fn checked_row(line: &str, spec: &Spec) -> Result<String, String> {
    // A token may begin or end with a blank on purpose, so only the end of the line is cleaned.
    let line = line.trim_end_matches('\r');
    let key_length = line.find('\t').unwrap_or(line.len());
    let row = line[..key_length].to_lowercase() + &line[key_length..];
    let cells: Vec<&str> = row.split('\t').collect();
    if cells.len() != spec.cells {
        let (given, wanted) = (cells.len(), spec.cells);
        return Err(format!("it has {given} cells where {wanted} are wanted; cells are parted by one tab"));
    }
    if cells.iter().any(|cell| cell.trim().is_empty()) {
        return Err("a cell is empty".to_owned());
    }
    if cells.iter().any(|cell| cell.len() > CELL_BYTES_MAX || cell.chars().any(char::is_control)) {
        return Err(format!("a cell is longer than {CELL_BYTES_MAX} bytes or holds a control character"));
    }
    (spec.check)(&cells)?;
    Ok(row)
}

/// 20 bits of a hash, never 0 if there is a row: what a version number has room for.
fn fingerprint(own: &[String]) -> u32 {
    if own.iter().all(String::is_empty) {
        return 0;
    }
    let mut hasher = blake3::Hasher::new();
    for table in own {
        hasher.update(&(table.len() as u64).to_le_bytes());
        hasher.update(table.as_bytes());
    }
    let mut first = [0_u8; 4];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..4]);
    (u32::from_be_bytes(first) >> 12).max(1)
}

fn anything(_: &[&str]) -> Result<(), String> {
    Ok(())
}

fn token(cells: &[&str]) -> Result<(), String> {
    let bare = cells[0].trim_start_matches(['^', '|']).trim_end_matches(['$', '|']);
    match bare.trim().chars().count() {
        count if count < TOKEN_CHARS_MIN => Err(format!("the token {:?} is too short to mean anything", cells[0])),
        _ => Ok(()),
    }
}

fn device(cells: &[&str]) -> Result<(), String> {
    token(cells)?;
    one_of(cells[1], &agent::CLASSES)
}

fn bot(cells: &[&str]) -> Result<(), String> {
    token(cells)?;
    one_of(cells[1], &["preview", "scanner", "bot", "prefetch", "human"])
}

fn word(cells: &[&str]) -> Result<(), String> {
    token(cells)?;
    one_of(cells[2], &["all", "browsers"])
}

fn channel(cells: &[&str]) -> Result<(), String> {
    one_of(cells[1], &["search", "social", "shopping", "video"])
}

fn network(cells: &[&str]) -> Result<(), String> {
    parse_network(cells[0]).ok_or_else(|| format!("{:?} is no network such as 192.0.2.0/24", cells[0]))?;
    one_of(cells[1], &["owner", "scanner", "bot", "preview"])
}

fn number(cells: &[&str]) -> Result<(), String> {
    let number = cells[0].parse::<u32>().map_err(|_| format!("{:?} is no number of an autonomous system", cells[0]))?;
    if number == 0 { Err("there is no autonomous system 0".to_owned()) } else { Ok(()) }
}

fn one_of(cell: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&cell) { Ok(()) } else { Err(format!("{cell:?} is none of {}", known.join(", "))) }
}

/// A network, or a single address.
fn parse_network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| address.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> RuleFile {
        RuleFile { name: name.to_owned(), text: text.to_owned() }
    }

    fn refusal(name: &str, text: &str) -> String {
        Tables::with(&[file(name, text)]).unwrap_err().to_string()
    }

    #[test]
    fn every_built_in_row_passes_the_check_of_an_owners_row_and_is_written_as_it_is_kept() {
        for spec in &SPECS {
            let mut rows = 0;
            let kept = checked(&file(spec.file, spec.built_in), spec, &mut rows).unwrap();
            let given: String = spec.built_in.lines().filter(is_row).map(|line| format!("{line}\n")).collect();
            assert_eq!(kept, given, "{}", spec.file);
        }
    }

    #[test]
    fn every_table_says_where_it_comes_from() {
        for spec in &SPECS {
            assert!(spec.built_in.contains("# Written for Waypost"), "{}", spec.file);
        }
    }

    #[test]
    fn an_owners_row_stands_above_the_built_in_ones() {
        let tables = Tables::with(&[file("aliases.tsv", "# mine\n\nIG\tinternal-guide\r\n")]).unwrap();
        assert_eq!(tables.aliases().next(), Some(["ig", "internal-guide"]));
        assert!(tables.aliases().count() > 10);
    }

    #[test]
    fn a_line_that_is_no_row_is_refused_with_file_and_line() {
        assert_eq!(
            refusal("bots.tsv", "# a\nx\tbot\tx\n"),
            "bots.tsv, line 2: the token \"x\" is too short to mean anything"
        );
        assert!(refusal("bots.tsv", "acme\trobot\tacme\n").contains("line 1: \"robot\" is none of preview, scanner"));
        assert!(refusal("bots.tsv", "acme bot acme\n").contains("it has 1 cells where 3 are wanted"));
        assert!(refusal("bots.tsv", "acme\tbot\t\n").contains("a cell is empty"));
        assert!(refusal("bots.tsv", "acme\tbot\ta\nACME\tbot\tb\n").contains("line 2: this file has an earlier row"));
        assert!(refusal("networks.tsv", "192.0.2.0/33\towner\toffice\n").contains("no network"));
        assert!(refusal("hosting.tsv", "AS5\tx\n").contains("no number"));
        assert!(refusal("devices.tsv", "acme\tphone\n").contains("none of tv"));
        assert!(refusal("bot.tsv", "").starts_with("bot.tsv: it is no table; the tables are apps.tsv, "));
        let many: String = (0..=ROWS_MAX).map(|n| format!("alias-{n}\tx\n")).collect();
        assert!(refusal("aliases.tsv", &many).contains("more than 10000 rows"));
    }

    #[test]
    fn rows_have_a_fingerprint_and_remarks_have_none() {
        let of = |text: &str| Tables::with(&[file("aliases.tsv", text)]).unwrap().fingerprint;
        assert_eq!(of("# only a remark\n"), 0);
        assert_ne!(of("a\tb\n"), 0);
        assert_ne!(of("a\tb\n"), of("a\tc\n"));
        assert_eq!(of("a\tb\n"), of("# remark\na\tb\n"));
        assert!(of("a\tb\n") < 1 << 20);
    }

    #[test]
    fn a_network_may_be_a_single_address() {
        let tables = Tables::with(&[file("networks.tsv", "2001:db8::1\towner\tme\n")]).unwrap();
        let (network, verdict, name) = tables.networks().next().unwrap();
        assert_eq!((network.to_string().as_str(), verdict, name), ("2001:db8::1/128", Verdict::Owner, "me"));
    }
}
