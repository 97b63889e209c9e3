//! The links of the demo, and what becomes of each: who sees it, when, and how many of them click.
//!
//! The rates are what publishers report for such places: a bio or a mailing a few per cent, an ad or a LinkedIn post
//! around one, a post on X half of one.

use super::agents::{self, Arrival};
use crate::domain::impression::Kind;
use crate::domain::placement::Level;
use crate::links::{Change, LinkFields, UtmFields};

/// A link as the demo makes it.
pub(crate) struct DemoLink {
    pub(crate) slug: &'static str,
    pub(crate) url: &'static str,
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    pub(crate) medium: &'static str,
    pub(crate) campaign: &'static str,
    pub(crate) platform: &'static str,
    pub(crate) level: Level,
    /// The post it stands in; of an ad its name, which `utm_content` repeats; empty for a bio or a poster.
    pub(crate) post: &'static str,
    pub(super) published: Published,
    pub(super) shown: Shown,
    /// Clicks for each impression.
    pub(super) rate: f64,
    pub(super) people: &'static [Arrival],
    /// The robot of the platform itself, which looks at once; empty where there is none.
    pub(super) robot: &'static str,
}

impl DemoLink {
    /// What its owner would have typed.
    pub(crate) fn fields(&self) -> LinkFields {
        let text = |text: &str| Change::from((!text.is_empty()).then(|| text.to_owned()));
        let is_ad = self.level == Level::Ad;
        LinkFields {
            url: text(self.url),
            slug: text(self.slug),
            title: text(self.title),
            platform: text(self.platform),
            level: text(self.level.as_str()),
            posts: Change::from((!self.post.is_empty() && !is_ad).then(|| vec![self.post.to_owned()])),
            utm: Change::Set(UtmFields {
                source: text(self.source),
                medium: text(self.medium),
                campaign: text(self.campaign),
                content: text(if is_ad { self.post } else { "" }),
                ..UtmFields::default()
            }),
            ..LinkFields::default()
        }
    }
}

/// When a link was posted, counted from the first day of the demo, in UTC.
#[derive(Clone, Copy)]
pub(super) struct Published {
    pub(super) day: i64,
    pub(super) hour: i64,
}

/// How often a link is seen as time goes by.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// The same every day: a bio, an ad.
    Steady { kind: Kind, per_day: f64 },
    /// Most at once, then half as often each `half_life_h`; gone after `gone_h`.
    Fading { kind: Kind, total: f64, half_life_h: f64, gone_h: i64 },
    /// Delivered in one hour; read for a day or two.
    Mailed { delivered: u64 },
    /// Nobody counts who sees it: a poster.
    Uncounted { per_day: f64 },
}

impl Shown {
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Steady { kind, .. } | Self::Fading { kind, .. } => Some(kind),
            Self::Mailed { .. } => Some(Kind::Delivered),
            Self::Uncounted { .. } => None,
        }
    }
}

const fn at(day: i64, hour: i64) -> Published {
    Published { day, hour }
}

const fn post(total: f64, half_life_h: f64) -> Shown {
    Shown::Fading { kind: Kind::Impressions, total, half_life_h, gone_h: i64::MAX }
}

const fn story(total: f64) -> Shown {
    Shown::Fading { kind: Kind::StoryViews, total, half_life_h: 7.0, gone_h: 24 }
}

const fn profile(per_day: f64) -> Shown {
    Shown::Steady { kind: Kind::ProfileVisits, per_day }
}

const WINTER: &str = "winter-roast";
const GIFT: &str = "gift-box";

pub(super) static LINKS: [DemoLink; 13] = [
    DemoLink {
        slug: "coffee",
        url: "https://example.com/coffee",
        title: "Link in bio, Instagram",
        source: "instagram",
        medium: "social",
        campaign: WINTER,
        platform: "instagram",
        level: Level::Profile,
        post: "",
        published: at(0, 7),
        shown: profile(420.0),
        rate: 0.032,
        people: &agents::INSTAGRAM,
        robot: agents::FACEBOOK_PREVIEW,
    },
    DemoLink {
        slug: "roast-story",
        url: "https://example.com/coffee/winter-roast",
        title: "Story: the first winter roast",
        source: "instagram",
        medium: "social",
        campaign: WINTER,
        platform: "instagram",
        level: Level::Story,
        post: "https://www.instagram.com/stories/example/3500000000000000001/",
        published: at(1, 11),
        shown: story(6200.0),
        rate: 0.021,
        people: &agents::INSTAGRAM,
        robot: agents::FACEBOOK_PREVIEW,
    },
    DemoLink {
        slug: "gift-story",
        url: "https://example.com/coffee/gift-box",
        title: "Story: unboxing the gift box",
        source: "instagram",
        medium: "social",
        campaign: GIFT,
        platform: "instagram",
        level: Level::Story,
        post: "https://www.instagram.com/stories/example/3500000000000000002/",
        published: at(12, 16),
        shown: story(5100.0),
        rate: 0.017,
        people: &agents::INSTAGRAM,
        robot: agents::FACEBOOK_PREVIEW,
    },
    DemoLink {
        slug: "roast-x",
        url: "https://example.com/coffee/winter-roast",
        title: "Launch post on X",
        source: "x",
        medium: "social",
        campaign: WINTER,
        platform: "x",
        level: Level::Post,
        post: "https://x.com/example/status/1990000000000000001",
        published: at(1, 8),
        shown: post(42_000.0, 9.0),
        rate: 0.0045,
        people: &agents::X,
        robot: agents::TWITTERBOT,
    },
    DemoLink {
        slug: "brew-tips",
        url: "https://example.com/journal/brewing?lang=en",
        title: "Thread: five ways to ruin a good roast",
        source: "x",
        medium: "social",
        campaign: WINTER,
        platform: "x",
        level: Level::Post,
        post: "https://x.com/example/status/1990000000000000002",
        published: at(9, 12),
        shown: post(18_000.0, 11.0),
        rate: 0.0038,
        people: &agents::X,
        robot: agents::TWITTERBOT,
    },
    DemoLink {
        slug: "roast-in",
        url: "https://example.com/coffee/offices",
        title: "LinkedIn: coffee for offices",
        source: "linkedin",
        medium: "social",
        campaign: WINTER,
        platform: "linkedin",
        level: Level::Post,
        post: "https://www.linkedin.com/feed/update/urn:li:activity:7390000000000000001/",
        published: at(2, 7),
        shown: post(16_500.0, 20.0),
        rate: 0.013,
        people: &agents::LINKEDIN,
        robot: agents::LINKEDINBOT,
    },
    DemoLink {
        slug: "behind",
        url: "https://example.com/journal/behind-the-roast",
        title: "LinkedIn: behind the roast",
        source: "linkedin",
        medium: "social",
        campaign: GIFT,
        platform: "linkedin",
        level: Level::Post,
        post: "https://www.linkedin.com/feed/update/urn:li:activity:7390000000000000002/",
        published: at(11, 7),
        shown: post(9800.0, 20.0),
        rate: 0.016,
        people: &agents::LINKEDIN,
        robot: agents::LINKEDINBOT,
    },
    DemoLink {
        slug: "letter-47",
        url: "https://example.com/coffee/winter-roast",
        title: "Newsletter 47",
        source: "newsletter",
        medium: "email",
        campaign: WINTER,
        platform: "newsletter",
        level: Level::Email,
        post: "mailchimp:a1b2c3d447",
        published: at(3, 6),
        shown: Shown::Mailed { delivered: 7400 },
        rate: 0.036,
        people: &agents::NEWSLETTER,
        robot: "",
    },
    DemoLink {
        slug: "letter-48",
        url: "https://example.com/coffee/gift-box",
        title: "Newsletter 48",
        source: "newsletter",
        medium: "email",
        campaign: GIFT,
        platform: "newsletter",
        level: Level::Email,
        post: "mailchimp:a1b2c3d448",
        published: at(13, 6),
        shown: Shown::Mailed { delivered: 7250 },
        rate: 0.029,
        people: &agents::NEWSLETTER,
        robot: "",
    },
    DemoLink {
        slug: "tok",
        url: "https://example.com/coffee",
        title: "Link in bio, TikTok",
        source: "tiktok",
        medium: "social",
        campaign: WINTER,
        platform: "tiktok",
        level: Level::Profile,
        post: "",
        published: at(0, 9),
        shown: profile(640.0),
        rate: 0.019,
        people: &agents::TIKTOK,
        robot: "",
    },
    DemoLink {
        slug: "video",
        url: "https://example.com/coffee/winter-roast#video",
        title: "YouTube: how we roast",
        source: "youtube",
        medium: "video",
        campaign: WINTER,
        platform: "youtube",
        level: Level::Post,
        post: "https://www.youtube.com/watch?v=WaypostDemo",
        published: at(4, 15),
        shown: Shown::Fading { kind: Kind::Views, total: 31_000.0, half_life_h: 60.0, gone_h: i64::MAX },
        rate: 0.007,
        people: &agents::YOUTUBE,
        robot: "",
    },
    DemoLink {
        slug: "gift-ad",
        url: "https://example.com/coffee/gift-box",
        title: "Ad: the gift box",
        source: "facebook",
        medium: "paid",
        campaign: GIFT,
        platform: "facebook",
        level: Level::Ad,
        post: "unboxing",
        published: at(7, 5),
        shown: Shown::Steady { kind: Kind::Impressions, per_day: 9500.0 },
        rate: 0.0105,
        people: &agents::FACEBOOK,
        robot: agents::FACEBOOK_PREVIEW,
    },
    DemoLink {
        slug: "poster",
        url: "https://example.com/coffee",
        title: "Printed code at the counter",
        source: "poster",
        medium: "print",
        campaign: WINTER,
        platform: "print",
        level: Level::Other,
        post: "",
        published: at(0, 8),
        shown: Shown::Uncounted { per_day: 9.0 },
        rate: 1.0,
        people: &agents::SCAN,
        robot: "",
    },
];
