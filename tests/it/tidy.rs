//! The shape of the source, held by reading it: layers, purity, sizes, names. It never compiles or runs anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const ARCHITECTURE_LINES_MAX: usize = 150;

/// Names that say nothing about what is inside.
const DRAWERS: [&str; 6] = ["utils", "util", "helpers", "manager", "common", "misc"];

/// Files that are one long table and read as such.
const DATA_FILES: [&str; 0] = [];

/// Which modules a module may name besides `domain`, `clock`, `telemetry` and `priority`. An entry covers what is below
/// it; `never` takes something out again. A module that is not here knows `domain` alone; an edge that is not here is a
/// design decision.
const LAYERS: [Layer; 15] = [
    Layer { module: "redirect", may: &["links", "journal"], never: &["links::catalog", "links::generate"] },
    Layer {
        module: "admin",
        may: &["archive", "conversions", "forward", "impressions", "links", "stats", "store"],
        never: &["store::embedded", "store::redis"],
    },
    Layer { module: "classify", may: &[], never: &["clock", "telemetry", "priority"] },
    Layer {
        module: "tally",
        may: &["archive", "by_number", "classify", "journal", "links", "store"],
        never: &["links::catalog", "links::generate", "store::embedded", "store::redis"],
    },
    Layer { module: "journal", may: &[], never: &[] },
    Layer { module: "links", may: &["store"], never: &["store::embedded", "store::redis"] },
    Layer {
        module: "stats",
        may: &[
            "archive",
            "conversions",
            "impressions::book",
            "impressions::matching",
            "impressions::reading",
            "judged",
            "store",
        ],
        never: &["store::embedded", "store::redis"],
    },
    Layer { module: "impressions", may: &["store"], never: &["store::embedded", "store::redis"] },
    Layer { module: "conversions", may: &["store"], never: &["store::embedded", "store::redis"] },
    Layer { module: "judged", may: &["store"], never: &["store::embedded", "store::redis"] },
    Layer {
        module: "forward",
        may: &["archive", "links", "store"],
        never: &["links::catalog", "links::generate", "store::embedded", "store::redis"],
    },
    Layer { module: "store", may: &["by_number"], never: &[] },
    Layer { module: "archive", may: &[], never: &[] },
    Layer { module: "domain", may: &[], never: &["clock", "telemetry", "priority"] },
    Layer { module: "clock", may: &[], never: &["domain", "telemetry", "priority"] },
];

/// The modules that wire the others together.
const WIRING: [&str; 5] = ["cli", "server", "config", "main", "lib"];

/// What every module may name.
const GROUND: [&str; 4] = ["domain", "clock", "telemetry", "priority"];

struct Layer {
    module: &'static str,
    may: &'static [&'static str],
    never: &'static [&'static str],
}

/// Code that computes and does nothing else, as starts of paths below `src`.
const PURE: [&str; 15] = [
    "classify/",
    "domain/",
    "forward/course",
    "forward/message",
    "forward/products/",
    "impressions/book/",
    "impressions/matching/",
    "tally/rollup",
    "tally/values",
    "stats/compare",
    "stats/ctr",
    "stats/interval",
    "stats/pooled",
    "stats/shrink",
    "stats/special",
];
/// What pure code does not know.
const IMPURE_WORDS: [&str; 7] = ["tokio", "fs", "File", "TcpStream", "SystemTime", "Instant", "async"];

struct Source {
    /// Below `src`, such as `links/cache.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The first part of its path: `links` of `links/cache.rs`, `clock` of `clock.rs`.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The lines before the file's tests.
    fn program(&self) -> &str {
        self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default()
    }

    /// Whether the whole file is tests: then only its size and its opening matter.
    fn is_test(&self) -> bool {
        self.path.ends_with("contract.rs") || self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned(),
    };
    let sources: Vec<Source> = rust_files(&src).into_iter().map(read).collect();
    assert!(sources.len() > 10, "the source was not found");
    sources
}

/// Fails with every offence at once.
fn none(offences: impl IntoIterator<Item = String>) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    none(silent.map(|source| format!("{}: does not start with //!", source.path)));
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    none(sources().into_iter().filter_map(|source| {
        let drawer =
            source.path.split('/').map(|part| part.trim_end_matches(".rs")).find(|part| DRAWERS.contains(part));
        drawer.map(|name| format!("{}: {name} says nothing about what is inside", source.path))
    }));
}

#[test]
fn no_file_is_longer_than_a_chapter() {
    none(sources().into_iter().filter_map(|source| {
        let lines = source.text.lines().count();
        let long = lines > FILE_LINES_MAX && !DATA_FILES.contains(&source.path.as_str());
        long.then(|| format!("{}: {lines} lines, {FILE_LINES_MAX} are allowed", source.path))
    }));
}

#[test]
fn no_function_is_longer_than_a_screen() {
    none(sources().iter().flat_map(|source| {
        let long = functions(source.program()).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        long.map(|(head, lines)| format!("{}: {lines} lines: {head}", source.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn no_test_is_ignored() {
    let files = rust_files(&root().join("tests")).into_iter().chain(rust_files(&root().join("src")));
    none(files.filter_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let ignored = text.lines().any(|line| line.trim_start().starts_with("#[ignore"));
        ignored.then(|| format!("{}: a test is ignored", path.display()))
    }));
}

#[test]
fn every_test_file_is_in_the_index() {
    let it = root().join("tests/it");
    let index = fs::read_to_string(it.join("main.rs")).unwrap();
    none(fs::read_dir(&it).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let listed = name == "main" || index.lines().any(|line| line == format!("mod {name};"));
        (!listed).then(|| format!("tests/it/{name} is not listed in tests/it/main.rs"))
    }));
}

#[test]
fn the_architecture_page_stays_a_page() {
    let Ok(text) = fs::read_to_string(root().join("ARCHITECTURE.md")) else { return };
    let lines = text.lines().count();
    assert!(lines <= ARCHITECTURE_LINES_MAX, "{lines} lines, {ARCHITECTURE_LINES_MAX} are allowed");
}

#[test]
fn each_module_knows_only_what_is_below_it() {
    let sources = sources();
    let modules: BTreeSet<&str> = sources.iter().map(Source::module).collect();
    let inside = sources.iter().filter(|source| !source.is_test() && !WIRING.contains(&source.module()));
    none(inside.flat_map(|source| {
        let named = crate_paths(&without_comments(source.program())).into_iter();
        let edges = named.filter(|path| modules.contains(first(path)) || path == "{");
        let wrong = edges.filter(|path| !allowed(source.module(), path));
        wrong.map(|path| format!("{}: may not name crate::{path}", source.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn pure_code_does_nothing_but_compute() {
    let pure = |source: &Source| !source.is_test() && PURE.iter().any(|start| source.path.starts_with(start));
    none(sources().iter().filter(|source| pure(source)).flat_map(|source| {
        let code = without_comments(source.program());
        let words: BTreeSet<&str> = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        let impure = IMPURE_WORDS.into_iter().filter(|word| words.contains(word));
        impure.map(|word| format!("{}: pure code does not know {word}", source.path)).collect::<Vec<_>>()
    }));
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

fn allowed(module: &str, path: &str) -> bool {
    let covers = |entry: &str| path == entry || path.strip_prefix(entry).is_some_and(|rest| rest.starts_with("::"));
    let layer = LAYERS.iter().find(|layer| layer.module == module);
    let (may, never) = layer.map_or((&[][..], &[][..]), |layer| (layer.may, layer.never));
    if never.iter().any(|entry| covers(entry)) {
        return false;
    }
    covers(module) || GROUND.iter().chain(may).any(|entry| covers(entry))
}

/// Every path after `crate::`, with braces multiplied out: `crate::a::{b, c::D}` is `a::b` and `a::c::D`. Braces at
/// the root become the path `{`, which no layer allows.
fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (start, marker) in code.match_indices("crate::") {
        let inside_a_word = code[..start].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let rest = &code[start + marker.len()..];
        if inside_a_word {
            continue;
        }
        if rest.starts_with('{') {
            paths.push("{".to_owned());
        } else {
            expand(rest, "", &mut paths);
        }
    }
    paths
}

/// Reads one path of a `use` tree and returns what follows it.
fn expand<'a>(code: &'a str, prefix: &str, paths: &mut Vec<String>) -> &'a str {
    let end = code.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(code.len());
    let (name, mut rest) = code.split_at(end);
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    let Some(below) = rest.strip_prefix("::") else {
        paths.push(path);
        return rest;
    };
    let Some(mut list) = below.strip_prefix('{') else {
        return expand(below, &path, paths);
    };
    loop {
        list = list.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',');
        if !list.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') {
            rest = list.strip_prefix('}').unwrap_or(list);
            return rest;
        }
        list = expand(list, &path, paths);
        // `b as c` names b; what it is called here does not matter.
        if let Some(renamed) = list.strip_prefix(" as ") {
            list = renamed.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
        }
    }
}

/// The code without its comments. A `//` in a text is taken for one too, which hides no path of ours.
fn without_comments(code: &str) -> String {
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The functions of formatted code, with their lines: one ends where a brace stands alone under its `fn`.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        if !is_function(head) || head.ends_with('}') {
            continue;
        }
        let indent = &line[..line.len() - head.len()];
        let body = lines[at..].iter().position(|line| line.ends_with('{') || line.ends_with(';'));
        if body.is_none_or(|body| lines[at + body].ends_with(';')) {
            continue;
        }
        let end = format!("{indent}}}");
        if let Some(length) = lines[at..].iter().position(|line| *line == end) {
            functions.push((head.to_owned(), length + 1));
        }
    }
    functions
}

fn is_function(head: &str) -> bool {
    let words = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
    head.split(' ').find(|word| !words.contains(word)).is_some_and(|word| word == "fn")
}

mod of_the_reader {
    use super::*;

    #[test]
    fn paths_are_found_with_their_braces_multiplied_out() {
        let code =
            "use crate::links::{cache::{Cache, Found as F}, Domains};\nlet a = crate::journal::open(my_crate::x);";
        let found = crate_paths(code);
        assert_eq!(found, ["links::cache::Cache", "links::cache::Found", "links::Domains", "journal::open"]);
        assert_eq!(crate_paths("use crate::{a, b};"), ["{"]);
    }

    #[test]
    fn an_edge_against_the_layers_is_seen() {
        for (module, path, expected) in [
            ("redirect", "links::cache::Cache", true),
            ("redirect", "links::catalog::Catalog", false),
            ("redirect", "store::LinkStore", false),
            ("admin", "redirect::Config", false),
            ("admin", "store::Store", true),
            ("admin", "store::embedded::open", false),
            ("store", "domain::link::Link", true),
            ("store", "links::Config", false),
            ("classify", "clock::Clock", false),
            ("stats", "{", false),
        ] {
            assert_eq!(allowed(module, path), expected, "{module} -> {path}");
        }
    }

    #[test]
    fn functions_are_measured_from_their_head_to_their_brace() {
        let code = "trait A {\n    fn a(&self);\n}\n\npub(crate) fn b(\n    c: u8,\n) -> u8 {\n    if c {\n    }\n    c\n}\nfn d() {}\n";
        assert_eq!(functions(code), [("pub(crate) fn b(".to_owned(), 7)]);
    }
}
