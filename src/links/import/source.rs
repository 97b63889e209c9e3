//! The tools that links come from: how their files name things, and by what they are told apart. Tables, and nothing else.
//!
//! Names are compared by their letters and digits alone, so `Long URL`, `long_url` and `longUrl` are one name. What stands
//! inside of another JSON object has its name before: `visitsSummary.nonBots` is `visitssummarynonbots`.

/// A tool that links come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Waypost's own export.
    Waypost,
    Bitly,
    Dub,
    Shlink,
    Yourls,
    Kutt,
    ShortIo,
    Rebrandly,
    Sink,
    Chhoto,
    /// Any table with a column of destinations.
    Csv,
}

/// What one cell of a link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Url,
    /// A short URL with or without its scheme, or a slug alone.
    Short,
    Slug,
    Domain,
    Title,
    Description,
    Tags,
    Created,
    Clicks,
    Expires,
    ExpiredUrl,
    Status,
    Enabled,
    Disabled,
    Archived,
    Password,
    Passthrough,
    VisitorUtm,
    Platform,
    Level,
    Posts,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmTerm,
    UtmContent,
    UtmId,
    /// Ends after so many clicks.
    MostClicks,
    /// Begins later.
    Begins,
    /// Leads elsewhere for some devices or countries.
    Elsewhere,
    /// The tool that it was imported from before.
    From,
}

/// Every name of every field; of several that a file has, the first that says something is taken.
pub(super) const NAMES: [(Field, &[&str]); 31] = [
    (
        Field::Url,
        &[
            "url",
            "longurl",
            "originalurl",
            "destinationurl",
            "targeturl",
            "destination",
            "target",
            "longlink",
            "originallink",
            "redirecturl",
            "to",
        ],
    ),
    (
        Field::Short,
        &[
            "custombitlinks",
            "customlink",
            "bitlink",
            "shorturl",
            "secureshorturl",
            "shortlink",
            "link",
            "shortenedurl",
            "short",
        ],
    ),
    (
        Field::Slug,
        &[
            "slug",
            "slashtag",
            "shortcode",
            "keyword",
            "key",
            "address",
            "path",
            "alias",
            "backhalf",
            "custombackhalf",
            "shortid",
            "code",
            "from",
        ],
    ),
    (Field::Domain, &["domain", "domainfullname", "domainhostname", "domainname", "host", "hostname"]),
    (Field::Title, &["title", "name", "linktitle"]),
    (Field::Description, &["description", "comment", "comments", "notes", "note"]),
    (Field::Tags, &["tags", "tagsname", "tagnames", "tag", "labels"]),
    (
        Field::Created,
        &["createdat", "created", "datecreated", "creationdate", "createdon", "timestamp", "date", "createddate"],
    ),
    (
        Field::Clicks,
        &[
            "visitssummarynonbots",
            "humanclicks",
            "clicks",
            "totalclicks",
            "hits",
            "visits",
            "visitcount",
            "clickcount",
            "visitscount",
            "clickscount",
            "engagements",
            "importedclicks",
            "totalengagements",
        ],
    ),
    (
        Field::Expires,
        &["expiresat", "expirytime", "expiration", "expirein", "metavaliduntil", "validuntil", "expireson", "expires"],
    ),
    (Field::ExpiredUrl, &["expiredurl"]),
    (Field::Status, &["status", "redirecttype", "statuscode", "redirectstatus"]),
    (Field::Enabled, &["enabled", "isenabled", "active", "isactive"]),
    (Field::Disabled, &["disabled", "banned", "isbanned", "disable"]),
    (Field::Archived, &["archived", "isarchived"]),
    (Field::Password, &["password", "haspassword", "passwordprotected", "ispasswordprotected"]),
    (Field::Passthrough, &["passthrough", "forwardquery", "forwardparameters", "forwardqueryparams"]),
    (Field::VisitorUtm, &["visitorutm"]),
    (Field::Platform, &["platform"]),
    (Field::Level, &["level"]),
    (Field::Posts, &["posts"]),
    (Field::UtmSource, &["utmsource"]),
    (Field::UtmMedium, &["utmmedium"]),
    (Field::UtmCampaign, &["utmcampaign"]),
    (Field::UtmTerm, &["utmterm"]),
    (Field::UtmContent, &["utmcontent"]),
    (Field::UtmId, &["utmid"]),
    (Field::From, &["importedfrom"]),
    (Field::MostClicks, &["maxvisits", "metamaxvisits", "maxclicks", "clickslimit"]),
    (Field::Begins, &["validsince", "metavalidsince"]),
    (
        Field::Elsewhere,
        &["ios", "android", "geo", "iphoneurl", "androidurl", "apple", "google", "splitpercent", "deeplinks"],
    ),
];

/// What one tool calls otherwise than all others do.
pub(super) fn own_names(source: Source) -> &'static [(Field, &'static [&'static str])] {
    match source {
        // The file of its export plugin.
        Source::Yourls => &[(Field::Slug, &["keyword", "source"]), (Field::Url, &["url", "target"])],
        Source::Waypost => &[(Field::Clicks, &["importedclicks", "clicks"])],
        Source::Rebrandly => &[(Field::Status, &[])],
        _ => &[],
    }
}

/// Names that only the files of one tool have together. The first that fits decides.
const SIGNS: [(Source, &[&str]); 17] = [
    (Source::Waypost, &["slug", "destination", "visitorutm"]),
    (Source::Bitly, &["bitlink"]),
    (Source::Bitly, &["link", "longurl"]),
    (Source::Bitly, &["custombitlinks"]),
    (Source::Dub, &["shortlink", "destinationurl"]),
    (Source::Dub, &["shortlink", "key", "url"]),
    (Source::Rebrandly, &["slashtag", "destination"]),
    (Source::ShortIo, &["originalurl", "path"]),
    (Source::ShortIo, &["originalurl", "shorturl"]),
    (Source::Shlink, &["shortcode", "longurl"]),
    (Source::Chhoto, &["shortlink", "longlink"]),
    (Source::Kutt, &["address", "target"]),
    (Source::Yourls, &["keyword", "url"]),
    (Source::Yourls, &["source", "target", "hits"]),
    (Source::Yourls, &["shorturl", "url", "timestamp"]),
    (Source::Sink, &["slug", "url", "createdat", "updatedat"]),
    (Source::Sink, &["slug", "url", "comment"]),
];

impl Source {
    pub(crate) const ALL: [Self; 11] = [
        Self::Waypost,
        Self::Bitly,
        Self::Dub,
        Self::Shlink,
        Self::Yourls,
        Self::Kutt,
        Self::ShortIo,
        Self::Rebrandly,
        Self::Sink,
        Self::Chhoto,
        Self::Csv,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waypost => "waypost",
            Self::Bitly => "bitly",
            Self::Dub => "dub",
            Self::Shlink => "shlink",
            Self::Yourls => "yourls",
            Self::Kutt => "kutt",
            Self::ShortIo => "short.io",
            Self::Rebrandly => "rebrandly",
            Self::Sink => "sink",
            Self::Chhoto => "chhoto",
            Self::Csv => "csv",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }

    /// The tool whose files have such names; [`Source::Csv`] where none is known by them.
    pub(super) fn of_names(names: &[String]) -> Self {
        let has = |wanted: &&str| names.iter().any(|name| name == wanted);
        SIGNS.iter().find(|(_, signs)| signs.iter().all(has)).map_or(Self::Csv, |(source, _)| *source)
    }

    /// What its totals count, as far as the tool says; for whoever compares them with ours.
    pub(crate) fn counted(self) -> &'static str {
        match self {
            Self::Waypost => "what had been imported there before",
            Self::Bitly => "clicks without the bots that Bitly knows, repeats included",
            Self::Dub => "hits that looked human, the first of an address and browser within an hour",
            Self::Shlink => "visits; in CSV files those of bots, too",
            Self::Yourls | Self::Chhoto => "every hit, those of bots and previews, too",
            Self::Kutt => "visits without the bots that Kutt knows",
            Self::ShortIo => "human clicks where the file tells them, else all",
            Self::Rebrandly => "clicks without bots, repeats included",
            Self::Sink => "nothing: Sink's files have no totals",
            Self::Csv => "what the file says, by a rule that it does not say",
        }
    }
}

/// The letters and digits of a name, in lower case.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_known_by_the_header_of_its_files() {
        for (source, header) in [
            (Source::Bitly, "Bitlink,Title,Long URL,Tags,Created,Total Clicks"),
            (Source::Bitly, "link,long_url,title,created_at,tags,total_clicks"),
            (Source::Dub, "Short link,Destination URL,Clicks,Created at"),
            (Source::Shlink, "createdAt,domain,shortCode,shortUrl,longUrl,title,tags,visits"),
            (Source::Yourls, "source,target,hits"),
            (Source::Yourls, "keyword,url,title,timestamp,ip,clicks"),
            (Source::Kutt, "id,address,target,visit_count"),
            (Source::ShortIo, "originalURL,path,title,tags,createdAt"),
            (Source::Rebrandly, "title,slashtag,destination,tags,createdAt,updatedAt"),
            (Source::Sink, "id,url,slug,comment,createdAt"),
            (Source::Chhoto, "shortlink,longlink,hits,expiry_time"),
            (Source::Csv, "from,to"),
        ] {
            let names: Vec<String> = header.split(',').map(plain).collect();
            assert_eq!(Source::of_names(&names), source, "{header}");
            assert_eq!(Source::parse(source.as_str()), Some(source));
        }
    }

    #[test]
    fn names_are_written_as_they_are_compared_and_stand_for_one_thing() {
        let mut all: Vec<&str> = NAMES.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert!(all.iter().all(|name| plain(name) == *name));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
