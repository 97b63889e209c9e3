//! What the people and robots of the demo look like to a server: user agents, client hints, referrers.

/// What one browser sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) user_agent: &'static str,
    /// `X-Requested-With`: the Android app that embeds the browser.
    pub(super) requested_with: &'static str,
    /// `Sec-CH-UA`, `Sec-CH-UA-Mobile`, `Sec-CH-UA-Platform`.
    pub(super) hints: [&'static str; 3],
}

const NO_HINTS: [&str; 3] = [""; 3];

const fn plain(user_agent: &'static str) -> Agent {
    Agent { user_agent, requested_with: "", hints: NO_HINTS }
}

/// An Android app's own browser.
const fn in_app(user_agent: &'static str, requested_with: &'static str) -> Agent {
    let brands = r#""Chromium";v="142", "Android WebView";v="142", "Not_A Brand";v="99""#;
    Agent { user_agent, requested_with, hints: [brands, "?1", r#""Android""#] }
}

const fn chromium(user_agent: &'static str, hints: [&'static str; 3]) -> Agent {
    Agent { user_agent, requested_with: "", hints }
}

const CHROME_BRANDS: &str = r#""Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99""#;
const EDGE_BRANDS: &str = r#""Chromium";v="142", "Microsoft Edge";v="142", "Not_A Brand";v="99""#;

pub(super) static INSTAGRAM_IPHONE: Agent = plain(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22H20 \
     Instagram 405.0.0.20.73 (iPhone16,1; iOS 18_7; sv_SE; sv; scale=3.00; 1179x2556; IABMV/1; 801234567)",
);
pub(super) static INSTAGRAM_ANDROID: Agent = in_app(
    "Mozilla/5.0 (Linux; Android 15; SM-S931B Build/AP3A.240905.015.A2; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36 Instagram 405.1.0.52.76 Android (35/15; 480dpi; 1080x2340; \
     samsung; SM-S931B; pa1q; qcom; sv_SE; 800000000; IABMV/1)",
    "com.instagram.android",
);
pub(super) static FACEBOOK_IPHONE: Agent = plain(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G100 \
     [FBAN/FBIOS;FBAV/530.0.0.45.107;FBBV/801234567;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/18.6.2;FBSS/3;\
     FBCR/;FBID/phone;FBLC/sv_SE;FBOP/5]",
);
pub(super) static FACEBOOK_ANDROID: Agent = in_app(
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A.240205.004; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/530.0.0.43.73;IABMV/1;]",
    "com.facebook.katana",
);
pub(super) static TIKTOK_IPHONE: Agent = plain(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 \
     musical_ly_42.3.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/sv Region/SE",
);
pub(super) static TIKTOK_ANDROID: Agent = in_app(
    "Mozilla/5.0 (Linux; Android 14; SM-A556B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36 trill_420303 JsSdk/1.0 NetType/WIFI Channel/googleplay \
     ByteLocale/sv-SE BytedanceWebview/d8a21c6",
    "com.zhiliaoapp.musically",
);
pub(super) static X_IPHONE: Agent = plain(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 \
     Twitter for iPhone/11.32",
);
pub(super) static LINKEDIN_IPHONE: Agent = plain(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 \
     [LinkedInApp]/9.31.4721",
);
pub(super) static SAFARI_IPHONE: Agent = plain(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 \
     Mobile/15E148 Safari/604.1",
);
pub(super) static SAFARI_MAC: Agent = plain(
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 \
     Safari/605.1.15",
);
pub(super) static CHROME_ANDROID: Agent = chromium(
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    [CHROME_BRANDS, "?1", r#""Android""#],
);
pub(super) static CHROME_WINDOWS: Agent = chromium(
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    [CHROME_BRANDS, "?0", r#""Windows""#],
);
pub(super) static CHROME_MAC: Agent = chromium(
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 \
     Safari/537.36",
    [CHROME_BRANDS, "?0", r#""macOS""#],
);
pub(super) static EDGE_WINDOWS: Agent = chromium(
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 \
     Edg/142.0.0.0",
    [EDGE_BRANDS, "?0", r#""Windows""#],
);
pub(super) static FIREFOX_WINDOWS: Agent =
    plain("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0");
pub(super) static FIREFOX_LINUX: Agent =
    plain("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0");
pub(super) static SAFARI_IPAD: Agent = plain(
    "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 \
     Mobile/15E148 Safari/604.1",
);

/// One way in which people of a channel arrive: with which browser, from where, how often.
pub(super) struct Arrival {
    pub(super) agent: &'static Agent,
    pub(super) referrer: &'static str,
    pub(super) weight: u64,
}

const fn by(agent: &'static Agent, referrer: &'static str, weight: u64) -> Arrival {
    Arrival { agent, referrer, weight }
}

pub(super) static INSTAGRAM: [Arrival; 5] = [
    by(&INSTAGRAM_IPHONE, "https://l.instagram.com/", 52),
    by(&INSTAGRAM_ANDROID, "https://l.instagram.com/", 33),
    by(&SAFARI_IPHONE, "", 6),
    by(&CHROME_WINDOWS, "https://l.instagram.com/", 6),
    by(&CHROME_ANDROID, "", 3),
];
pub(super) static FACEBOOK: [Arrival; 5] = [
    by(&FACEBOOK_ANDROID, "http://m.facebook.com/", 46),
    by(&FACEBOOK_IPHONE, "http://m.facebook.com/", 34),
    by(&CHROME_WINDOWS, "https://l.facebook.com/", 12),
    by(&EDGE_WINDOWS, "https://l.facebook.com/", 5),
    by(&SAFARI_IPAD, "https://l.facebook.com/", 3),
];
pub(super) static X: [Arrival; 5] = [
    by(&X_IPHONE, "https://t.co/", 40),
    by(&CHROME_ANDROID, "android-app://com.twitter.android/", 22),
    by(&CHROME_WINDOWS, "https://t.co/", 20),
    by(&CHROME_MAC, "https://t.co/", 12),
    by(&FIREFOX_LINUX, "https://t.co/", 6),
];
pub(super) static LINKEDIN: [Arrival; 5] = [
    by(&LINKEDIN_IPHONE, "", 30),
    by(&CHROME_ANDROID, "android-app://com.linkedin.android/", 18),
    by(&CHROME_WINDOWS, "https://www.linkedin.com/", 26),
    by(&EDGE_WINDOWS, "https://www.linkedin.com/", 16),
    by(&SAFARI_MAC, "https://www.linkedin.com/", 10),
];
pub(super) static NEWSLETTER: [Arrival; 6] = [
    by(&SAFARI_IPHONE, "", 34),
    by(&CHROME_ANDROID, "android-app://com.google.android.gm/", 18),
    by(&CHROME_WINDOWS, "https://mail.google.com/", 20),
    by(&EDGE_WINDOWS, "", 14),
    by(&SAFARI_MAC, "", 10),
    by(&FIREFOX_WINDOWS, "", 4),
];
pub(super) static TIKTOK: [Arrival; 3] =
    [by(&TIKTOK_IPHONE, "", 50), by(&TIKTOK_ANDROID, "", 40), by(&SAFARI_IPHONE, "", 10)];
pub(super) static YOUTUBE: [Arrival; 5] = [
    by(&CHROME_WINDOWS, "https://www.youtube.com/", 34),
    by(&CHROME_ANDROID, "android-app://com.google.android.youtube/", 28),
    by(&SAFARI_IPHONE, "", 20),
    by(&CHROME_MAC, "https://www.youtube.com/", 12),
    by(&FIREFOX_WINDOWS, "https://www.youtube.com/", 6),
];
/// People who scan a printed code: a phone's own browser and no referrer.
pub(super) static SCAN: [Arrival; 2] = [by(&SAFARI_IPHONE, "", 60), by(&CHROME_ANDROID, "", 40)];

/// Robots that draw preview cards wherever a link is shared on.
pub(super) static PREVIEWS: [&str; 5] = [
    "WhatsApp/2.25.30.1 A",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
];
pub(super) const TWITTERBOT: &str = "Twitterbot/1.0";
pub(super) const LINKEDINBOT: &str =
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)";
pub(super) const FACEBOOK_PREVIEW: &str = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)";

/// Robots that follow links for reasons of their own.
pub(super) static CRAWLERS: [&str; 5] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "curl/8.14.1",
    "python-requests/2.32.5",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
];
