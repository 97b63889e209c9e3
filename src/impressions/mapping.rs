//! A column mapping: somebody's word on which column of an unknown file holds what.
//!
//! It must never be partly true: a column that the mapping names and the file does not have refuses the file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::impressions::dialects::{Role, fold};

/// The most columns of a mapping.
const COLUMNS_MAX: usize = 64;

/// Roles and the headers of the columns that hold them, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mapping {
    pub(crate) columns: Vec<(Role, String)>,
}

impl Mapping {
    /// Reads `post=URL,date=Day,views=Views`. A header may hold a comma as long as what follows it is no role and `=`.
    ///
    /// # Errors
    /// In words, with the words there are.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut columns: Vec<(Role, String)> = Vec::new();
        for part in text.split(',') {
            let named = part.split_once('=').map(|(word, header)| (word.trim(), header));
            match named.and_then(|(word, header)| Some((Role::parse(word)?, header))) {
                Some((role, header)) => columns.push((role, header.to_owned())),
                None => match columns.last_mut() {
                    Some((_, header)) if !part.contains('=') => {
                        header.push(',');
                        header.push_str(part);
                    }
                    _ => return Err(unknown(part)),
                },
            }
        }
        if columns.len() > COLUMNS_MAX {
            return Err(format!("a mapping names at most {COLUMNS_MAX} columns"));
        }
        columns.iter_mut().for_each(|(_, header)| *header = fold(header));
        Ok(Self { columns })
    }

    /// A mapping of headers as a file writes them.
    pub(crate) fn of(columns: impl IntoIterator<Item = (Role, String)>) -> Self {
        let folded = columns.into_iter().map(|(role, header)| (role, fold(&header)));
        Self { columns: folded.take(COLUMNS_MAX).collect() }
    }

    /// Whether a header row has all of its columns; both are folded.
    pub(crate) fn fits(&self, headers: &[String]) -> bool {
        self.columns.iter().all(|(_, header)| headers.contains(header))
    }
}

/// As [`Mapping::parse`] reads it.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (role, header)) in self.columns.iter().enumerate() {
            write!(f, "{}{}={header}", if at == 0 { "" } else { "," }, role.word())?;
        }
        Ok(())
    }
}

fn unknown(part: &str) -> String {
    let part: String = part.chars().take(60).collect();
    format!(
        "{part:?} maps no column: write what it holds, =, and its header, as in post=URL,date=Day,views=Views; \
         columns hold post, link, id, permalink, date, from, to, period, platform, account, text, published, format, \
         campaign, ad_set, ad, url, currency, impressions, views, reach, profile_visits, story_views, delivered, \
         clicks_all, clicks_link, clicks_outbound, clicks_destination, spend, ctr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_with_commas_in_headers() {
        let mapping = Mapping::parse("post=URL, views=Reactions, Comments and Shares,date=D\u{ed}a ").unwrap();
        let text = |header: &str| header.to_owned();
        let words: Vec<_> = mapping.columns.iter().map(|(role, header)| (role.word(), header.clone())).collect();
        let expected = [("post", "url"), ("views", "reactions, comments and shares"), ("date", "d\u{ed}a")];
        assert_eq!(words, expected.map(|(role, header)| (text(role), text(header))));
        assert!(mapping.fits(&["d\u{ed}a", "url", "x", "reactions, comments and shares"].map(text)));
        assert!(!mapping.fits(&["url", "d\u{ed}a"].map(text)));
    }

    #[test]
    fn a_word_that_is_no_role_is_named_with_those_that_are() {
        for wrong in ["", "post", "shoes=URL", "post=URL,shoes=Size"] {
            let refused = Mapping::parse(wrong).unwrap_err();
            assert!(refused.contains("post=URL") && refused.contains("views"), "{refused}");
        }
    }
}
