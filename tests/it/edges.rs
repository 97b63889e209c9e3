//! The table of edge cases (`docs/edge-cases.md`): complete, and true about the tests that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How many cases the study has.
const CASES: u32 = 101;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The number of each case, and the rest of its line.
fn cases() -> Vec<(u32, String)> {
    let text = fs::read_to_string(root().join("docs/edge-cases.md")).unwrap();
    let case = |line: &str| {
        let (number, rest) = line.strip_prefix("| E")?.split_once(" | ")?;
        Some((number.parse().ok()?, rest.to_owned()))
    };
    text.lines().filter_map(case).collect()
}

/// The tests that a line names, as file and function.
fn tests(line: &str) -> Vec<(&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect()
}

/// Every test of the tree whose name begins with numbers of cases, with these numbers.
fn numbered(folder: &Path, found: &mut Vec<(BTreeSet<u32>, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            numbered(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).unwrap();
            for name in text.lines().filter_map(|line| line.trim().trim_start_matches("async ").strip_prefix("fn e")) {
                let name = format!("e{}", name.split('(').next().unwrap_or_default());
                let number = |part: &str| part.strip_prefix('e')?.parse().ok();
                let numbers: BTreeSet<u32> = name.split('_').map_while(number).collect();
                if !numbers.is_empty() {
                    found.push((numbers, name));
                }
            }
        }
    }
}

#[test]
fn every_edge_case_of_the_study_has_a_test_or_a_reason() {
    let numbers: Vec<u32> = cases().iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=CASES).collect::<Vec<_>>());
    for (number, line) in cases() {
        assert!(!tests(&line).is_empty(), "E{number}: {line}");
    }
}

#[test]
fn every_test_that_the_table_names_is_there() {
    for (number, line) in cases() {
        for (file, name) in tests(&line) {
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {name}(")), "E{number}: {file} has no test {name}");
        }
    }
}

#[test]
fn every_test_that_is_named_after_a_case_stands_in_the_table() {
    let mut found = Vec::new();
    ["src", "tests/it"].iter().for_each(|folder| numbered(&root().join(folder), &mut found));
    assert!(found.len() > 80, "{}", found.len());
    let cases = cases();
    for (numbers, name) in found {
        for number in numbers {
            let listed = cases.iter().any(|(of, line)| *of == number && tests(line).iter().any(|(_, of)| *of == name));
            assert!(listed, "E{number}: {name} is not in the table");
        }
    }
}
