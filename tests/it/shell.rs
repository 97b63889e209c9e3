//! What the program says of its own command line: completions and manual pages.

use std::fs;

use crate::support::app::offline;

#[test]
fn completions_for_each_shell_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = offline(&["completions", shell], b"").ok();
        for command in ["serve", "link", "export", "reclassify"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
        assert!(!script.contains("parse-impressions"), "{shell} completes a command that is not for people");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man1");
    offline(&["man", man.to_str().unwrap()], b"").ok();
    for name in ["waypost.1", "waypost-serve.1", "waypost-link-add.1", "waypost-export-clicks.1"] {
        let page = fs::read_to_string(man.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH SYNOPSIS") || page.contains(".SH NAME"), "{name} is no manual page");
    }
    assert!(!man.join("waypost-parse-impressions.1").exists());
    let refused = offline(&["man", "/dev/null/x"], b"");
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("cannot write manual pages into /dev/null/x"), "{}", refused.stderr);
}
