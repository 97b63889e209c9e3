//! Text that a spreadsheet will open. It must never reach a cell as something that the spreadsheet would run.

use std::borrow::Cow;

/// What makes a spreadsheet look for a formula: OWASP's list on CSV injection, with the fullwidth forms that
/// spreadsheets fold to the same signs.
const FORMULA_SIGNS: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// The text, behind a `'` where it would be a formula: spreadsheets read that as "this is text".
///
/// Also guards a sign behind `'`, so that taking one `'` away from a cell that begins with `'` and a sign always gives
/// the text back.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    let is_formula = text.trim_start_matches('\'').starts_with(FORMULA_SIGNS);
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that [`guarded`] made this of.
pub(crate) fn unguarded(text: &str) -> &str {
    let is_guarded = text.starts_with('\'') && text.trim_start_matches('\'').starts_with(FORMULA_SIGNS);
    if is_guarded { &text[1..] } else { text }
}
