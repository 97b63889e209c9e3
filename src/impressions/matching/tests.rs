//! Which links stand in which posts, rule by rule.

use jiff::SignedDuration;

use super::*;
use crate::domain::slug::Matching;
use crate::impressions::book::of_posts;
use crate::impressions::reading::PlatformPost;

const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn minutes(count: i64) -> Timestamp {
    NOON + SignedDuration::from_mins(count)
}

/// A link on the default domain, made at noon for a post on Instagram.
fn link(id: u64, slug: &str) -> Candidate {
    Candidate {
        id: LinkId(id),
        label: slug.to_owned(),
        domain: DomainName::DEFAULT,
        folded: slug.to_owned(),
        created_at: NOON,
        placed_on: Some("instagram".to_owned()),
        platform: Some("instagram".to_owned()),
        level: Level::Post,
        utm: Utm::default(),
        tags: Vec::new(),
        permanent: false,
        names: Vec::new(),
    }
}

fn with_names(id: u64, names: &[&str]) -> Candidate {
    Candidate { names: permalink::names("", names.iter().copied()), ..link(id, &format!("slug{id}")) }
}

fn with_utm(id: u64, platform: Option<&str>, campaign: &str, content: Option<&str>) -> Candidate {
    Candidate {
        platform: platform.map(str::to_owned),
        utm: Utm { campaign: Some(campaign.to_owned()), content: content.map(str::to_owned), ..Utm::default() },
        level: Level::Ad,
        ..link(id, &format!("slug{id}"))
    }
}

fn post(name: &str) -> PlatformPost {
    PlatformPost {
        platform: "instagram".to_owned(),
        level: Level::Post,
        names: vec![name.to_owned()],
        ..PlatformPost::default()
    }
}

fn saying(name: &str, text: &str) -> PlatformPost {
    PlatformPost { mentions: vec![text.to_owned()], ..post(name) }
}

fn ad(name: &str, platform: &str, campaign: &str, ad: &str) -> PlatformPost {
    PlatformPost {
        platform: platform.to_owned(),
        level: Level::Ad,
        campaign: Some(campaign.to_owned()),
        ad: Some(ad.to_owned()),
        ..post(name)
    }
}

fn hosts() -> Hosts {
    let domain = |name: &str| DomainName(name.to_owned());
    Hosts::new([
        ("go.example.com", DomainName::DEFAULT, Matching::IgnoreCase),
        ("old.example.com", DomainName::DEFAULT, Matching::IgnoreCase),
        ("strict.example", domain("strict.example"), Matching::Strict),
        ("xn--bcher-kva.example", domain("xn--bcher-kva.example"), Matching::IgnoreCase),
    ])
}

struct Outcome {
    book: Book,
    matches: Matches,
}

impl Outcome {
    fn of(posts: &[PlatformPost], links: &[Candidate], decisions: &[Decision]) -> Self {
        let book = of_posts(NOON, posts);
        let matches = Matches::new(&book, links, &hosts(), decisions);
        Self { book, matches }
    }

    /// `name: link by rule`, of every match.
    fn matches(&self) -> Vec<String> {
        let text =
            |found: &Match| format!("{}: {} by {}", self.book.post(found.post).key(), found.link, found.rule.as_str());
        self.matches.matches.iter().map(text).collect()
    }

    fn suggestions(&self, name: &str) -> Vec<(u64, &'static str)> {
        let post = self.book.find(name).unwrap();
        self.matches.suggestions(post).iter().map(|open| (open.link.0, open.hint.as_str())).collect()
    }
}

fn outcome(posts: &[PlatformPost], links: &[Candidate]) -> Outcome {
    Outcome::of(posts, links, &[])
}

/// The link that a post with this text is matched with.
fn in_text(text: &str, links: &[Candidate]) -> Option<u64> {
    outcome(&[saying("x:1", text)], links).matches.matches.first().map(|found| found.link.0)
}

#[test]
fn a_saved_id_or_permalink_is_the_surest_sign() {
    let posts = [saying("x:20", "go.example.com/slug2"), post("https://www.instagram.com/p/CxYz1/")];
    let links = [
        with_names(1, &["https://twitter.com/jane/status/20?s=20"]),
        with_names(2, &["https://instagram.com/reel/CxYz1/"]),
    ];
    let found = outcome(&posts, &links);
    assert_eq!(found.matches(), ["x:20: 1 by permalink", "ig:CxYz1: 2 by permalink"]);
    assert_eq!(found.suggestions("x:20"), [(2, "mentioned")], "what its text says is proposed");
}

#[test]
fn e59_a_text_of_wrapped_links_says_nothing_and_is_no_error() {
    let found = outcome(&[saying("x:1", "t.co/aBcD"), saying("x:2", "https://t.co/spring")], &[link(1, "spring")]);
    assert!(found.matches().is_empty());
}

#[test]
fn e60_a_short_url_is_found_bare_in_brackets_and_before_punctuation() {
    let links = [link(1, "spring"), link(2, "v1.2"), link(3, "a/b")];
    for text in [
        "go.example.com/spring",
        "https://go.example.com/spring",
        "HTTP://GO.Example.com/Spring/",
        "(go.example.com/spring)",
        "go.example.com/spring.",
        "go.example.com/spring),",
        "“https://go.example.com/spring”",
        "go.example.com/spring?utm_x=1&amp;y=2",
        "go.example.com/spring#top",
        "go.example.com:443/spring",
        "go.exa\u{200b}mple.com/spr\u{200d}ing\u{feff}",
        "https:&#x2F;&#x2F;go.example.com&#x2F;spring",
        "go.example.com/%73pring",
    ] {
        assert_eq!(in_text(text, &links), Some(1), "{text}");
    }
    assert_eq!(in_text("go.example.com/v1.2.", &links), Some(2));
    assert_eq!(in_text("go.example.com/a/b!", &links), Some(3));
}

#[test]
fn e60_what_was_cut_off_matches_nothing() {
    let links = [link(1, "spring"), link(2, "spr")];
    for text in ["go.example.com/spr…", "go.example.com/spring...", "go.example.com/spring…", "go.example.com", ""]
    {
        assert_eq!(in_text(text, &links), None, "{text}");
    }
}

#[test]
fn e61_a_slug_that_begins_like_another_is_another() {
    let links = [link(1, "spring"), link(2, "spring-2")];
    assert_eq!(in_text("go.example.com/spring-2", &links), Some(2));
    assert_eq!(in_text("go.example.com/spring-3", &links), None);
    assert_eq!(in_text("go.example.com/spring/2", &links), None);
}

#[test]
fn e62_hosts_are_ours_in_any_case_in_punycode_and_after_they_were_given_up() {
    let on = |id, domain: &str, slug: &str| Candidate { domain: DomainName(domain.to_owned()), ..link(id, slug) };
    let links = [
        link(1, "spring"),
        on(2, "xn--bcher-kva.example", "spring"),
        on(3, "gone.example", "spring"),
        on(4, "strict.example", "Spring"),
    ];
    for (text, id) in [
        ("OLD.example.com/spring", Some(1)),
        ("Bücher.example/spring", Some(2)),
        ("xn--bcher-kva.example/SPRING", Some(2)),
        ("gone.example/spring", Some(3)),
        ("strict.example/Spring", Some(4)),
        ("strict.example/spring", None),
        ("other.example/spring", None),
        ("go.example.com.evil.example/spring", None),
        ("evil.example/go.example.com/spring", None),
        ("user@go.example.com/spring", None),
    ] {
        assert_eq!(in_text(text, &links), id, "{text}");
    }
}

#[test]
fn e58_entities_are_decoded_once() {
    assert_eq!(in_text("go.example.com/a&amp;#47;b", &[link(1, "a/b")]), None);
}

#[test]
fn e63_one_link_in_three_posts_is_no_posts_own_and_two_links_in_one_post_are_both_there() {
    let posts = [
        saying("x:1", "go.example.com/a"),
        saying("x:2", "go.example.com/a"),
        saying("x:3", "go.example.com/a"),
        PlatformPost { mentions: vec!["go.example.com/b".into(), "go.example.com/c".into()], ..post("x:4") },
    ];
    let found = outcome(&posts, &[link(1, "a"), link(2, "b"), link(3, "c")]);
    let alone = |name: &str| found.matches.is_alone(found.book.find(name).unwrap());
    assert!(!alone("x:1") && !alone("x:3") && alone("x:4"));
    assert_eq!(found.matches.of_link(LinkId(1)).len(), 3);
    assert_eq!(found.matches()[3..], ["x:4: 2 by text", "x:4: 3 by text"]);
}

#[test]
fn a_column_of_destinations_is_surer_than_the_text() {
    let both = PlatformPost { urls: vec!["https://go.example.com/a".into()], ..saying("x:1", "go.example.com/b") };
    let found = outcome(&[both], &[link(1, "a"), link(2, "b")]);
    assert_eq!(found.matches(), ["x:1: 1 by url"]);
    assert_eq!(found.suggestions("x:1"), [(2, "mentioned")]);
}

#[test]
fn e69_a_slug_that_another_link_had_when_the_post_was_published_is_only_proposed() {
    let of = |published: Option<&str>| {
        let post = PlatformPost { published: published.map(str::to_owned), ..saying("x:1", "go.example.com/a") };
        outcome(&[post], &[link(1, "a")])
    };
    let before = minutes(-3 * 24 * 60);
    let found = of(Some(&before.to_string()));
    assert!(found.matches().is_empty());
    assert_eq!(found.suggestions("x:1"), [(1, "made-later")]);
    let just_before = minutes(-600).to_string();
    for published in [None, Some(just_before.as_str()), Some("not a time")] {
        assert_eq!(of(published).matches(), ["x:1: 1 by text"], "{published:?}");
    }
    let day = before.strftime("%F").to_string();
    assert_eq!(of(Some(&day)).suggestions("x:1"), [(1, "made-later")]);
}

#[test]
fn e70_a_link_that_is_made_after_the_import_is_matched_or_offered_when_it_is_there() {
    let posts =
        [post("x:20"), PlatformPost { published: Some("2026-01-01".into()), ..saying("x:21", "go.example.com/a") }];
    assert!(outcome(&posts, &[]).matches().is_empty());
    let found = outcome(&posts, &[with_names(1, &["x:20"]), link(2, "a")]);
    assert_eq!(found.matches(), ["x:20: 1 by permalink"]);
    assert_eq!(found.suggestions("x:21"), [(2, "made-later")]);
}

#[test]
fn ads_are_matched_by_the_names_of_campaign_and_ad_however_they_are_spaced() {
    let posts = [
        ad("meta-ad:1", "facebook", "Spring Sale", "Blue_Shoes"),
        ad("meta-ad:2", "facebook", "Spring Sale", "Red Shoes"),
        ad("meta-ad:3", "facebook", "Autumn", "Blue Shoes"),
    ];
    let links = [
        with_utm(1, Some("facebook"), "spring-sale", Some("blue-shoes")),
        with_utm(2, Some("instagram"), "SPRING_SALE", None),
        with_utm(3, Some("facebook"), "spring", None),
    ];
    let found = outcome(&posts, &links);
    assert_eq!(found.matches(), ["meta-ad:1: 1 by utm", "meta-ad:2: 2 by utm"]);
    assert_eq!(found.suggestions("meta-ad:2"), [], "its campaign's link is found, so nothing is guessed");
}

#[test]
fn a_link_of_a_story_in_the_same_campaign_is_only_proposed_for_its_ads() {
    let story = Candidate { level: Level::Story, ..with_utm(1, Some("instagram"), "spring", None) };
    let found = outcome(&[ad("meta-ad:1", "meta", "Spring", "A")], &[story]);
    assert_eq!((found.matches().len(), found.suggestions("meta-ad:1")), (0, vec![(1, "campaign")]));
    let story = Candidate { level: Level::Story, ..with_utm(1, None, "spring", None) };
    let found = outcome(&[ad("meta-ad:1", "meta", "Spring", "A")], &[story, with_utm(2, None, "spring", None)]);
    assert_eq!(found.suggestions("meta-ad:1"), [(2, "campaign"), (1, "campaign")], "a link for ads comes first");
}

#[test]
fn an_ad_is_matched_by_its_id_in_the_utm() {
    let of = |utm: Utm| {
        let posts = [PlatformPost { ids: vec!["12021".into()], ..ad("meta-ad:12021", "meta", "Spring", "A") }];
        outcome(&posts, &[Candidate { utm, ..link(1, "a") }]).matches()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(of(Utm { id: text("12021"), ..Utm::default() }), ["meta-ad:12021: 1 by utm"]);
    assert_eq!(
        of(Utm { campaign: text("spring"), content: text("12021"), ..Utm::default() }),
        ["meta-ad:12021: 1 by utm"]
    );
    assert!(of(Utm { campaign: text("spring"), content: text("other"), ..Utm::default() }).is_empty());
}

#[test]
fn e72_one_campaign_on_two_platforms_is_matched_on_each_of_its_own() {
    let posts = [ad("meta-ad:1", "facebook", "Spring", "A"), ad("li-ad:1", "linkedin", "Spring", "A")];
    let links = [
        with_utm(1, Some("facebook"), "spring", None),
        with_utm(2, Some("linkedin"), "spring", None),
        with_utm(3, None, "spring", None),
    ];
    let found = outcome(&posts, &links);
    assert_eq!(found.matches(), ["meta-ad:1: 1 by utm", "li-ad:1: 2 by utm"]);
    let found = outcome(&posts, &links[2..]);
    assert_eq!(found.suggestions("meta-ad:1"), [(3, "campaign")], "a link of no platform is only proposed");
}

#[test]
fn a_post_is_proposed_the_links_that_were_made_around_its_time_nearest_first() {
    let made = |id, at| Candidate { created_at: minutes(at), ..link(id, &format!("s{id}")) };
    let published = PlatformPost { published: Some(NOON.to_string()), ..post("ig:CxYz1") };
    let elsewhere = Candidate { platform: Some("x".to_owned()), ..made(9, 0) };
    let bio = Candidate { level: Level::Profile, ..made(8, 0) };
    let links = [made(1, -300), made(2, -4), made(3, 9), made(4, 11), made(5, -3000), elsewhere, bio];
    let found = outcome(&[published], &links);
    assert!(found.matches().is_empty());
    assert_eq!(found.suggestions("ig:CxYz1"), [(2, "time"), (3, "time"), (1, "time")]);
    let open = &found.matches.suggestions(found.book.find("ig:CxYz1").unwrap())[0];
    assert_eq!(open.evidence, "made 4 minutes before it was published");
}

#[test]
fn a_bio_link_belongs_to_the_only_account_of_its_platform_and_is_proposed_to_several() {
    let account = |name: &str| PlatformPost { level: Level::Profile, ..post(name) };
    let bio = Candidate { level: Level::Profile, ..link(1, "bio") };
    let named = Candidate { level: Level::Profile, ..with_names(2, &["https://www.instagram.com/Jane/"]) };
    let found = outcome(&[account("instagram:profile:jane")], &[bio.clone(), link(3, "post")]);
    assert_eq!(found.matches(), ["instagram:profile:jane: 1 by profile"]);
    let two = [account("instagram:profile:jane"), account("instagram:profile:june")];
    let found = outcome(&two, &[bio, named]);
    assert_eq!(found.matches(), ["instagram:profile:jane: 2 by permalink"]);
    assert_eq!(found.suggestions("instagram:profile:june"), [(1, "profile")]);
}

#[test]
fn a_file_that_speaks_of_a_link_needs_no_rule() {
    let found = outcome(&[post("link-id:1"), post("link-id:9")], &[link(1, "a")]);
    assert_eq!(found.matches(), ["link-id:1: 1 by link"]);
}

fn decided(link: u64, post: &str, says: Says, minute: i64) -> Decision {
    Decision { link: LinkId(link), post: post.to_owned(), says, at: minutes(minute) }
}

#[test]
fn what_a_person_decided_stands_above_all_rules_and_can_be_taken_back() {
    let posts = [saying("x:1", "go.example.com/a"), post("x:2")];
    let links = [link(1, "a"), link(2, "b")];
    let with = |decisions: &[Decision]| Outcome::of(&posts, &links, decisions).matches();
    assert_eq!(with(&[]), ["x:1: 1 by text"]);
    assert_eq!(with(&[decided(1, "x:1", Says::Refused, 0)]), Vec::<String>::new());
    assert_eq!(with(&[decided(2, "x:1", Says::Confirmed, 0)]), ["x:1: 1 by text", "x:1: 2 by decision"]);
    assert_eq!(with(&[decided(2, "x:2", Says::Confirmed, 0)]), ["x:1: 1 by text", "x:2: 2 by decision"]);
    assert_eq!(with(&[decided(2, "x:77", Says::Confirmed, 0)]), ["x:1: 1 by text"], "a post to come");
}

#[test]
fn of_two_decisions_under_two_names_of_a_post_the_newer_one_holds() {
    let posts =
        [PlatformPost { permalink: Some("https://facebook.com/p/posts/pfbid012345678".into()), ..post("fb:12345") }];
    let decisions = [decided(1, "fb:12345", Says::Confirmed, 5), decided(1, "fb:pfbid012345678", Says::Refused, 9)];
    assert!(Outcome::of(&posts, &[link(1, "a")], &decisions).matches().is_empty());
    let decisions = [decided(1, "fb:12345", Says::Confirmed, 5), decided(1, "fb:pfbid012345678", Says::Refused, 1)];
    assert_eq!(Outcome::of(&posts, &[link(1, "a")], &decisions).matches().len(), 1);
}

#[test]
fn a_refused_link_is_not_proposed_again() {
    let published = PlatformPost { published: Some(NOON.to_string()), ..post("ig:CxYz1") };
    let refused = [decided(1, "ig:CxYz1", Says::Refused, 0)];
    let found = Outcome::of(&[published], &[link(1, "a"), link(2, "b")], &refused);
    assert_eq!(found.suggestions("ig:CxYz1"), [(2, "time")]);
}

#[test]
fn a_decision_is_read_back_from_its_record() {
    use crate::domain::record::{Record, Revision};
    let decision = decided(7, "https://blog.example/a b", Says::Refused, 3);
    let key = decision::key(decision.link, &decision.post).unwrap();
    let record = Record { key, revision: Revision(1), value: decision.value().unwrap() };
    assert_eq!(Decision::read(&record), Some(decision));
}

#[test]
fn e84_a_link_that_is_disabled_or_expired_is_matched_like_any_other() {
    // A candidate does not even know: only its names, its place and its time are asked.
    let found = outcome(&[saying("x:1", "go.example.com/a")], &[link(1, "a")]);
    assert_eq!(found.matches(), ["x:1: 1 by text"]);
}

#[test]
fn thousands_of_posts_and_links_are_matched_without_a_square() {
    let posts: Vec<_> =
        (0..5000).map(|id| saying(&format!("x:{}", id + 1), &format!("go.example.com/s{id}"))).collect();
    let links: Vec<_> = (0..5000).map(|id| link(id + 1, &format!("s{id}"))).collect();
    assert_eq!(outcome(&posts, &links).matches().len(), 5000);
}
