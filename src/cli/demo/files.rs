//! What the demo's platforms give out: files of impressions and of their own clicks, which never are quite ours. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::civil::Date;

use super::links::{DemoLink, Shown};
use super::plan::{Plan, Seen};
use crate::domain::placement::Level;

/// A file as somebody would have downloaded it, and how many rows it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoFile {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What else platforms say of posts of a level: the column, and how many of it they count for each person who comes.
const THEIRS: [(&str, Level, &str, f64); 3] = [
    ("x", Level::Post, "clicks_link", 1.1),
    ("linkedin", Level::Post, "clicks_all", 2.6),
    ("instagram", Level::Story, "clicks_link", 1.05),
];

/// Who sees an ad, in hundredths.
const AGES: [(&str, u64); 4] = [("18-24", 18), ("25-34", 37), ("35-44", 29), ("45-54", 16)];
/// What a thousand impressions of an ad cost, in cents.
const CENTS_PER_THOUSAND: u64 = 740;
/// An ad of the same campaign that nobody has connected with a link.
const OTHER_AD: &str = "carousel";
/// Its part of what the first ad has, in hundredths.
const OTHER_AD_SHARE: u64 = 30;

const ADS_HEADER: &str = "Campaign name,Ad set name,Ad name,Day,Age,Impressions,Link clicks,Clicks (all),\
                          Amount spent (EUR),Reporting starts,Reporting ends,Ad ID\n";
const MAIL_HEADER: &str = "Title,Subject,List,Total Recipients,Successful Deliveries,Total Clicks,Unique Id\n";

impl Plan {
    /// One file for each platform and kind, because kinds are never mixed.
    pub(crate) fn impression_files(&self) -> Vec<DemoFile> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for (index, link) in self.links.iter().enumerate() {
            let days: Vec<(Date, Seen)> = self
                .seen
                .range((index, Date::MIN)..=(index, Date::MAX))
                .map(|((_, day), seen)| (*day, *seen))
                .collect();
            let Some((name, header, rows)) = told(link, &days) else { continue };
            files.entry(name).or_insert(header).push_str(&rows);
        }
        files.into_iter().map(|(name, text)| DemoFile { name, text }).collect()
    }

    /// Rows of all files.
    pub(crate) fn impression_rows(&self) -> u64 {
        self.impression_files().iter().map(|file| file.text.lines().count() as u64 - 1).sum()
    }
}

/// The file that a link's numbers are in, its header, and the rows of this link.
fn told(link: &DemoLink, days: &[(Date, Seen)]) -> Option<(String, String, String)> {
    match (link.shown, link.level) {
        (Shown::Uncounted { .. }, _) => None,
        (Shown::Mailed { .. }, _) => Some(("mailchimp.csv".to_owned(), MAIL_HEADER.to_owned(), mailed(link, days))),
        (_, Level::Ad) => Some(("meta-ads.csv".to_owned(), ADS_HEADER.to_owned(), ads(link, days))),
        _ => Some(of_days(link, days)),
    }
}

/// A mailing's numbers are those of its whole life. Mailchimp counts the looks of mail gateways, too.
fn mailed(link: &DemoLink, days: &[(Date, Seen)]) -> String {
    let sum = |of: fn(&Seen) -> u64| days.iter().map(|(_, seen)| of(seen)).sum::<u64>();
    let (delivered, taps) = (sum(|seen| seen.shown), sum(|seen| seen.taps));
    let (_, id) = link.post.split_once(':').unwrap_or_default();
    let (sent, clicks) = (delivered + delivered / 60, taps + taps / 3);
    format!("{},{},Friends,{sent},{delivered},{clicks},{id}\n", link.title, link.title)
}

/// Divided by day and age, as people download it to see who clicks.
fn ads(link: &DemoLink, days: &[(Date, Seen)]) -> String {
    let mut rows = String::new();
    for (name, id, share) in [(link.post, 1, 100), (OTHER_AD, 2, OTHER_AD_SHARE)] {
        for (day, seen) in days {
            for (age, part) in AGES {
                let of = |count: u64| count * part * share / 10_000;
                let (shown, clicks) = (of(seen.shown), of(seen.taps * 11 / 10));
                let cents = shown * CENTS_PER_THOUSAND / 1000;
                // Writing to a String cannot fail.
                let _ = writeln!(
                    rows,
                    "{},coffee lovers,{name},{day},{age},{shown},{clicks},{},{}.{:02},{day},{day},12020000000000000{id}",
                    link.campaign,
                    clicks * 5 / 2,
                    cents / 100,
                    cents % 100,
                );
            }
        }
    }
    rows
}

/// A row for each day on which it was seen, in Waypost's own words.
fn of_days(link: &DemoLink, days: &[(Date, Seen)]) -> (String, String, String) {
    let kind = link.shown.kind().map_or("", |kind| kind.as_str());
    let theirs = THEIRS.iter().find(|(platform, level, ..)| (*platform, *level) == (link.platform, link.level));
    let subject = if link.post.is_empty() { "link" } else { "post,title" };
    let named = if link.post.is_empty() { link.slug.to_owned() } else { format!("{},{}", link.post, link.title) };
    let column = theirs.map(|(.., column, _)| format!(",{column}")).unwrap_or_default();
    let mut rows = String::new();
    for (day, Seen { shown, taps }) in days.iter().filter(|(_, seen)| seen.shown > 0) {
        let clicks = theirs.map(|(.., times)| format!(",{:.0}", *taps as f64 * times)).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "{named},{day},{shown}{clicks}");
    }
    (format!("{}-{kind}.csv", link.platform), format!("{subject},date,{kind}{column}\n"), rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impressions::options::Options;
    use crate::impressions::read::read;

    fn files() -> Vec<DemoFile> {
        Plan::new("2026-11-21T15:20:00Z".parse().unwrap()).impression_files()
    }

    #[test]
    fn each_platform_has_its_file_and_says_nothing_of_today() {
        let files = files();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "instagram-profile_visits.csv",
                "instagram-story_views.csv",
                "linkedin-impressions.csv",
                "mailchimp.csv",
                "meta-ads.csv",
                "tiktok-profile_visits.csv",
                "x-impressions.csv",
                "youtube-views.csv"
            ]
        );
        assert!(files.iter().all(|file| !file.text.contains("2026-11-21")));
    }

    #[test]
    fn every_file_is_read_without_a_row_left_out() {
        let dialects = files().into_iter().map(|file| {
            let options = Options { today: "2026-11-21".parse().ok(), ..Options::default() };
            let contents = read(file.text.into_bytes(), &options).unwrap();
            let table = &contents.tables[0];
            assert_eq!((table.report.skipped.count, &table.report.warnings), (0, &Vec::new()), "{}", file.name);
            table.file.dialect.clone()
        });
        let expected = ["generic", "generic", "generic", "mailchimp", "meta-ads", "generic", "generic", "generic"];
        assert_eq!(dialects.collect::<Vec<_>>(), expected);
    }
}
