//! Classification as a whole, by the hits it meets: the traps first, because each of them has fooled somebody.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::*;
use crate::domain::click::Device;
use crate::domain::hit::Method;
use crate::domain::link::LinkId;
use crate::domain::placement::Level;
use crate::domain::utm::Utm;
use crate::domain::verdict::Verdict;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const CHROME_ANDROID: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";

fn link(id: LinkId) -> LinkFacts {
    LinkFacts {
        id,
        domain: String::new(),
        slug: "spring".to_owned(),
        utm: Utm::default(),
        platform: None,
        level: Level::Other,
    }
}

/// Compiled once for all tests: the automaton takes its time in a build that is not optimised.
static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(|| {
    let config = Config {
        geo: Vec::new(),
        geo_poll_s: 30,
        duplicate_ms: 2000,
        own_networks: vec!["198.51.100.0/24".parse().unwrap()],
        rules: PathBuf::new(),
    };
    Classifier::new(&config, &[]).unwrap()
});

fn classify_by(classifier: &Classifier, hit: &Hit<'_>, link: LinkFacts) -> Click {
    let (link, places, mut notes) = (KnownLink::from(link), Places::default(), Notes::default());
    classifier.classify(hit, Uuid::nil(), &link, &Salt([7; 32]), &places, &mut notes).into_owned()
}

fn classify(hit: &Hit<'_>) -> Click {
    classify_by(&CLASSIFIER, hit, link(hit.link))
}

/// A human click on a link, for the tests of what comes after classification.
pub(super) fn click(id: LinkId) -> Click {
    classify(&Hit { user_agent: FIREFOX, ..Hit::new(id, 0) })
}

fn by_agent(user_agent: &str) -> Click {
    classify(&Hit { user_agent, ..Hit::new(LinkId(1), 0) })
}

fn verdict_of(user_agent: &str) -> (Verdict, String) {
    let click = by_agent(user_agent);
    (click.verdict, click.reason.to_string())
}

fn agent_is(user_agent: &str, verdict: Verdict, reason: &str) {
    assert_eq!(verdict_of(user_agent), (verdict, reason.to_owned()), "{user_agent}");
}

#[test]
fn people_in_an_apps_own_browser_are_people() {
    let android = "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML, like \
                   Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36";
    for (tail, app, browser) in [
        ("MetaIAB Facebook", "facebook", "Facebook"),
        ("[FB_IAB/FB4A;FBAV/569.0.0.42.72;IABMV/1;]", "facebook", "Facebook"),
        ("[FB_IAB/Orca-Android;FBAV/400.0;]", "messenger", "Messenger"),
        ("Instagram 361.0.0.46.88 Android (33/13; 480dpi; Google/google; Pixel 8; husky)", "instagram", "Instagram"),
        ("Barcelona 324.0.0.25.109 Android (34/14; 420dpi)", "threads", "Threads"),
        ("musical_ly_2022704050 JsSdk/1.0 BytedanceWebview/d8a21c6", "tiktok", "TikTok"),
        ("BytedanceWebview/d8a21c6 trill_34.9.0", "tiktok", "TikTok"),
        ("TwitterAndroid", "x", "X"),
        ("[LinkedInApp]", "linkedin", "LinkedIn"),
        ("[Pinterest/Android]", "pinterest", "Pinterest"),
        ("Snapchat/11.9.0.45 (like Safari/604.1)", "snapchat", "Snapchat"),
        ("Line/12.21.1/IAB", "line", "LINE"),
        ("KAKAOTALK/10.7.1 (INAPP)", "kakaotalk", "KakaoTalk"),
        ("MicroMessenger/8.0.2", "wechat", "WeChat"),
        ("Weibo (HUAWEI-P40__weibo__15.4)", "weibo", "Weibo"),
        ("GSA/376.0.777690323", "google", "Google"),
    ] {
        let click = by_agent(&format!("{android} {tail}"));
        assert_eq!(
            (click.verdict, click.look.app.as_str(), click.look.browser.as_str()),
            (Verdict::Human, app, browser),
            "{tail}"
        );
        assert_eq!(*click.reason, format!("app:{app}"));
        assert_eq!(click.origin.seen_on, app);
    }
}

#[test]
fn an_app_that_sends_no_browser_in_front_is_still_a_person() {
    agent_is("Instagram 361.0.0.46.88 Android (33/13; 480dpi; samsung; SM-S911B)", Verdict::Human, "app:instagram");
    agent_is("Reddit/Version 2022.28.0/Build 533235/Android 12", Verdict::Human, "app:reddit");
    let ios = format!("{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0.0.26.109;FBDV/iPhone15,2]");
    agent_is(&ios, Verdict::Human, "app:facebook");
    agent_is(&format!("{IPHONE} Mobile/15E148 Twitter for iPhone/10.5"), Verdict::Human, "app:x");
}

#[test]
fn a_preview_fetcher_is_no_click() {
    for (user_agent, family) in [
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "facebookexternalhit"),
        ("WhatsApp/2.23.20.0 A", "whatsapp"),
        ("TelegramBot (like TwitterBot)", "telegrambot"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "slackbot-linkexpanding"),
        ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "discordbot"),
        ("LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", "linkedinbot"),
        ("http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.example/) Bot", "mastodon"),
        ("Bluesky Cardyb/1.1; mailto:support@bsky.app", "bluesky-cardyb"),
        ("Pinterest/0.2 (+http://www.pinterest.com/bot.html)", "pinterest"),
    ] {
        let (verdict, reason) = verdict_of(user_agent);
        assert_eq!((verdict, reason), (Verdict::Preview, format!("user-agent:{family}")), "{user_agent}");
    }
}

#[test]
fn a_card_that_messages_draws_is_not_facebooks_though_it_says_so() {
    let messages = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) \
                    Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0";
    agent_is(messages, Verdict::Preview, "user-agent:imessage");
}

#[test]
fn an_apps_name_at_the_start_is_a_fetcher_and_inside_it_is_a_person() {
    agent_is("Snapchat/11.0 (iPhone)", Verdict::Preview, "user-agent:snapchat");
    agent_is(
        &format!("{IPHONE} Mobile/15E148 Snapchat/12.80.0.41 (like Safari/604.1)"),
        Verdict::Human,
        "app:snapchat",
    );
}

#[test]
fn a_landing_page_preloader_is_a_prefetch_even_inside_the_app() {
    let preloader = format!("{CHROME_ANDROID} musical_ly_2022704050 thirdLandingPageFeInfra");
    agent_is(&preloader, Verdict::Prefetch, "user-agent:tiktok-preload");
}

#[test]
fn programs_are_bots_by_their_name_their_words_or_their_shape() {
    for (user_agent, reason) in [
        ("", "user-agent:missing"),
        ("   ", "user-agent:missing"),
        ("curl/8.5.0", "user-agent:curl"),
        ("python-requests/2.31.0", "user-agent:python-requests"),
        ("Go-http-client/2.0", "user-agent:go-http-client"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "user-agent:googlebot"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 HeadlessChrome/130.0 Safari/537.36",
            "user-agent:headlesschrome",
        ),
        ("Mozilla/5.0 (compatible; SomethingNewBot/0.1)", "user-agent:bot"),
        ("Mozilla/5.0 (compatible; Something/0.1)", "user-agent:compatible"),
        (
            "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 (+https://unknown.example/why)",
            "user-agent:address",
        ),
        ("Mozilla/5.0", "user-agent:no-platform"),
        ("SomethingElse/1.0", "user-agent:not-a-browser"),
    ] {
        agent_is(user_agent, Verdict::Bot, reason);
    }
}

#[test]
fn a_headless_brand_gives_away_a_browser_that_hides_it_in_the_user_agent() {
    let mut hit =
        Hit { user_agent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36", ..Hit::new(LinkId(1), 0) };
    hit.brands = "\"HeadlessChrome\";v=\"130\", \"Not?A_Brand\";v=\"99\"";
    assert_eq!(*classify(&hit).reason, "user-agent:headless");
}

#[test]
fn a_mail_gateway_is_a_scanner() {
    agent_is("Mozilla/5.0 (compatible; Proofpoint URL Defense)", Verdict::Scanner, "user-agent:proofpoint");
    agent_is("BarracudaCentral/1.0", Verdict::Scanner, "user-agent:barracuda");
}

#[test]
fn a_phone_may_be_called_like_a_bot() {
    for model in ["CUBOT X18", "Spider 8", "Radar", "Catcher", "Discovery HTTP Monitor"] {
        let user_agent = format!(
            "Mozilla/5.0 (Linux; Android 9; {model} Build/PPR1) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36"
        );
        agent_is(&user_agent, Verdict::Human, "browser");
    }
}

#[test]
fn phones_from_before_smartphones_are_phones() {
    for user_agent in [
        "Nokia6230/2.0 (03.06) Profile/MIDP-2.0 Configuration/CLDC-1.1",
        "SonyEricssonW800i/R1AA Browser/SEMC-Browser/4.2 Profile/MIDP-2.0 Configuration/CLDC-1.1",
        "BlackBerry9000/4.6.0.167 Profile/MIDP-2.0",
        "LG KP500",
    ] {
        let click = by_agent(user_agent);
        assert_eq!((click.verdict, click.look.device), (Verdict::Human, Device::Mobile), "{user_agent}");
    }
}

#[test]
fn an_old_phone_may_say_what_only_a_program_says_of_itself_today() {
    agent_is("MOT-A-88/01.05 UP.Browser/4.1.26 UP.Link/5.1 (Google WAP Proxy/1.0)", Verdict::Human, "browser");
    agent_is("WhatsApp/2.11.112 Android/4.2.1 Device/asus-K00E", Verdict::Human, "browser");
    agent_is("Nokia6820/2.0 Profile/MIDP-1.0 (somebot/1.0)", Verdict::Bot, "user-agent:bot");
}

#[test]
fn no_user_agent_however_odd_brings_classification_down() {
    let letters = ["(", ")", "Android", "\u{e9}", "bot", ";", "\0", "Mozilla/5.0 ", "compatible;", "://", " "];
    for first in letters {
        for second in letters {
            for third in letters {
                by_agent(&format!("{first}{second}{third}"));
            }
        }
    }
}

#[test]
fn the_steps_go_in_their_order_owner_head_prefetch_agent() {
    let mut hit = Hit { user_agent: "curl/8.5.0", ..Hit::new(LinkId(1), 0) };
    assert_eq!(*classify(&hit).reason, "user-agent:curl");
    hit.purpose = "prefetch;prerender";
    assert_eq!((classify(&hit).verdict, classify(&hit).reason.as_str()), (Verdict::Prefetch, "purpose:prefetch"));
    hit.method = Method::Head;
    assert_eq!((classify(&hit).verdict, classify(&hit).reason.as_str()), (Verdict::Head, "method:head"));
    hit.query = "wp-no-track";
    assert_eq!((classify(&hit).verdict, classify(&hit).reason.as_str()), (Verdict::Owner, "query:wp-no-track"));
    hit.address = "::ffff:198.51.100.9".parse::<IpAddr>().unwrap();
    assert_eq!((classify(&hit).verdict, classify(&hit).reason.as_str()), (Verdict::Owner, "network:own"));
}

#[test]
fn every_spelling_of_a_prefetch_is_one_and_other_purposes_are_not() {
    for (purpose, verdict) in [
        ("prefetch", Verdict::Prefetch),
        ("prefetch;anonymous-client-ip", Verdict::Prefetch),
        ("Prefetch", Verdict::Prefetch),
        ("preview", Verdict::Prefetch),
        ("instant", Verdict::Prefetch),
        ("", Verdict::Human),
        ("navigate", Verdict::Human),
    ] {
        let hit = Hit { user_agent: FIREFOX, purpose, ..Hit::new(LinkId(1), 0) };
        assert_eq!(classify(&hit).verdict, verdict, "{purpose:?}");
    }
}

#[test]
fn the_source_is_named_by_the_first_rule_that_speaks() {
    let app = format!("{IPHONE} Mobile/15E148 Instagram 320.0.0.0 (iPhone15,2; iOS 17_5)");
    let mut hit = Hit::new(LinkId(1), 0);
    let named = |hit: &Hit<'_>| {
        let click = classify(hit);
        (click.origin.source.to_string(), click.origin.source_rule.to_string(), click.origin.seen_on.to_string())
    };
    let is = |source: &str, rule: &str, seen_on: &str| (source.to_owned(), rule.to_owned(), seen_on.to_owned());
    hit.user_agent = FIREFOX;
    assert_eq!(named(&hit), is("direct", "direct", ""));
    hit.referrer = "https://www.example.co.uk/x?y=z";
    assert_eq!(named(&hit), is("example.co.uk", "referrer", "example.co.uk"));
    hit.user_agent = &app;
    assert_eq!(named(&hit), is("instagram", "app", "instagram"));
    hit.query = "ttclid=x";
    assert_eq!(named(&hit), is("tiktok", "click-id", "instagram"));
    hit.query = "ttclid=x&utm_source=FB";
    assert_eq!(named(&hit), is("facebook", "utm", "instagram"));
}

#[test]
fn what_the_link_declares_wins_and_does_not_hide_where_the_click_was_seen() {
    let hit = Hit { user_agent: FIREFOX, referrer: "https://t.co/x", query: "utm_source=y", ..Hit::new(LinkId(1), 0) };
    let mut declared = link(LinkId(1));
    declared.platform = Some("linkedin".to_owned());
    let click = classify_by(&CLASSIFIER, &hit, declared.clone());
    assert_eq!(
        (click.origin.source.as_str(), click.origin.source_rule.as_str(), click.origin.seen_on.as_str()),
        ("linkedin", "link", "x")
    );
    declared.utm.source = Some("Newsletter".to_owned());
    assert_eq!(classify_by(&CLASSIFIER, &hit, declared).origin.source, "newsletter");
}

#[test]
fn the_package_that_embeds_the_page_is_an_app_the_user_agent_does_not_show() {
    let hit = Hit { user_agent: CHROME_ANDROID, requested_with: "com.linkedin.android", ..Hit::new(LinkId(1), 0) };
    let click = classify(&hit);
    assert_eq!(
        (click.origin.source.as_str(), click.origin.source_rule.as_str(), click.origin.seen_on.as_str()),
        ("linkedin", "app", "linkedin")
    );
}

#[test]
fn a_links_own_domain_is_no_referrer() {
    let hit = Hit { user_agent: FIREFOX, referrer: "https://go.example.com/other", ..Hit::new(LinkId(1), 0) };
    let own = LinkFacts { domain: "go.example.com".to_owned(), ..link(LinkId(1)) };
    assert_eq!(classify_by(&CLASSIFIER, &hit, own).origin.source, "direct");
}

#[test]
fn a_browser_tells_its_system_its_name_and_its_class() {
    let ipad =
        |version: &str| format!("Mozilla/5.0 (iPad; CPU OS {version} like Mac OS X) AppleWebKit/605.1.15 Safari/604.1");
    let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0";
    let samsung = "Mozilla/5.0 (Linux; Android 10; K) SamsungBrowser/26.0 Chrome/122.0 Mobile Safari/537.36";
    let tablet = "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 Chrome/122.0 Safari/537.36";
    let television = "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) SamsungBrowser/5.0 Chrome/85.0 TV Safari/537.36";
    for (user_agent, os, browser, device) in [
        (FIREFOX, "Linux", "Firefox", Device::Desktop),
        (CHROME_ANDROID, "Android", "Chrome", Device::Mobile),
        (edge, "Windows", "Edge", Device::Desktop),
        (samsung, "Android", "Samsung Internet", Device::Mobile),
        (tablet, "Android", "Chrome", Device::Tablet),
        (television, "Tizen", "Samsung Internet", Device::Tv),
        (&ipad("12_4"), "iOS", "Safari", Device::Tablet),
        (&ipad("17_5"), "iPadOS", "Safari", Device::Tablet),
        ("Opera/9.80 (Android; Opera Mini/36.2/191; U; en) Presto/2.12", "Android", "Opera Mini", Device::Mobile),
        (
            "Mozilla/5.0 (PlayStation 5 3.00) AppleWebKit/605.1.15 Safari/605.1.15",
            "PlayStation",
            "NetFront",
            Device::Console,
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/130.0 Safari/537.36", "ChromeOS", "Chrome", Device::Desktop),
    ] {
        let click = by_agent(user_agent);
        let read = (click.look.os.as_str(), click.look.browser.as_str(), click.look.device);
        assert_eq!(read, (os, browser, device), "{user_agent}");
    }
}

#[test]
fn client_hints_go_before_a_frozen_user_agent() {
    let mut hit = Hit { user_agent: CHROME_ANDROID, ..Hit::new(LinkId(1), 0) };
    hit.form_factors = "\"Tablet\"";
    hit.brands = "\"Chromium\";v=\"130\", \"Brave\";v=\"130\"";
    let click = classify(&hit);
    assert_eq!((click.look.device, click.look.browser.as_str()), (Device::Tablet, "Brave"));
    assert_eq!(click.look.hints, "\"Chromium\";v=\"130\", \"Brave\";v=\"130\"|||\"Tablet\"|");
}

#[test]
fn the_same_hit_is_the_same_click_and_keeps_its_evidence() {
    let hit = Hit {
        user_agent: FIREFOX,
        referrer: "https://l.instagram.com/path?u=secret",
        query: "mc_eid=person@example.com&mkt_tok=secret&fbclid=ad1",
        accept_language: "sv-SE,sv;q=0.9",
        ..Hit::new(LinkId(1), 5)
    };
    let click = classify(&hit);
    assert_eq!(click, classify(&hit));
    assert_eq!((click.look.referrer_host.as_str(), click.look.referrer_path.as_str()), ("l.instagram.com", "/path"));
    assert_eq!((click.click_ids.as_str(), click.look.language.as_str()), ("mc_eid,mkt_tok,fbclid", "sv-SE"));
    assert_eq!((click.look.user_agent.as_str(), click.rules_version), (FIREFOX, RULES_VERSION));
    let shown = format!("{click:?}");
    assert!(!shown.contains("secret") && !shown.contains("person@"), "{shown}");
}

/// A classifier with one table of the owner's.
fn with_table(name: &str, text: &str) -> Classifier {
    let config = crate::config::Config::default_values().classify;
    Classifier::new(&config, &[tables::RuleFile { name: name.to_owned(), text: text.to_owned() }]).unwrap()
}

#[test]
fn an_owners_table_adds_a_bot_excuses_a_person_and_renames_a_source() {
    let hit = Hit { user_agent: "Mozilla/5.0 (X11; Linux) AcmeReader/1 Firefox/130.0", ..Hit::new(LinkId(1), 0) };
    assert_eq!(classify(&hit).verdict, Verdict::Human);
    let click = classify_by(&with_table("bots.tsv", "AcmeReader\tpreview\tacme\n"), &hit, link(LinkId(1)));
    assert_eq!((click.verdict, click.reason.as_str()), (Verdict::Preview, "user-agent:acme"));
    assert_ne!(click.rules_version, RULES_VERSION);
    let curl = Hit { user_agent: "curl/8.5.0", query: "utm_source=IG", ..hit };
    let excused = classify_by(&with_table("bots.tsv", "curl/\thuman\tus\n"), &curl, link(LinkId(1)));
    assert_eq!(excused.verdict, Verdict::Bot);
    let renamed = classify_by(&with_table("aliases.tsv", "ig\tInstagram bio\n"), &curl, link(LinkId(1)));
    assert_eq!((renamed.origin.source.as_str(), renamed.visitor_utm_source.as_str()), ("Instagram bio", "IG"));
}

#[test]
fn notes_that_were_taken_by_other_rules_say_nothing() {
    let (link, salt, places, mut notes) =
        (KnownLink::from(link(LinkId(1))), Salt([7; 32]), Places::default(), Notes::default());
    let hit = Hit { user_agent: "Mozilla/5.0 (X11; Linux) AcmeReader/1 Firefox/130.0", ..Hit::new(LinkId(1), 0) };
    let ours = with_table("bots.tsv", "AcmeReader\tpreview\tacme\n");
    let verdict = |by: &Classifier| {
        let click = by.classify(&hit, Uuid::nil(), &link, &salt, &places, &mut notes).into_owned();
        assert_eq!(by.reclassify(&click, &mut notes).verdict, click.verdict);
        click.verdict
    };
    assert_eq!([&*CLASSIFIER, &ours, &CLASSIFIER].map(verdict), [Verdict::Human, Verdict::Preview, Verdict::Human]);
}

#[test]
fn a_network_of_the_owners_table_decides_and_names_itself() {
    let classifier = with_table("networks.tsv", "2001:db8::/32\tscanner\tgateway\n");
    let hit = Hit { user_agent: FIREFOX, address: "2001:db8::5".parse().unwrap(), ..Hit::new(LinkId(1), 0) };
    let click = classify_by(&classifier, &hit, link(LinkId(1)));
    assert_eq!((click.verdict, click.reason.as_str()), (Verdict::Scanner, "network:gateway"));
    assert_eq!(*CLASSIFIER.reclassify(&click, &mut Notes::default()).reason, "network:gateway");
}

#[test]
fn a_browser_on_a_rented_machine_is_a_scanner_unless_it_is_a_phone_or_an_app() {
    let mut click = classify(&Hit { user_agent: FIREFOX, ..Hit::new(LinkId(1), 0) });
    Arc::make_mut(click.place.to_mut()).asn = "8075".into();
    let again = CLASSIFIER.reclassify(&click, &mut Notes::default());
    assert_eq!((again.verdict, again.reason.as_str()), (Verdict::Scanner, "hosting:microsoft"));
    for user_agent in [CHROME_ANDROID, "Mozilla/5.0 (X11; Linux) Chrome/130.0 [LinkedInApp]"] {
        Arc::make_mut(click.look.to_mut()).user_agent = user_agent.into();
        assert_eq!(CLASSIFIER.reclassify(&click, &mut Notes::default()).verdict, Verdict::Human, "{user_agent}");
    }
}

#[test]
fn a_click_judged_again_by_the_same_rules_is_the_same_click() {
    let ios = format!("{IPHONE} Mobile/15E148 Instagram 320.0.0.0 (iPhone15,2; iOS 17_5)");
    let agents = [FIREFOX, CHROME_ANDROID, ios.as_str(), "curl/8.5.0", "", "WhatsApp/2.23.20.0 A"];
    let referrers = ["", "https://t.co/x?y=z", "android-app://org.unknown.app/", "https://www.blog.example.co.uk/post"];
    let queries = ["", "utm_source=FB&utm_medium=Paid_Social", "gclid=x&fbclid=y", "gclid=x&ttclid=y", "wp-no-track"];
    for (user_agent, referrer, query) in product(&agents, &referrers, &queries) {
        for (method, purpose) in [(Method::Get, ""), (Method::Head, ""), (Method::Get, "prefetch;prerender")] {
            let brands = "\"Chromium\";v=\"130\", \"A|B\";v=\"1\"";
            let hit = Hit { user_agent, referrer, query, method, purpose, brands, ..Hit::new(LinkId(1), 5) };
            let click = classify(&hit);
            assert_eq!(CLASSIFIER.reclassify(&click, &mut Notes::default()), click, "{hit:?}");
        }
    }
}

fn product<'a>(
    first: &'a [&'a str],
    second: &'a [&'a str],
    third: &'a [&'a str],
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (*a, *b)));
    pairs.flat_map(|(a, b)| third.iter().map(move |c| (a, b, *c)))
}

#[test]
fn an_ipad_that_says_macintosh_is_known_by_its_browser_or_by_its_hints() {
    let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    for tail in ["CriOS/130.0 Version/17.5 Safari/605.1.15", "FxiOS/130.0 Safari/605.1.15", "Mobile/15E148"] {
        let click = by_agent(&format!("{mac} {tail}"));
        assert_eq!((click.look.os.as_str(), click.look.device), ("iPadOS", Device::Tablet), "{tail}");
    }
    let plain = format!("{mac} Version/17.5 Safari/605.1.15");
    assert_eq!(by_agent(&plain).look.device, Device::Desktop);
    let hinted = |name: &str, value: &'static [u8]| {
        let mut hit = Hit { user_agent: &plain, ..Hit::new(LinkId(1), 0) };
        hit.take_header(name, value);
        let click = classify(&hit);
        (click.look.os.to_string(), click.look.device)
    };
    for (name, value) in [
        ("sec-ch-ua-platform", &b"\"iOS\""[..]),
        ("sec-ch-ua-platform", b"\"iPadOS\""),
        ("sec-ch-ua-mobile", b"?1"),
        ("sec-ch-ua-form-factors", b"\"Tablet\""),
    ] {
        assert_eq!(hinted(name, value), ("iPadOS".to_owned(), Device::Tablet), "{name}");
    }
    assert_eq!(hinted("sec-ch-ua-platform", b"\"macOS\""), ("macOS".to_owned(), Device::Desktop));
    assert_eq!(hinted("sec-ch-ua-mobile", b"?0").1, Device::Desktop);
}

#[test]
fn the_channel_follows_from_source_medium_and_how_the_click_was_found() {
    let hit = |query, referrer| Hit { user_agent: FIREFOX, query, referrer, ..Hit::new(LinkId(1), 0) };
    for (hit, channel) in [
        (hit("", ""), "Direct"),
        (hit("", "https://www.google.com/"), "Organic Search"),
        (hit("gclid=x", ""), "Paid Search"),
        (hit("", "https://l.instagram.com/"), "Organic Social"),
        (hit("", "https://blog.example.com/"), "Referral"),
        (hit("utm_source=fb&utm_medium=paid_social", ""), "Paid Social"),
        (hit("utm_source=letter&utm_medium=email", ""), "Email"),
        (hit("utm_source=poster", ""), "Unassigned"),
    ] {
        assert_eq!(classify(&hit).origin.channel, channel, "{hit:?}");
    }
    let mail = LinkFacts { level: Level::Email, platform: Some("letter".to_owned()), ..link(LinkId(1)) };
    assert_eq!(classify_by(&CLASSIFIER, &hit("", ""), mail).origin.channel, "Email");
}
