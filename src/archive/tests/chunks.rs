//! What chunks promise: a click keeps what it tells, whatever it shares and wherever it waits.

use super::*;

/// Texts by turns: mostly none, mostly the same, or one of many.
fn text(name: &str, number: u64) -> CompactString {
    if number == 0 { CompactString::default() } else { CompactString::from(format!("{name} {number}")) }
}

/// Clicks that share links, looks, origins and places by turns, not quite in the order of time and of two days. Every
/// ninth has texts of its own.
fn various(count: u64) -> Vec<Click> {
    let links: Vec<_> = (0..40).map(|n| link(n + 1, if n % 3 == 0 { "" } else { "spring" })).collect();
    let look =
        |n: u64| Look { user_agent: text("agent", n), app: text("app", n % 3), os: "ios".into(), ..Look::default() };
    let looks: Vec<_> = (0..700).map(|n| Arc::new(look(n))).collect();
    let origin = |n: u64| Origin { source: text("source", n + 1), seen_on: text("seen", n % 2), ..Origin::default() };
    let origins: Vec<_> = (0..5).map(|n| Arc::new(origin(n))).collect();
    let make = |position: u64| {
        // Spreads neighbours as chance would.
        let chance = position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let late = if chance.is_multiple_of(500) { 4000 } else { (chance % 5).cast_signed() };
        let mut click = click(position, MIDNIGHT - 1000 + position.cast_signed() / 2 - late);
        click.link = Cow::Owned(Arc::clone(&links[(chance % 40) as usize]));
        click.look = Cow::Owned(Arc::clone(&looks[(chance % 700) as usize]));
        click.origin = Cow::Owned(Arc::clone(&origins[(position / 7000) as usize]));
        click.verdict = Verdict::ALL[(chance % 11).saturating_sub(3) as usize % 8];
        click.reason = Cow::Owned(text("reason", chance % 4));
        click.visitor = Visitor(chance << 30);
        click.click_id_values = text("gclid=", if chance.is_multiple_of(60) { chance } else { 0 });
        if position.is_multiple_of(9) {
            click.visitor_utm_source = text("utm", chance);
            click.look = Cow::Owned(Arc::new(look(chance)));
        }
        click.rules_version = u32::from(position > 9000);
        click
    };
    (0..count).map(make).collect()
}

fn push_by_turns(archive: &Archive, clicks: &[Click]) {
    let (mut rest, mut sizes) = (clicks, [1, 5000, 17, 9000, 8192, 300].into_iter().cycle());
    while !rest.is_empty() {
        let (now, after) = rest.split_at(rest.len().min(sizes.next().unwrap()));
        push(archive, now.to_vec());
        rest = after;
    }
}

#[test]
fn clicks_come_back_as_they_came_whatever_they_share_pending_or_sealed() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    // More than a row group.
    let mut clicks = various(34_900);
    push_by_turns(&archive, &clicks);
    let mut found = Vec::new();
    archive.clicks(ClickQuery::default(), |click| found.push(click)).unwrap();
    assert!(found == clicks, "pending");
    archive.seal(JOURNAL, Position(0)).unwrap();
    clicks.sort_by_key(|click| click.time_ms);
    found.clear();
    for file in archive.files_from(jiff::civil::Date::MIN).unwrap() {
        archive.read_clicks(&file, |click| found.push(click)).unwrap();
    }
    assert!(found == clicks, "sealed");
}

#[test]
fn a_file_depends_on_its_clicks_alone_and_not_on_how_they_waited() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push_by_turns(&archive, &various(34_900));
    archive.seal(JOURNAL, Position(0)).unwrap();
    for file in archive.files_from(jiff::civil::Date::MIN).unwrap() {
        let read = || fs::read(archive.root().join(file.to_string())).unwrap();
        let sealed = read();
        archive.rewrite(&file, |click| click).unwrap();
        assert!(read() == sealed, "{file}");
    }
}
