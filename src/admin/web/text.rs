//! How numbers and names are written on pages. Pure.

use crate::stats::wire::CtrRow;

/// `5,000`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 click`, `5,000 clicks`
pub(super) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `60 %`
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { "<1 %".to_owned() } else { format!("{percent:.0} %") }
}

/// `1.00 %`
fn rate(ratio: f64) -> String {
    format!("{:.2} %", ratio * 100.0)
}

/// A click-through rate is never shown bare: its interval, or why there is none, comes with it.
pub(super) fn ctr(row: &CtrRow) -> (String, String) {
    let Some(ratio) = row.ctr else {
        return ("-".to_owned(), row.notes.first().cloned().unwrap_or_else(|| "no impressions".to_owned()));
    };
    let parts = format!("{} / {}", count(row.clicks.unwrap_or(0)), count(row.impressions.unwrap_or(0)));
    let kind = row.kind.as_deref().unwrap_or("impressions").replace('_', " ");
    if !row.enough {
        return ("not enough data".to_owned(), format!("{parts} {kind}"));
    }
    let interval = match (row.low, row.high) {
        (Some(low), Some(high)) => format!("95 %: {} to {}, ", rate(low), rate(high)),
        _ => String::new(),
    };
    (rate(ratio), format!("{interval}{parts} {kind}"))
}

/// An address without its scheme, cut to what a table has room for.
pub(super) fn short(url: &str, chars: usize) -> String {
    let text = url.split_once("://").map_or(url, |(_, rest)| rest);
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shares_rounded_but_never_to_nothing() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "click"), "1 click");
        assert_eq!(counted(0, "click"), "0 clicks");
        assert_eq!(
            (percent(0.6), percent(0.001), percent(0.0)),
            ("60 %".to_owned(), "<1 %".to_owned(), "0 %".to_owned())
        );
        assert_eq!(short("https://example.com/abc", 11), "example.com…");
    }
}
