//! From the cells of one row to a link that may be made. Pure; what cannot be read is said, never guessed.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

use super::source::{Field, NAMES, Source, own_names, plain};
use super::table::{Row, SEVERAL};
use crate::domain::link::Status;
use crate::domain::spreadsheet::unguarded;
use crate::links::{Change, LinkFields, UtmFields};

/// The longest title that a link has, and the longest tag; longer ones are cut, because a long title elsewhere is no
/// reason to lose a link.
const TITLE_CHARS_MAX: usize = 255;
const TAG_CHARS_MAX: usize = 64;
const TAGS_MAX: usize = 50;

/// How the files of one tool are read.
pub(super) struct Reader {
    source: Source,
    names: HashMap<String, (Field, usize)>,
    is_csv: bool,
}

/// A link as a file tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moving {
    pub(super) number: u64,
    /// As the file has it, for people.
    pub(super) slug: String,
    /// The host of its short URL, if the file tells it.
    pub(super) host: Option<String>,
    pub(super) fields: LinkFields,
    pub(super) created_at: Option<Timestamp>,
    pub(super) clicks: Option<u64>,
    /// The tool that counted them, where it is not the one that wrote the file.
    pub(super) from: Option<Source>,
    /// What the file says of it and Waypost has not.
    pub(super) left_out: Vec<&'static str>,
}

/// A row that cannot be a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) number: u64,
    pub(super) slug: String,
    pub(super) message: String,
}

impl Reader {
    pub(super) fn new(source: Source, is_csv: bool) -> Self {
        let own = own_names(source);
        let usual = NAMES.iter().filter(|(field, _)| own.iter().all(|(other, _)| other != field));
        let all = own
            .iter()
            .chain(usual)
            .flat_map(|(field, names)| names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), (*field, at))));
        Self { source, names: all.collect(), is_csv }
    }

    /// # Errors
    /// When it leads nowhere, has no slug, or is of a kind that would do something else here.
    pub(super) fn read(&self, row: &Row) -> Result<Moving, Refused> {
        let cells = self.cells(row);
        let (host, slug) = place(&cells);
        let refused = |message: String| Refused { number: row.number, slug: slug.clone(), message };
        if let Some(message) = obstacle(&cells) {
            return Err(refused(message));
        }
        if slug.is_empty() {
            return Err(refused("it has no slug: the page of a domain itself is no link".to_owned()));
        }
        let expires_at = cells.text(Field::Expires).filter(|text| !is_no(text));
        let expires_at = expires_at.map(|text| instant(text).ok_or(text)).transpose();
        let expires_at = expires_at.map_err(|text| {
            refused(format!("{text:?} is no instant that is understood, so it is unknown when it ends"))
        })?;
        let mut moving = Moving { number: row.number, host, clicks: cells.clicks(), ..Moving::default() };
        moving.from = cells.text(Field::From).and_then(Source::parse);
        moving.created_at = cells.text(Field::Created).and_then(instant);
        moving.left_out = left_out(&cells, &moving);
        moving.fields = fields(&cells, &slug, expires_at, self.source);
        moving.slug = slug;
        Ok(moving)
    }

    /// By field, the first name of several that says something.
    fn cells(&self, row: &Row) -> Cells {
        let mut best: HashMap<Field, (usize, String)> = HashMap::new();
        for (name, cell) in &row.cells {
            let Some((field, rank)) = self.names.get(name) else { continue };
            let text = if self.is_csv { unguarded(cell).to_owned() } else { cell.clone() };
            match best.get(field) {
                Some((known, _)) if known <= rank => {}
                _ => drop(best.insert(*field, (*rank, text))),
            }
        }
        Cells(best.into_iter().map(|(field, (_, text))| (field, text)).collect())
    }
}

struct Cells(HashMap<Field, String>);

impl Cells {
    /// Never empty.
    fn text(&self, field: Field) -> Option<&str> {
        self.0.get(&field).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn is_yes(&self, field: Field) -> bool {
        self.text(field).is_some_and(|text| !is_no(text))
    }

    /// Of a list only the first.
    fn first(&self, field: Field) -> Option<&str> {
        self.text(field).and_then(|text| text.split([SEVERAL, '\n']).next())
    }

    fn clicks(&self) -> Option<u64> {
        let digits: String =
            self.text(Field::Clicks)?.chars().filter(|c| !matches!(c, ',' | ' ' | '\u{a0}' | '\'')).collect();
        digits.strip_suffix(".0").unwrap_or(&digits).parse().ok()
    }
}

/// What tools write where there is nothing.
fn is_no(text: &str) -> bool {
    matches!(plain(text).as_str(), "" | "no" | "false" | "0" | "null" | "none" | "n" | "off" | "never" | "inactive")
}

/// What keeps a link out whatever else it says.
fn obstacle(cells: &Cells) -> Option<String> {
    if cells.text(Field::Url).is_none() {
        return Some("it leads nowhere: there is no destination".to_owned());
    }
    cells
        .is_yes(Field::Password)
        .then(|| "it asks for a password there, which Waypost does not: moved in, everybody could follow it".to_owned())
}

/// Host and slug: what the file calls a slug, else what its short URL ends with.
fn place(cells: &Cells) -> (Option<String>, String) {
    let (short_host, short_slug) = cells.first(Field::Short).map(split).unwrap_or_default();
    let host = cells.text(Field::Domain).map(|text| split(text).0.unwrap_or_else(|| text.to_owned())).or(short_host);
    let slug = match (cells.first(Field::Slug), short_slug) {
        (_, slug) if !slug.is_empty() && cells.text(Field::Slug).is_none() => slug,
        // Some files call the short URL a key, a path or an address.
        (Some(own), _) if own.contains("://") => split(own).1,
        (Some("_root" | ":index"), _) => String::new(),
        (Some(own), _) => decoded(own.trim_matches('/')),
        (None, slug) => slug,
    };
    (host.map(|host| host.to_ascii_lowercase()), slug)
}

/// `https://bit.ly/abc`, `bit.ly/abc` or `abc`.
fn split(short: &str) -> (Option<String>, String) {
    let (scheme, rest) = short.split_once("://").map_or((false, short), |(_, rest)| (true, rest));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    match rest.split_once('/') {
        Some((host, path)) if scheme || host.contains('.') => {
            let host = host.split(':').next().unwrap_or_default();
            (Some(host.to_owned()).filter(|host| !host.is_empty()), decoded(path.trim_matches('/')))
        }
        None if scheme => (Some(rest.to_owned()), String::new()),
        _ => (None, decoded(rest.trim_matches('/'))),
    }
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8().map_or_else(|_| path.to_owned(), std::borrow::Cow::into_owned)
}

fn fields(cells: &Cells, slug: &str, expires_at: Option<Timestamp>, source: Source) -> LinkFields {
    let text = |field| Change::from(cells.text(field).map(str::to_owned));
    let is = |field| Change::from(cells.text(field).map(|text| !is_no(text)));
    let status = cells.text(Field::Status).and_then(|text| text.parse().ok()).and_then(Status::from_code);
    let is_off = cells.is_yes(Field::Disabled) || cells.text(Field::Enabled).is_some_and(is_no);
    LinkFields {
        url: text(Field::Url),
        slug: Change::Set(slug.to_owned()),
        utm: Change::Set(UtmFields {
            source: text(Field::UtmSource),
            medium: text(Field::UtmMedium),
            campaign: text(Field::UtmCampaign),
            term: text(Field::UtmTerm),
            content: text(Field::UtmContent),
            id: text(Field::UtmId),
        }),
        platform: text(Field::Platform),
        level: text(Field::Level),
        posts: several(cells.text(Field::Posts), &[SEVERAL, '\n'], usize::MAX),
        title: Change::from(title(cells)),
        tags: several(cells.text(Field::Tags), separators(source), TAG_CHARS_MAX),
        status: Change::from(status.map(Status::code)),
        archived: if cells.is_yes(Field::Archived) { Change::Set(true) } else { Change::Keep },
        enabled: if is_off { Change::Set(false) } else { Change::Keep },
        passthrough: is(Field::Passthrough),
        visitor_utm: is(Field::VisitorUtm),
        expires_at: Change::from(expires_at.map(|at| at.to_string())),
        expired_url: text(Field::ExpiredUrl),
        ..LinkFields::default()
    }
}

/// Between tags: our own file has one a line, so that a tag may hold a comma.
fn separators(source: Source) -> &'static [char] {
    if source == Source::Waypost { &[SEVERAL, '\n'] } else { &[SEVERAL, '\n', ',', '|'] }
}

fn title(cells: &Cells) -> Option<String> {
    let text = cells.text(Field::Title).or_else(|| cells.text(Field::Description))?;
    let words: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
    let text = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Some(text.chars().take(TITLE_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
}

fn several(text: Option<&str>, separators: &[char], chars_max: usize) -> Change<Vec<String>> {
    let Some(text) = text else { return Change::Keep };
    // Some files write their tags as JSON.
    let list = serde_json::from_str::<Vec<String>>(text).ok();
    let items = list.unwrap_or_else(|| text.split(separators).map(str::to_owned).collect());
    let clean = |item: String| item.trim().chars().filter(|letter| !letter.is_control()).take(chars_max).collect();
    let mut kept: Vec<String> = items.into_iter().map(clean).filter(|item: &String| !item.is_empty()).collect();
    let mut seen = std::collections::HashSet::new();
    kept.retain(|item| seen.insert(item.clone()));
    kept.truncate(if chars_max == usize::MAX { usize::MAX } else { TAGS_MAX });
    Change::Set(kept)
}

/// What a file says that no link here can do. That is told, because it will be missed.
fn left_out(cells: &Cells, moving: &Moving) -> Vec<&'static str> {
    let unread = |field, is_read: bool| cells.text(field).is_some_and(|text| !is_no(text)) && !is_read;
    let found = [
        (cells.is_yes(Field::MostClicks), "an end after a number of clicks"),
        (cells.is_yes(Field::Begins), "a beginning in the future"),
        (cells.is_yes(Field::Elsewhere), "other destinations for some devices or countries"),
        (unread(Field::Created, moving.created_at.is_some()), "a date of making that is not understood"),
        (unread(Field::Clicks, moving.clicks.is_some()), "a total of clicks that is not understood"),
    ];
    found.into_iter().filter_map(|(is_there, what)| is_there.then_some(what)).collect()
}

/// RFC 3339, `2024-05-01 12:30:00` (UTC, as these tools write it), a day alone, or seconds or milliseconds since 1970.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        let is_seconds = number.abs() < 100_000_000_000;
        let at = if is_seconds { Timestamp::from_second(number) } else { Timestamp::from_millisecond(number) };
        return at.ok().filter(|_| number > 0);
    }
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if let Ok(at) =
        Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text).or_else(|_| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text))
    {
        return Some(at);
    }
    let civil: DateTime = text.trim_end_matches(" UTC").parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: Source, cells: &[(&str, &str)]) -> Result<Moving, Refused> {
        let cells = cells.iter().map(|(name, cell)| (plain(name), (*cell).to_owned())).collect();
        Reader::new(source, true).read(&Row { number: 2, cells })
    }

    fn place_of(source: Source, cells: &[(&str, &str)]) -> (Option<String>, String) {
        let moving = read(source, &[&[("url", "https://e.com/")], cells].concat()).unwrap();
        (moving.host, moving.slug)
    }

    #[test]
    fn host_and_slug_are_found_however_a_tool_writes_them() {
        let at = |host: &str, slug: &str| (Some(host.to_owned()).filter(|host| !host.is_empty()), slug.to_owned());
        for (source, cells, expected) in [
            (Source::Bitly, &[("Bitlink", "bit.ly/2AbCd")][..], at("bit.ly", "2AbCd")),
            (
                Source::Bitly,
                &[("link", "https://bit.ly/x"), ("custom_bitlinks", "https://Go.e.com/Spring\u{1f}y")],
                at("go.e.com", "Spring"),
            ),
            (
                Source::Dub,
                &[("domain", "dub.sh"), ("key", "a/b"), ("shortLink", "https://dub.sh/a/b")],
                at("dub.sh", "a/b"),
            ),
            (Source::Shlink, &[("shortCode", "abc"), ("shortUrl", "https://s.e/abc")], at("s.e", "abc")),
            (Source::Yourls, &[("source", "/kw/")], at("", "kw")),
            (Source::Yourls, &[("keyword", "kw"), ("shorturl", "http://y.e/kw")], at("y.e", "kw")),
            (
                Source::Kutt,
                &[("address", "abc"), ("link", "https://kutt.it/abc"), ("domain", "kutt.it")],
                at("kutt.it", "abc"),
            ),
            (Source::ShortIo, &[("path", "p%C3%A5"), ("shortURL", "https://s.e/p%C3%A5")], at("s.e", "p\u{e5}")),
            (Source::Rebrandly, &[("slashtag", "burn"), ("domainfullName", "r.ly")], at("r.ly", "burn")),
            (Source::Chhoto, &[("shortlink", "ab-c")], at("", "ab-c")),
            (Source::Csv, &[("short url", "https://s.e/a/?utm_source=x#y")], at("s.e", "a")),
        ] {
            assert_eq!(place_of(source, cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn dates_are_read_as_tools_write_them() {
        let noon = Some("2024-05-01T12:30:00Z".parse().unwrap());
        for text in [
            "2024-05-01T12:30:00.000Z",
            "2024-05-01T12:30:00+0000",
            "2024-05-01T14:30:00+02:00",
            "2024-05-01 12:30:00",
            "2024-05-01 12:30:00 UTC",
            "1714566600",
            "1714566600000",
            "2024-05-01T12:30:00",
        ] {
            assert_eq!(instant(text), noon, "{text}");
        }
        assert_eq!(instant("2024-05-01"), Some("2024-05-01T00:00:00Z".parse().unwrap()));
        for text in ["", "soon", "01/05/2024", "-1"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_link_brings_along_is_kept() {
        let moving = read(
            Source::Dub,
            &[
                ("Short link", "https://go.e.com/a"),
                ("Destination URL", "'=x"),
                ("Title", "A\n long  title"),
                ("Tags", "x, y,x"),
                ("Clicks", "1,204"),
                ("Created at", "2024-05-01"),
                ("utm_source", "instagram"),
                ("ios", "https://apps.example/"),
            ],
        )
        .unwrap();
        assert_eq!(moving.fields.url, Change::Set("=x".to_owned()));
        assert_eq!(moving.fields.title, Change::Set("A long title".to_owned()));
        assert_eq!(moving.fields.tags, Change::Set(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!((moving.clicks, moving.created_at.is_some()), (Some(1204), true));
        assert_eq!(moving.left_out, ["other destinations for some devices or countries"]);
    }

    #[test]
    fn a_link_that_would_do_something_else_here_stays_out() {
        let link = [("url", "https://e.com/"), ("slug", "a")];
        for (cell, words) in [
            (("password", "true"), "password"),
            (("expires_at", "next week"), "unknown when it ends"),
            (("slug", "_root"), "no slug"),
            (("url", ""), "leads nowhere"),
        ] {
            let cells: Vec<_> = link.into_iter().filter(|(name, _)| *name != cell.0).chain([cell]).collect();
            let refused = read(Source::Csv, &cells).unwrap_err();
            assert!(refused.message.contains(words), "{}", refused.message);
        }
        let sleeping = read(
            Source::Kutt,
            &[("target", "https://e.com/"), ("address", "a"), ("banned", "true"), ("password", "false")],
        );
        assert_eq!(sleeping.unwrap().fields.enabled, Change::Set(false));
    }
}
