//! How numbers are written for people. Machines get them from `--json`.

/// `5,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 click`, `5,000 clicks`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A ratio as a percentage without its sign, `0.76` for 0.0076; two digits, or as many as a tiny one needs.
pub(crate) fn percent(ratio: f64) -> String {
    let percentage = ratio * 100.0;
    if percentage > 0.0 && percentage < 0.1 { format!("{percentage:.4}") } else { format!("{percentage:.2}") }
}

/// `1.5 GiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (number as f64, "bytes");
    for larger in UNITS {
        if amount < 1024.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, larger);
    }
    if unit == "bytes" { format!("{number} bytes") } else { format!("{amount:.1} {unit}") }
}

/// The most characters a bar is long.
const BAR_CHARS: f64 = 30.0;

/// A bar whose length is to the longest as `number` to `largest`. What is not zero is seen.
pub(crate) fn bar(number: u64, largest: u64) -> String {
    if number == 0 || largest == 0 {
        return String::new();
    }
    let length = (number as f64 / largest as f64 * BAR_CHARS).round().clamp(1.0, BAR_CHARS);
    "█".repeat(length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "click", "clicks"), "1 click");
    }

    #[test]
    fn a_tiny_percentage_keeps_its_digits() {
        assert_eq!(percent(0.01), "1.00");
        assert_eq!(percent(0.000_343), "0.0343");
        assert_eq!(percent(0.0), "0.00");
        assert_eq!(percent(1.25), "125.00");
    }

    #[test]
    fn bytes_carry_their_unit() {
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536 * 1024 * 1024), "1.5 GiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }

    #[test]
    fn a_bar_is_in_proportion_and_never_hides_a_count() {
        assert_eq!(bar(10, 10).chars().count(), 30);
        assert_eq!(bar(5, 10).chars().count(), 15);
        assert_eq!(bar(1, 1_000_000), "█");
        assert_eq!(bar(0, 10), "");
    }
}
