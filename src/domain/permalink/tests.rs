//! Ways to write posts, as tables: a new one is a new line.

use super::*;

/// Every text of a line names the same post, whose name comes first.
#[track_caller]
fn same(platform: &str, expected: &str, texts: &[&str]) {
    for text in texts {
        let found = name(platform, text);
        assert_eq!(found.as_deref(), Some(expected), "{text}");
        assert_eq!(name(platform, expected).as_deref(), Some(expected), "a name is its own name");
        assert_eq!(name("", expected).as_deref(), Some(expected), "a name is its own name");
    }
}

#[test]
fn e65_a_post_on_x_is_its_status_under_every_host_and_path() {
    let texts = [
        "https://x.com/jane/status/20",
        "https://twitter.com/jane/status/20",
        "http://mobile.twitter.com/jane/statuses/20/",
        "https://x.com/i/web/status/20",
        "https://x.com/i/status/20",
        "https://x.com/renamed/status/20?s=20&t=abc",
        "x.com/jane/status/20/photo/1",
        "https://www.x.com/jane/status/20#m",
    ];
    same("", "x:20", &texts);
    same("x", "x:20", &["20", " 20 "]);
    for other in ["https://notx.com/jane/status/20", "https://x.com/jane", "https://x.com/jane/status/undefined"] {
        assert_ne!(name("x", other).as_deref(), Some("x:20"), "{other}");
    }
}

#[test]
fn e66_an_instagram_post_is_its_code_whatever_it_is_called() {
    let texts = [
        "https://www.instagram.com/p/CxYz_1-a/",
        "https://instagram.com/reel/CxYz_1-a/?igsh=abc",
        "https://www.instagram.com/reels/CxYz_1-a",
        "https://www.instagram.com/tv/CxYz_1-a/",
        "https://www.instagram.com/jane/reel/CxYz_1-a/",
        "instagram.com/jane/p/CxYz_1-a",
    ];
    same("", "ig:CxYz_1-a", &texts);
    assert_ne!(name("", "https://www.instagram.com/p/cxyz_1-a/").as_deref(), Some("ig:CxYz_1-a"), "case matters");
    same("", "ig-story:3412345678901234567", &["https://www.instagram.com/stories/jane/3412345678901234567/"]);
    same("instagram", "ig-id:17912345678901234", &["17912345678901234"]);
}

#[test]
fn e67_a_facebook_post_is_its_number_or_its_pfbid_and_never_a_guess_from_one_to_the_other() {
    let number = [
        "https://www.facebook.com/page/posts/122158000000000001",
        "https://www.facebook.com/page/posts/some-words/122158000000000001/",
        "https://www.facebook.com/reel/122158000000000001/",
        "https://m.facebook.com/page/videos/122158000000000001/",
        "https://www.facebook.com/watch/?v=122158000000000001",
        "https://www.facebook.com/photo.php?fbid=122158000000000001&set=a.2&type=3",
        "https://www.facebook.com/photo/?fbid=122158000000000001",
        "https://www.facebook.com/permalink.php?story_fbid=122158000000000001&id=100",
        "https://www.facebook.com/groups/7/posts/122158000000000001/",
    ];
    same("", "fb:122158000000000001", &number);
    same("facebook", "fb:122158000000000001", &["122158000000000001", "61550000000000_122158000000000001"]);
    let pfbid = [
        "https://www.facebook.com/page/posts/pfbid02AbCdEfGhIj",
        "https://www.facebook.com/permalink.php?story_fbid=pfbid02AbCdEfGhIj&id=100",
    ];
    same("", "fb:pfbid02AbCdEfGhIj", &pfbid);
    let shared = "https://www.facebook.com/share/p/1AbCdEf/";
    assert_eq!(name("", shared).as_deref(), Some("https://facebook.com/share/p/1AbCdEf"));
}

#[test]
fn e64_a_linkedin_activity_is_not_the_share_of_the_same_number() {
    let activity = [
        "urn:li:activity:7000000000000000001",
        "https://www.linkedin.com/feed/update/urn:li:activity:7000000000000000001/",
        "https://www.linkedin.com/feed/update/urn%3Ali%3Aactivity%3A7000000000000000001?trk=public",
        "https://www.linkedin.com/posts/jane-doe_some-words-activity-7000000000000000001-AbCd",
    ];
    same("", "li:activity:7000000000000000001", &activity);
    same("linkedin", "li:share:7000000000000000001", &["urn:li:share:7000000000000000001"]);
    same(
        "",
        "li:ugcPost:7000000000000000001",
        &[
            "https://de.linkedin.com/posts/jane_words-ugcPost-7000000000000000001-x",
            "urn:li:ugcpost:7000000000000000001",
        ],
    );
}

#[test]
fn e68_a_video_is_its_id_however_it_was_shared() {
    let texts = [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=10s",
        "https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ?si=abcdef",
        "https://m.youtube.com/shorts/dQw4w9WgXcQ",
        "https://youtube.com/live/dQw4w9WgXcQ?feature=share",
        "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
        "https://studio.youtube.com/video/dQw4w9WgXcQ/edit",
    ];
    same("", "youtube:dQw4w9WgXcQ", &texts);
    same("youtube", "youtube:dQw4w9WgXcQ", &["dQw4w9WgXcQ"]);
    same(
        "",
        "tiktok:7300000000000000001",
        &[
            "https://www.tiktok.com/@jane/video/7300000000000000001?is_from_webapp=1",
            "https://www.tiktok.com/@renamed/photo/7300000000000000001",
            "https://m.tiktok.com/v/7300000000000000001.html",
        ],
    );
}

#[test]
fn posts_of_the_other_platforms_have_one_name_each() {
    same(
        "",
        "pin:813744226420795884",
        &[
            "https://www.pinterest.com/pin/813744226420795884/",
            "https://se.pinterest.com/pin/some-words--813744226420795884/",
            "https://www.pinterest.co.uk/pin/813744226420795884/?mt=login",
        ],
    );
    same(
        "",
        "threads:C8abcDEF",
        &["https://www.threads.net/@jane/post/C8abcDEF", "threads.com/@jane/post/C8abcDEF?x=1"],
    );
    same(
        "",
        "bsky:3k43tv4rft22g",
        &[
            "https://bsky.app/profile/jane.example/post/3k43tv4rft22g",
            "https://bsky.app/profile/did:plc:abc/post/3k43tv4rft22g",
            "at://did:plc:abc/app.bsky.feed.post/3k43tv4rft22g",
        ],
    );
    same(
        "",
        "mastodon:social.example/111111111111111111",
        &[
            "https://social.example/@jane/111111111111111111",
            "https://social.example/users/jane/statuses/111111111111111111",
        ],
    );
    same(
        "",
        "reddit:1abcde",
        &[
            "https://www.reddit.com/r/rust/comments/1abcde/some_title/",
            "https://old.reddit.com/r/rust/comments/1abcde",
            "https://redd.it/1abcde",
        ],
    );
}

#[test]
fn an_address_that_no_rule_knows_has_one_form() {
    same(
        "",
        "https://blog.example/P/CxYz?id=1",
        &[
            "http://www.Blog.example/P/CxYz/?id=1",
            "HTTPS://blog.example:443/P/CxYz?utm_source=x&id=1&fbclid=abc#c",
            "blog.example/P/CxYz?id=1",
        ],
    );
    for text in ["https://vm.tiktok.com/ZM123/", "https://instagram.com/stories/highlights/17912345678901234"] {
        assert!(name("", text).unwrap().starts_with("https://"), "{text}");
    }
}

#[test]
fn whatever_is_no_address_and_no_known_id_stays_as_it_is() {
    for text in ["spotify:track:1", "10.5", "a/b", "https://", "ftp://www.example.com/", "17912345678901234", "issue 7"]
    {
        assert_eq!(name("", text).as_deref(), Some(text));
    }
    assert_eq!(name("x", " "), None);
    assert_eq!(name("", &"p".repeat(513)), None);
}

#[test]
fn hosts_are_compared_by_their_labels_never_by_a_part() {
    for text in ["https://notinstagram.com/p/CxYz1", "https://instagram.com.evil.example/p/CxYz1"] {
        assert!(name("", text).unwrap().starts_with("https://"), "{text}");
    }
}

#[test]
fn an_account_is_known_without_its_at_sign_and_case() {
    assert_eq!(profile("instagram", " @Jane "), "instagram:profile:jane");
    assert_eq!(profile("tiktok", ""), "tiktok:profile");
    same("", "instagram:profile:jane", &["https://www.instagram.com/Jane/", "instagram.com/jane?hl=en"]);
    same("", "tiktok:profile:jane", &["https://www.tiktok.com/@jane"]);
    same("", "linkedin:profile:acme", &["https://www.linkedin.com/company/acme/"]);
    assert_eq!(names("x", ["20", "", "https://x.com/a/status/20", "x:21"]), ["x:20", "x:21"]);
}
