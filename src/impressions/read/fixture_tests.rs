//! Every file of `tests/fixtures/impressions` and what is read of it. A file `NAME` is read as `NAME.read` says; with
//! `WAYPOST_WRITE_FIXTURES=1` these are written anew, to be looked at as a change.

use std::path::PathBuf;

use super::tests::{brief, options};
use super::*;
use crate::impressions::reading::PlatformPost;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/impressions"))
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// All that is read of a file, as text.
fn told(bytes: Vec<u8>) -> String {
    match read(bytes, &options()) {
        Ok(contents) => {
            let passed = contents.passed_over.iter().map(|part| format!("left out {}: {}\n", part.name, part.reason));
            contents.tables.iter().map(of_table).chain(passed).collect()
        }
        Err(refusal) => {
            let rows = refusal.rows.first.iter().map(|row| format!("row {}: {}\n", row.row, row.message));
            std::iter::once(format!("refused: {}\n", refusal.message)).chain(rows).collect()
        }
    }
}

fn of_table(table: &Table) -> String {
    let (file, report) = (&table.file, &table.report);
    let mut lines = vec![format!("table {:?} {} by {}", table.name, file.dialect, report.grains.join(" and "))];
    lines.push(format!(
        "  days {:?} as of {:?} zone {:?} currency {:?}",
        file.period, file.as_of, file.zone, file.currency
    ));
    lines.extend(file.posts.iter().map(of_post));
    lines.extend(file.slices.iter().skip(1).map(|slice| format!("  slice {slice:?}")));
    lines.extend(brief(file).into_iter().map(|line| format!("  {line}")));
    lines.push(format!("  ignored {}", report.ignored.join(", ")));
    lines.extend(report.warnings.iter().map(|warning| format!("  warning {warning}")));
    lines.extend(
        report.skipped.first.iter().map(|skipped| format!("  skipped row {}: {}", skipped.row, skipped.reason)),
    );
    lines.into_iter().map(|line| line + "\n").collect()
}

fn of_post(post: &PlatformPost) -> String {
    let mut words = vec![format!("  post {} {}: {}", post.platform, post.level, post.names.join(" "))];
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            words.push(format!("{name} {value:?}"));
        }
    };
    say("account", post.account.as_deref().unwrap_or_default());
    say("text", &post.text);
    say("published", post.published.as_deref().unwrap_or_default());
    say("format", post.format.as_deref().unwrap_or_default());
    say("campaign", post.campaign.as_deref().unwrap_or_default());
    say("ad set", post.ad_set.as_deref().unwrap_or_default());
    say("ad", post.ad.as_deref().unwrap_or_default());
    say("mentions", &post.mentions.join(" "));
    say("urls", &post.urls.join(" "));
    say("ids", &post.ids.join(" "));
    words.join(", ")
}

/// The names of all fixtures, without what is read of them.
pub(crate) fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter(|name| !name.ends_with(".read")).collect();
    names.sort();
    names
}

#[test]
fn every_fixture_is_read_as_it_was() {
    let mut wrong = Vec::new();
    for name in names() {
        let (told, expected) = (told(fixture(&name)), folder().join(format!("{name}.read")));
        if std::env::var_os("WAYPOST_WRITE_FIXTURES").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != told {
            wrong.push(format!("{name}:\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
