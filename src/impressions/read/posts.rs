//! The posts of a table: each once, by all the names that its rows give it.
//!
//! Pure. It must never take two posts for one because their texts are alike.

use std::collections::HashMap;

use super::bind::Bound;
use super::words;
use crate::domain::permalink;
use crate::domain::placement::Level;
use crate::impressions::dialects::{Role, Subject};
use crate::impressions::reading::PlatformPost;

/// The longest name of a post and the longest word about it, in bytes; longer ones are refused or cut.
const NAME_BYTES_MAX: usize = 512;
const WORD_CHARS_MAX: usize = 200;

/// The posts found so far.
#[derive(Default)]
pub(super) struct Posts {
    pub(super) all: Vec<PlatformPost>,
    /// By the cells that name them, so that most rows of a daily file need one look.
    by_cells: HashMap<Box<str>, u32>,
    by_name: HashMap<Box<str>, u32>,
    /// Made anew for each row, kept for its memory.
    cells: String,
}

/// The cells of a row, by role.
pub(super) type Cells<'a> = dyn Fn(Role) -> Vec<&'a str> + 'a;

/// Roles that tell one post from another.
const NAMING: [Role; 11] = [
    Role::Id,
    Role::Permalink,
    Role::Post,
    Role::Link,
    Role::Platform,
    Role::Account,
    Role::Campaign,
    Role::AdSet,
    Role::Ad,
    Role::OtherId,
    Role::Format,
];

/// What is known of all posts of a table.
pub(super) struct Whose<'a> {
    /// The platform, when rows don't say.
    pub(super) platform: &'a str,
    pub(super) account: Option<&'a str>,
    /// Instants of posts without an offset are of this zone.
    pub(super) published: &'a dyn Fn(&str) -> Option<String>,
}

impl Posts {
    /// The post of a row.
    ///
    /// # Errors
    /// In words, when the row names none.
    pub(super) fn of_row(
        &mut self,
        bound: &Bound,
        naming: &[usize],
        row: &crate::impressions::table::Row<'_>,
        cells: &Cells<'_>,
        whose: &Whose<'_>,
    ) -> Result<u32, String> {
        self.cells.clear();
        for column in naming {
            self.cells.push_str(row.get(*column));
            self.cells.push('\0');
        }
        if let Some(known) = self.by_cells.get(self.cells.as_str()) {
            return Ok(*known);
        }
        let post = describe(bound, cells, whose)?;
        let index = self.intern(post)?;
        self.by_cells.insert(self.cells.as_str().into(), index);
        Ok(index)
    }

    fn intern(&mut self, post: PlatformPost) -> Result<u32, String> {
        let key = post.names.first().ok_or("the row names no post")?.as_str();
        if let Some(known) = self.by_name.get(key) {
            return Ok(*known);
        }
        if self.all.len() >= super::POSTS_MAX {
            return Err(format!("the table names more than {} posts: split it by date", super::POSTS_MAX));
        }
        let index = self.all.len() as u32;
        self.by_name.insert(key.into(), index);
        self.all.push(post);
        Ok(index)
    }
}

/// The columns that tell posts apart.
pub(super) fn naming(block: &[(usize, Role)]) -> Vec<usize> {
    block.iter().filter(|(_, role)| NAMING.contains(role)).map(|(column, _)| *column).collect()
}

fn describe(bound: &Bound, cells: &Cells<'_>, whose: &Whose<'_>) -> Result<PlatformPost, String> {
    let dialect = bound.dialect;
    let one = |role| cells(role).into_iter().find(|cell| !cell.is_empty());
    let word = |role| one(role).map(words::beginning);
    let platform = one(Role::Platform).map_or_else(|| whose.platform.to_owned(), platform_named);
    let format = one(Role::Format).map(|cell| words::beginning(cell).to_lowercase());
    let account = one(Role::Account).or(whose.account).map(|cell| cell.chars().take(WORD_CHARS_MAX).collect());
    let mut post = PlatformPost {
        level: dialect.level,
        account,
        permalink: one(Role::Permalink).filter(|cell| cell.len() <= NAME_BYTES_MAX).map(str::to_owned),
        published: one(Role::Published).and_then(|cell| (whose.published)(cell)),
        campaign: word(Role::Campaign),
        ad_set: word(Role::AdSet),
        ad: word(Role::Ad),
        ids: cells(Role::OtherId).into_iter().filter(|cell| !cell.is_empty()).map(words::beginning).collect(),
        urls: urls(cells),
        text: one(Role::Text).map(words::beginning).unwrap_or_default(),
        platform,
        format,
        ..PlatformPost::default()
    };
    cells(Role::Text).into_iter().for_each(|text| words::mentions(text, &mut post.mentions));
    if is_story(&post) {
        post.level = Level::Story;
    }
    post.names = names(dialect.subject, &post, cells)?;
    if post.permalink.is_none() {
        post.permalink = one(Role::Post).filter(|cell| cell.contains("://")).map(str::to_owned);
    }
    Ok(post)
}

/// `Instagram Reels` is not a platform; `X (Twitter)` is.
fn platform_named(cell: &str) -> String {
    let first: String = cell.to_lowercase().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    match first.as_str() {
        "twitter" => "x".to_owned(),
        "fb" => "facebook".to_owned(),
        "ig" => "instagram".to_owned(),
        _ => first.chars().take(32).collect(),
    }
}

fn is_story(post: &PlatformPost) -> bool {
    let words = ["story", "stories", "h\u{e4}ndelse", "hist\u{f3}ria", "historia"];
    let says = post.format.as_deref().is_some_and(|format| words.iter().any(|word| format.contains(word)));
    says || post.permalink.as_deref().is_some_and(|link| link.contains("instagram.com/stories/"))
}

/// Destinations; parameters that the platform adds at the time of the click are added here too.
fn urls(cells: &Cells<'_>) -> Vec<String> {
    let parameters = cells(Role::UrlParameters).into_iter().find(|cell| !cell.is_empty());
    let with = |url: &str| match parameters {
        Some(parameters) => format!("{url}{}{parameters}", if url.contains('?') { '&' } else { '?' }),
        None => url.to_owned(),
    };
    let found = cells(Role::Url).into_iter().filter(|url| !url.is_empty() && !matches!(*url, "-" | "--"));
    found.map(with).filter(|url| url.len() <= 4 * NAME_BYTES_MAX).collect()
}

fn names(subject: Subject, post: &PlatformPost, cells: &Cells<'_>) -> Result<Vec<String>, String> {
    let one = |role| cells(role).into_iter().find(|cell| !cell.is_empty());
    let found: Vec<Option<String>> = match subject {
        Subject::Account => vec![Some(permalink::profile(&post.platform, post.account.as_deref().unwrap_or_default()))],
        Subject::Ad { prefix } => vec![Some(of_ad(prefix, post, one(Role::Id))?)],
        Subject::Post { prefix, id_first } => {
            let named = |text| permalink::name(&post.platform, text);
            let id = one(Role::Id).map(undamaged).transpose()?;
            let id = id.and_then(|id| if prefix.is_empty() { named(id) } else { Some(format!("{prefix}:{id}")) });
            let link = one(Role::Link).map(|link| format!("link:{link}"));
            let address = one(Role::Permalink).and_then(named);
            let either = one(Role::Post).map(undamaged).transpose()?.and_then(named);
            if id_first { vec![link, id, address, either] } else { vec![link, address, either, id] }
        }
    };
    let mut names: Vec<String> = Vec::new();
    for name in found.into_iter().flatten() {
        if name.len() > NAME_BYTES_MAX {
            let start: String = name.chars().take(40).collect();
            return Err(format!("{start:?}\u{2026} is longer than {NAME_BYTES_MAX} bytes"));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        let is_long = [Role::Id, Role::Permalink, Role::Post].into_iter().any(|role| one(role).is_some());
        let long = format!("the row has neither an id nor a permalink of at most {NAME_BYTES_MAX} bytes");
        return Err(if is_long { long } else { "the row names no post".to_owned() });
    }
    Ok(names)
}

/// By its id, or by what people called it.
fn of_ad(prefix: &str, post: &PlatformPost, id: Option<&str>) -> Result<String, String> {
    if let Some(id) = id {
        return Ok(format!("{prefix}:{}", undamaged(id)?));
    }
    let words: Vec<&str> = [&post.campaign, &post.ad_set, &post.ad].into_iter().flatten().map(String::as_str).collect();
    if words.is_empty() {
        return Err("the row names no campaign, ad set or ad".to_owned());
    }
    let name = format!("{prefix}:{}", words.join(" / "));
    Ok(name.chars().take(NAME_BYTES_MAX / 4).collect())
}

/// An id that a spreadsheet took for a number and rounded, such as `1.22158E+17`, is no id any more.
fn undamaged(id: &str) -> Result<&str, String> {
    let is_damaged = id.split_once(['E', 'e']).is_some_and(|(digits, power)| {
        let all = |text: &str, more: &[char]| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || more.contains(&c))
        };
        power.strip_prefix('+').is_some_and(|power| all(power, &[])) && all(digits, &['.', ','])
    });
    if is_damaged {
        return Err(format!("the id {id:?} was rounded by a spreadsheet: take the file as it was downloaded"));
    }
    Ok(id)
}
