//! Names that stand for a source: exact ones, and hosts with everything below them.
//!
//! Compared whole or label by label, never as a piece of text: `notfacebook.com` is not Facebook.

use compact_str::CompactString;
use hashbrown::HashMap;

/// Names to sources. The keys are the tables', so a stranger's text can be looked up but never collide on purpose.
#[derive(Debug)]
pub(super) struct Names(HashMap<CompactString, CompactString>);

impl Names {
    /// Of two rows for one name the first counts.
    pub(super) fn of<'t>(rows: impl Iterator<Item = [&'t str; 2]>) -> Self {
        let mut names = HashMap::new();
        for [name, source] in rows {
            names.entry(CompactString::from(name)).or_insert_with(|| CompactString::from(source));
        }
        Self(names)
    }

    /// The source of exactly this name.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        if name.is_empty() { None } else { self.0.get(name).map(CompactString::as_str) }
    }

    /// The source of this host or of the nearest host above it.
    pub(super) fn find_host(&self, host: &str) -> Option<&str> {
        let mut rest = Some(host);
        while let Some(host) = rest {
            if let Some(source) = self.find(host) {
                return Some(source);
            }
            rest = host.split_once('.').map(|(_, above)| above);
        }
        None
    }
}

/// In lower case. Nearly every text is ASCII, and for those this is ten times faster than the general way.
pub(super) fn lower(text: &str) -> CompactString {
    if !text.is_ascii() {
        return CompactString::from_str_to_lowercase(text);
    }
    let mut lower = CompactString::from(text);
    lower.make_ascii_lowercase();
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_by_its_labels_never_by_its_letters() {
        let names =
            Names::of([["facebook.com", "facebook"], ["news.google.com", "googlenews"], ["t.co", "x"]].into_iter());
        assert_eq!(names.find_host("l.facebook.com"), Some("facebook"));
        assert_eq!(names.find_host("news.google.com"), Some("googlenews"));
        assert_eq!(names.find_host("notfacebook.com"), None);
        assert_eq!(names.find_host("microsoft.com"), None);
        assert_eq!(names.find_host(""), None);
    }
}
