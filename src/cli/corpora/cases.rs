//! The files of the corpora, as far as the comparison needs them.
//!
//! uap-core's test files are YAML of one plain shape: a list of maps of scalars. Only that shape is read; anything
//! else is an error with its line, never a guess.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// One case of uap-core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) user_agent: String,
    pub(super) family: String,
    pub(super) brand: String,
}

/// The instances of every pattern of crawler-user-agents.
pub(super) fn crawlers(path: &Path) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Pattern {
        instances: Vec<String>,
    }
    let patterns: Vec<Pattern> =
        serde_json::from_str(&text(path)?).with_context(|| format!("cannot understand {}", path.display()))?;
    Ok(patterns.into_iter().flat_map(|pattern| pattern.instances).collect())
}

/// The cases of one test file of uap-core.
pub(super) fn uap(path: &Path) -> anyhow::Result<Vec<Case>> {
    parse(&text(path)?).with_context(|| format!("cannot understand {}", path.display()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "test_cases:" {
            continue;
        }
        let (is_new, pair) = line.strip_prefix("- ").map_or((false, line), |pair| (true, pair));
        let (key, value) = pair.split_once(':').with_context(|| format!("line {} has no key", number + 1))?;
        if is_new {
            cases.push(Case::default());
        }
        let case = cases.last_mut().with_context(|| format!("line {} belongs to no case", number + 1))?;
        match key.trim() {
            "user_agent_string" => case.user_agent = scalar(value),
            "family" => case.family = scalar(value),
            "brand" => case.brand = scalar(value),
            _ => {}
        }
    }
    Ok(cases)
}

/// A scalar without its quotes: `'it''s'`, `"a\"b"` or plain.
fn scalar(text: &str) -> String {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    if let Some(single) = inside('\'') {
        return single.replace("''", "'");
    }
    match inside('"') {
        Some(double) => double.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_with_either_quote_and_without() {
        let text = "test_cases:\n\n  # a remark\n  - user_agent_string: 'it''s: one'\n    family: \"a\\\"b\"\n    brand: Plain\n    \
                    major:\n  - user_agent_string: two\n    family: 'F'\n";
        let cases = parse(text).unwrap();
        assert_eq!(cases.len(), 2);
        assert_eq!(
            (cases[0].user_agent.as_str(), cases[0].family.as_str(), cases[0].brand.as_str()),
            ("it's: one", "a\"b", "Plain")
        );
        assert_eq!(cases[1].family, "F");
    }

    #[test]
    fn what_is_not_of_that_shape_is_refused_with_its_line() {
        assert!(parse("    family: 'x'\n").unwrap_err().to_string().contains("line 1"));
        assert!(parse("- user_agent_string: 'x'\nnonsense\n").unwrap_err().to_string().contains("line 2"));
    }
}
