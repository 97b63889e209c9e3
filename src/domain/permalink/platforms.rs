//! How each platform writes its posts. Facts about addresses, seen in exports and address bars; nothing is fetched.
//!
//! An id keeps the kind of thing that it is the id of where a platform counts them apart: LinkedIn's activity 7 is not
//! its share 7.

use super::address::Address;

/// The name by the rule of the platform whose host this is.
pub(super) fn of_address(address: &Address<'_>) -> Option<String> {
    let segments = address.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match platform_of(&address.host)? {
        "x" => x(&parts),
        "instagram" => instagram(&parts),
        "facebook" => facebook(&parts, address),
        "linkedin" => linkedin(&parts),
        "tiktok" => tiktok(&parts),
        "youtube" => youtube(&parts, address),
        "pinterest" => pinterest(&parts),
        "threads" => threads(&parts),
        "bluesky" => bluesky(&parts),
        "reddit" => reddit(&parts),
        _ => mastodon(&address.host, &parts),
    }
}

/// Platform and account of an address that is an account's own page. It may as well be a page of the platform itself,
/// which no export names.
pub(super) fn of_account(address: &Address<'_>) -> Option<(&'static str, String)> {
    let segments = address.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let platform = platform_of(&address.host)?;
    let account = match (platform, &parts[..]) {
        ("instagram" | "x" | "pinterest", [account]) => account,
        ("facebook", [account]) if !account.contains('.') => account,
        ("tiktok" | "threads" | "youtube", [account]) if account.starts_with('@') => account,
        ("linkedin", ["in" | "company" | "showcase", account]) => account,
        ("bluesky", ["profile", account]) => account,
        _ => return None,
    };
    Some((platform, (*account).to_owned()))
}

/// By the host, or the one it is below; never by a part of a name.
fn platform_of(host: &str) -> Option<&'static str> {
    const HOSTS: [(&str, &str); 18] = [
        ("x.com", "x"),
        ("twitter.com", "x"),
        ("instagram.com", "instagram"),
        ("instagr.am", "instagram"),
        ("facebook.com", "facebook"),
        ("linkedin.com", "linkedin"),
        ("tiktok.com", "tiktok"),
        ("youtube.com", "youtube"),
        ("youtu.be", "youtu.be"),
        ("youtube-nocookie.com", "youtube"),
        ("threads.net", "threads"),
        ("threads.com", "threads"),
        ("bsky.app", "bluesky"),
        ("reddit.com", "reddit"),
        ("redd.it", "redd.it"),
        ("vm.tiktok.com", "short"),
        ("l.instagram.com", "short"),
        ("l.facebook.com", "short"),
    ];
    let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if pinterest_host(host) {
        return Some("pinterest");
    }
    let known = HOSTS.iter().filter(|(domain, _)| is_below(domain)).max_by_key(|(domain, _)| domain.len());
    match known.map(|(_, platform)| *platform) {
        Some("youtu.be") => Some("youtube"),
        Some("redd.it") => Some("reddit"),
        Some("short") => None,
        Some(platform) => Some(platform),
        None => Some("elsewhere"),
    }
}

/// `pinterest.com`, `se.pinterest.com`, `pinterest.co.uk`.
fn pinterest_host(host: &str) -> bool {
    let mut labels = host.split('.').skip_while(|label| *label != "pinterest");
    labels.next().is_some() && (1..=2).contains(&labels.clone().count()) && labels.all(|label| label.len() <= 3)
}

fn x(parts: &[&str]) -> Option<String> {
    let at = parts.iter().position(|part| matches!(*part, "status" | "statuses"))?;
    digits(parts.get(at + 1)?).map(|id| format!("x:{id}")).filter(|_| (1..=2).contains(&at))
}

fn instagram(parts: &[&str]) -> Option<String> {
    match parts {
        ["stories", user, id, ..] if *user != "highlights" => digits(id).map(|id| format!("ig-story:{id}")),
        ["p" | "reel" | "reels" | "tv", code, ..] | [_, "p" | "reel" | "reels" | "tv", code, ..] => {
            code_of(code, 5..=64).map(|code| format!("ig:{code}"))
        }
        _ => None,
    }
}

/// Numbers and `pfbid` strings as they stand: the one does not contain the other.
fn facebook(parts: &[&str], address: &Address<'_>) -> Option<String> {
    let asked = |name: &str| address.query(name);
    let id = match parts {
        ["photo.php" | "photo"] => asked("fbid"),
        ["permalink.php" | "story.php"] => asked("story_fbid"),
        ["watch" | "video.php"] => asked("v"),
        ["reel", id, ..] | ["groups", _, "posts" | "permalink", id, ..] => Some((*id).to_owned()),
        [_, "posts" | "videos" | "photos" | "reels", rest @ ..] => rest.last().map(|id| (*id).to_owned()),
        _ => None,
    }?;
    facebook_id(&id)
}

/// Also `PAGE_POST`, as exports of page insights write it.
fn facebook_id(id: &str) -> Option<String> {
    if let Some(rest) = id.strip_prefix("pfbid") {
        return code_of(rest, 8..=200).map(|_| format!("fb:{id}"));
    }
    let post = id.split_once('_').map_or(id, |(page, post)| if digits(page).is_some() { post } else { id });
    digits(post).filter(|id| id.len() >= 5).map(|id| format!("fb:{id}"))
}

fn linkedin(parts: &[&str]) -> Option<String> {
    match parts {
        ["feed", "update", urn, ..] | ["embed", "feed", "update", urn, ..] => linkedin_urn(urn),
        ["posts", text, ..] => linkedin_slug(text),
        _ => None,
    }
}

/// `urn:li:share:7`, of the three kinds of posts.
fn linkedin_urn(urn: &str) -> Option<String> {
    let (kind, id) = urn.strip_prefix("urn:li:")?.split_once(':')?;
    let kind = LINKEDIN_KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind))?;
    digits(id).map(|id| format!("li:{kind}:{id}"))
}

const LINKEDIN_KINDS: [&str; 3] = ["activity", "share", "ugcPost"];

/// `jane_some-words-activity-7-hash`.
fn linkedin_slug(text: &str) -> Option<String> {
    let of_kind = |kind: &&str| {
        let (_, rest) = text.rsplit_once(&format!("-{kind}-"))?;
        let id = rest.split('-').next()?;
        digits(id).filter(|id| id.len() >= 15).map(|id| format!("li:{kind}:{id}"))
    };
    LINKEDIN_KINDS.iter().find_map(of_kind)
}

fn tiktok(parts: &[&str]) -> Option<String> {
    let id = match parts {
        [user, "video" | "photo", id, ..] if user.starts_with('@') => id,
        ["v", page] => page.strip_suffix(".html")?,
        ["embed", "v2", id, ..] | ["embed" | "player", id, ..] => id,
        _ => return None,
    };
    digits(id).map(|id| format!("tiktok:{id}"))
}

fn youtube(parts: &[&str], address: &Address<'_>) -> Option<String> {
    let id = match parts {
        ["watch"] => address.query("v")?,
        ["shorts" | "live" | "embed" | "v" | "video", id, ..] => (*id).to_owned(),
        [id] if address.host == "youtu.be" => (*id).to_owned(),
        _ => return None,
    };
    code_of(&id, 11..=11).map(|id| format!("youtube:{id}"))
}

fn pinterest(parts: &[&str]) -> Option<String> {
    let ["pin", pin, ..] = parts else { return None };
    digits(pin.rsplit("--").next()?).map(|id| format!("pin:{id}"))
}

fn threads(parts: &[&str]) -> Option<String> {
    match parts {
        [user, "post", code, ..] if user.starts_with('@') => code_of(code, 5..=64),
        ["t", code, ..] => code_of(code, 5..=64),
        _ => None,
    }
    .map(|code| format!("threads:{code}"))
}

/// The key of a post holds the microsecond of its writing, so it names the post also after its author is renamed.
fn bluesky(parts: &[&str]) -> Option<String> {
    let ["profile", _, "post", key, ..] = parts else { return None };
    bluesky_key(key)
}

fn bluesky_key(key: &str) -> Option<String> {
    let is_key = key.len() == 13 && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    is_key.then(|| format!("bsky:{key}"))
}

fn reddit(parts: &[&str]) -> Option<String> {
    let id = match parts {
        ["r" | "user", _, "comments", id, ..] | ["comments", id, ..] | [id] => id,
        _ => return None,
    };
    let is_id =
        (5..=10).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    is_id.then(|| format!("reddit:{id}"))
}

/// Any host can be one of the fediverse; its posts have two addresses.
fn mastodon(host: &str, parts: &[&str]) -> Option<String> {
    let id = match parts {
        [user, id] if user.starts_with('@') => id,
        ["users", _, "statuses", id] => id,
        _ => return None,
    };
    digits(id).filter(|id| id.len() >= 15).map(|id| format!("mastodon:{host}/{id}"))
}

/// Ids that carry their kind, and the names themselves.
pub(super) fn of_urn(text: &str) -> Option<String> {
    if let Some(path) = text.strip_prefix("at://") {
        let mut parts = path.split('/');
        return parts.nth(2).and_then(bluesky_key);
    }
    linkedin_urn(text).or_else(|| linkedin_urn(&text.replace("%3A", ":").replace("%3a", ":")))
}

/// What a platform's exports write in their column of ids.
pub(super) fn of_bare_id(platform: &str, text: &str) -> Option<String> {
    match platform {
        "x" | "twitter" => digits(text).map(|id| format!("x:{id}")),
        "facebook" => facebook_id(text),
        "instagram" => digits(text).filter(|id| id.len() >= 15).map(|id| format!("ig-id:{id}")),
        "tiktok" => digits(text).map(|id| format!("tiktok:{id}")),
        "youtube" => code_of(text, 11..=11).map(|id| format!("youtube:{id}")),
        "pinterest" => digits(text).map(|id| format!("pin:{id}")),
        _ => None,
    }
}

/// A whole number as text: ids have more digits than a number type of a spreadsheet keeps.
fn digits(text: &str) -> Option<&str> {
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.trim_start_matches('0')).filter(|id| !id.is_empty()).map(|_| text)
}

/// Letters, digits, `-` and `_`, so many of them. Case matters.
fn code_of(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<&str> {
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (length.contains(&text.len()) && text.bytes().all(is_code)).then_some(text)
}
