//! What uap-core's names mean in Waypost's words, and which of them tell a class of device.
//!
//! Waypost names a browser and an app by what people call it, uap-core by the program: `Chrome Mobile` and `Chrome`
//! are one. The map is in `families.tsv`; a family that is not there means itself.

use super::cases::Case;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    System,
    Browser,
}

const MAP: &str = include_str!("families.tsv");

/// Whether `ours` is a name that stands for `family`.
pub(super) fn same(kind: Kind, family: &str, ours: &str) -> bool {
    let word = if kind == Kind::System { "system" } else { "browser" };
    let rows = MAP.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()?, cells.next()?))
    });
    let mut meant = rows.filter(|(kind, theirs, _)| *kind == word && *theirs == family).peekable();
    if meant.peek().is_none() {
        return ours.eq_ignore_ascii_case(family);
    }
    meant.any(|(_, _, names)| names.split('|').any(|name| name == ours || (name == "-" && ours.is_empty())))
}

/// A family that says "something else" names nothing to compare with, and programs have no browser.
pub(super) fn is_comparable(family: &str) -> bool {
    family != "Other" && !is_program(family)
}

/// Whether a browser family of uap-core is a crawler, a fetcher or a library by its name.
pub(super) fn is_program(family: &str) -> bool {
    const SIGNS: [&str; 14] = [
        "bot", "spider", "crawl", "sdk", "http", "curl", "wget", "python", "java", "monitor", "preview", "fetch",
        "scan", "library",
    ];
    let family = family.to_ascii_lowercase();
    SIGNS.iter().any(|sign| family.contains(sign))
}

/// Phones and tablets are handheld, Macs and PCs are not; televisions, consoles and watches tell nothing here.
pub(super) fn is_handheld_device(case: &Case) -> Option<bool> {
    const NEITHER: [&str; 22] = [
        "tv",
        "inettv",
        "netcast",
        "roku",
        "chromecast",
        "playstation",
        "xbox",
        "nintendo",
        "wii",
        "watch",
        "spider",
        "other",
        "box",
        "dream multimedia",
        "kaleidescape",
        "homepod",
        "tesla",
        "glass",
        "quest",
        "oculus",
        "stick",
        "set-top",
    ];
    let (family, brand) = (case.family.to_ascii_lowercase(), case.brand.to_ascii_lowercase());
    if family == "mac" {
        return Some(false);
    }
    let tells_nothing = brand.is_empty() || NEITHER.iter().any(|word| family.contains(word) || brand.contains(word));
    (!tells_nothing).then_some(true)
}

/// Where the device is not told, the system tells most of it.
pub(super) fn is_handheld_system(family: &str) -> Option<bool> {
    match family {
        "iOS" | "Windows Phone" | "Windows Mobile" | "Symbian OS" | "BlackBerry OS" | "Firefox OS" | "KaiOS" => {
            Some(true)
        }
        "Windows" | "Mac OS X" | "Ubuntu" | "Chrome OS" | "FreeBSD" | "OpenBSD" | "NetBSD" | "Fedora" | "Debian"
        | "Gentoo" | "Solaris" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_means_what_the_map_says_or_itself() {
        assert!(same(Kind::Browser, "Chrome Mobile", "Chrome"));
        assert!(same(Kind::Browser, "Firefox", "Firefox"));
        assert!(!same(Kind::Browser, "Firefox", "Chrome"));
        assert!(same(Kind::System, "Mac OS X", "macOS"));
        assert!(!same(Kind::System, "Mac OS X", ""));
    }

    #[test]
    fn every_row_of_the_map_is_whole() {
        for line in MAP.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split('\t').collect();
            assert!(cells.len() == 3 && matches!(cells[0], "system" | "browser"), "{line:?}");
        }
    }
}
