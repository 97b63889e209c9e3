//! When two ways to write a post mean the same post: the one name for each, `x:20`, `ig:CxYz`, `li:activity:7`. Pure.
//!
//! It must never guess: what is not plainly the same post stays different, because a wrong match would divide clicks
//! by somebody else's impressions. A name is its own name, so that old names can be read again by newer rules.

mod address;
mod platforms;

use crate::domain::placement::PostRef;

use self::address::Address;

/// The name of a post by its id or permalink, as people and exports write it. `platform` (`instagram`, `x`, …; empty
/// when nobody knows) says whose a bare id is.
///
/// `None` for an empty text, and for a name longer than [`PostRef::BYTES_MAX`].
pub(crate) fn name(platform: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let name = match Address::parse(text) {
        Some(address) => platforms::of_address(&address)
            .or_else(|| platforms::of_account(&address).map(|(platform, account)| profile(platform, &account)))
            .unwrap_or_else(|| address.canonical()),
        None => of_id(platform, text),
    };
    PostRef::parse(&name).ok().map(|_| name)
}

/// The names of a post by everything that may name it; each once, in the order of the texts.
pub(crate) fn names<'a>(platform: &str, texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names = Vec::new();
    for name in texts.into_iter().filter_map(|text| name(platform, text)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The name of an account, on which level `profile` is counted. Without an account: of the one the platform has here.
pub(crate) fn profile(platform: &str, account: &str) -> String {
    let account = account.trim().trim_start_matches('@').to_lowercase();
    if account.is_empty() { format!("{platform}:profile") } else { format!("{platform}:profile:{account}") }
}

/// Ids that say themselves what they are first, then bare ones.
fn of_id(platform: &str, text: &str) -> String {
    let bare = || platforms::of_bare_id(platform, text);
    platforms::of_urn(text).or_else(bare).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests;
