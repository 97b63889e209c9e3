//! `waypost crowd`: fills an empty data folder with very many posts, links and clicks, for measuring reports. Hidden.
//!
//! It must never be mistaken for the demo: what it makes up is believed by nobody, only counted.

pub(crate) mod clicks;

use std::fmt::Write;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use super::serve::{ConfigFile, Settings};
use super::{figures, print};
use crate::domain::counter::{Counters, Dimension};
use crate::domain::delta::Delta;
use crate::domain::link::LinkId;
use crate::links::{Change, LinkFields, UtmFields};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many links
    #[arg(long, default_value_t = 5000)]
    links: u64,
    /// How many posts; the links stand in them
    #[arg(long, default_value_t = 10_000)]
    posts: u64,
    /// On how many days each link was clicked
    #[arg(long, default_value_t = 14)]
    days: u64,
    /// How many hits, each in click files too; without, links have a few clicks in counters alone
    #[arg(long, default_value_t = 0)]
    clicks: u64,
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    settings: Settings,
}

/// Hits of a post that was seen some thousand times.
const HITS_SELDOM: u64 = 50;

/// What is made up.
pub(crate) struct Crowd {
    pub(crate) links: u64,
    pub(crate) posts: u64,
    pub(crate) days: u64,
    /// 0 for counters alone.
    pub(crate) hits: u64,
    pub(crate) now: Timestamp,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.file.load_with(&args.settings.flags())?;
    let (links, days, now) = (args.links.max(1), args.days.max(1), Timestamp::now());
    let crowd = Crowd { links, posts: args.posts, days, hits: args.clicks, now };
    crate::server::offline::fill_with_crowd(&config, &crowd)?;
    let (links, posts) = (figures::count(crowd.links), figures::count(crowd.posts));
    let hits = if crowd.hits == 0 { String::new() } else { format!(", {} hits", figures::count(crowd.hits)) };
    Ok(print(&format!("made {links} links in {posts} posts, each clicked on {} days{hits}", crowd.days))?)
}

impl Crowd {
    /// The link that stands in a post: every link in one, and the first ones in more.
    fn link_of(&self, post: u64) -> u64 {
        if post < self.links { post } else { post % self.links.div_ceil(4) }
    }

    fn permalink(post: u64) -> String {
        format!("https://x.com/crowd/status/{}", 1_800_000_000_000_000_000 + post)
    }

    pub(crate) fn link(&self, link: u64) -> LinkFields {
        let text = |text: String| Change::Set(text);
        let posts = (0..self.posts).filter(|post| self.link_of(*post) == link).map(Self::permalink);
        LinkFields {
            url: text(format!("https://example.com/{link}")),
            slug: text(format!("crowd{link}")),
            platform: text("x".to_owned()),
            level: text("post".to_owned()),
            posts: Change::Set(posts.take(crate::domain::placement::Placement::POSTS_MAX).collect()),
            utm: Change::Set(UtmFields { campaign: text(format!("campaign{}", link % 50)), ..UtmFields::default() }),
            ..LinkFields::default()
        }
    }

    pub(crate) fn first_day(&self) -> Date {
        self.now.to_zoned(jiff::tz::TimeZone::UTC).date().saturating_sub(Span::new().days(self.days as i64))
    }

    /// So that a crowd does not depend on the hour at which it is made.
    pub(crate) fn begin_of_today(&self) -> Timestamp {
        let utc = jiff::tz::TimeZone::UTC;
        // Midnight can only be missing at the ends of time.
        self.now.to_zoned(utc).start_of_day().map_or(self.now, |midnight| midnight.timestamp())
    }

    /// How many hits there are on the day with this number, from 0.
    pub(crate) fn hits_of(&self, day: u64) -> u64 {
        self.hits * (day + 1) / self.days - self.hits * day / self.days
    }

    /// The clicks of every link on one day: eight hours with a few clicks each, from a few places.
    pub(crate) fn clicks(&self, day: Date, ids: &[LinkId]) -> Vec<Delta> {
        let delta = |(at, link): (usize, &LinkId)| {
            let (mut counters, clicks) = (Counters::new(), 8 + at as u64 % 9);
            for hour in 8..16 {
                counters.add(
                    Dimension::Hour,
                    &format!("{day}T{hour:02}:00Z"),
                    clicks / 8 + u64::from(hour < 8 + clicks % 8),
                );
            }
            counters.add(Dimension::Verdict, "human", clicks);
            counters.add(Dimension::Verdict, "bot", clicks / 2);
            counters.add(Dimension::Reason, "bot:user-agent", clicks / 2);
            for (dimension, value) in [
                (Dimension::Source, "x"),
                (Dimension::SeenOn, "x"),
                (Dimension::Channel, "Organic Social"),
                (Dimension::Country, "SE"),
                (Dimension::Region, "SE/Stockholm County"),
                (Dimension::City, "SE/Stockholm"),
                (Dimension::Device, "phone"),
                (Dimension::Os, "iOS"),
                (Dimension::Browser, "Safari"),
                (Dimension::Language, "sv"),
            ] {
                counters.add(dimension, value, clicks);
            }
            Delta { link: *link, day, counters, visitors: Vec::new() }
        };
        ids.iter().enumerate().map(delta).collect()
    }

    /// A content export of X: impressions and link clicks of every post. Where there are many hits, posts were seen often.
    pub(crate) fn file(&self) -> String {
        let date = self.first_day().strftime("%a %b %-d %Y").to_string();
        let mut text =
            String::from("Post id,Date,Post text,Link,Impressions,Likes,Engagements,Profile visits,Url clicks\n");
        let often = (self.hits / self.posts.max(1) / HITS_SELDOM).max(1);
        for post in 0..self.posts {
            let (id, link) = (1_800_000_000_000_000_000 + post, Self::permalink(post));
            let (shown, clicks) = ((5000 + post * 7 % 9000) * often, (90 + post % 60) * often);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{id},{date},Post {post},{link},{shown},5,9,1,{clicks}");
        }
        text
    }
}
