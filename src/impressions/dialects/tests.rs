//! What holds for every dialect's table.

use std::collections::BTreeSet;

use super::*;

fn all() -> impl Iterator<Item = &'static Dialect> {
    ALL.iter().copied().flatten()
}

#[test]
fn every_dialect_has_a_name_of_its_own_and_every_header_is_folded() {
    let mut names = BTreeSet::new();
    for dialect in all() {
        assert!(names.insert(dialect.name), "{} twice", dialect.name);
        assert!(!dialect.title.is_empty() && !dialect.needs.is_empty(), "{}", dialect.name);
        let needs = dialect.needs.iter().copied().flatten().chain(dialect.lacks);
        let headers = needs.chain(dialect.columns.iter().flat_map(|column| column.names));
        for header in headers {
            assert_eq!(fold(header), **header, "{}", dialect.name);
        }
    }
}

#[test]
fn no_header_of_a_dialect_holds_two_things() {
    for dialect in all() {
        let mut seen = BTreeSet::new();
        for name in dialect.columns.iter().flat_map(|column| column.names) {
            assert!(seen.insert(name), "{}: {name}", dialect.name);
        }
    }
}

#[test]
fn every_dialect_that_is_read_holds_a_number_and_says_whose() {
    for dialect in all().filter(|dialect| dialect.refused.is_none()) {
        let numbers = dialect.columns.iter().any(|column| matches!(column.role, Role::Metric(_) | Role::Titled));
        assert!(numbers, "{}", dialect.name);
        if dialect.about == About::Days {
            assert!(dialect.columns.iter().any(|column| column.role == Role::Day), "{}", dialect.name);
        }
    }
}
