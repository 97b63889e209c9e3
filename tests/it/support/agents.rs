//! User agents as they are sent, by who sends them. Facts only: no test may depend on a version number in them.

pub(crate) const CHROME_WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36";
pub(crate) const CHROME_ANDROID: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Mobile Safari/537.36";
pub(crate) const SAFARI_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
                                        (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1";
pub(crate) const SAFARI_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                                     (KHTML, like Gecko) Version/26.1 Safari/605.1.15";
pub(crate) const FIREFOX_LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
pub(crate) const EDGE_WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                                       Gecko) Chrome/146.0.0.0 Safari/537.36 Edg/146.0.0.0";

pub(crate) const INSTAGRAM_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 \
     Instagram 405.0.0.29.75 (iPhone15,2; iOS 18_6; en_US; en; scale=3.00; 1179x2556; 800000000)";
pub(crate) const INSTAGRAM_ANDROID: &str = "Mozilla/5.0 (Linux; Android 15; SM-S921B Build/AP3A.240905.015; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/146.0.0.0 Mobile Safari/537.36 Instagram 405.0.0.29.75 Android (35/15; 480dpi; 1080x2119; \
     samsung; SM-S921B; e1s; s5e9945; en_GB; 800000000)";
pub(crate) const FACEBOOK_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 \
     [FBAN/FBIOS;FBAV/536.0.0.40.98;FBBV/800000000;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.6;FBSS/3;FBLC/en_US]";

pub(crate) const FACEBOOK_PREVIEW: &str = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)";
pub(crate) const SLACK_PREVIEW: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";
pub(crate) const TWITTER_PREVIEW: &str = "Twitterbot/1.0";
pub(crate) const WHATSAPP_PREVIEW: &str = "WhatsApp/2.23.20.0";
pub(crate) const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
pub(crate) const CURL: &str = "curl/8.5.0";

/// People on phones and desktops, one of each kind.
pub(crate) const HUMANS: [&str; 8] = [
    CHROME_WINDOWS,
    CHROME_ANDROID,
    SAFARI_IPHONE,
    SAFARI_MAC,
    FIREFOX_LINUX,
    EDGE_WINDOWS,
    INSTAGRAM_IPHONE,
    INSTAGRAM_ANDROID,
];
