//! The sheet of small components: what pages are put together from, so that they look and behave alike.
//!
//! | component | for |
//! |---|---|
//! | [`head`] | the page's name, what it is about, and what can be done here |
//! | [`card`] | one subject with a heading; a page is a column of cards, or `div.grid` of them |
//! | [`tile`] | one large number, under the word that says what it counts (in `dl.tiles`) |
//! | [`Change`] | how a number compares with the one before |
//! | [`tabs`] | a choice of views, each a link |
//! | [`chip`] | a filter in force, with the way to take it away |
//! | [`empty`] | nothing is here yet, and the next step |
//! | [`copyable`] | text to take along; one click selects all of it, and with the script a button copies it |
//! | [`share`] | a bar as long as a share, under a value in a table |
//!
//! Classes of the style sheet that need no component: `p.hint`, `p.warning`, `p.wrong`, `p.done`, `span.tag`, `dl.facts`,
//! `td.number`, `.roomy` (left out where there is no room), `.scripted` (shown with the script only), `.unseen` (for
//! screen readers), `a.button.plain`, `button.danger`, `div.actions`, `div.scroll` (a table that may be wider than the
//! window), `form.line`, `div.field`, `fieldset`.
//!
//! Nothing here may know a page or ask for data.

use std::cmp::Ordering;

use maud::{Markup, Render, html};

use super::help::{Word, defined};
use super::may;
use super::text::{count, percent};

/// Stands first on a page. `about` is a few words in a softer voice; `actions` are links and buttons.
pub(super) fn head(title: impl Render, about: impl Render, actions: impl Render) -> Markup {
    html! {
        header.head.top {
            div { h1 { (title) } div.about { (about) } }
            div.actions { (actions) }
        }
    }
}

pub(super) fn card(title: impl Render, content: impl Render) -> Markup {
    html! { section.card { h2 { (title) } (content) } }
}

/// `value` is written as people read it; `under` says more about it in small letters.
pub(super) fn tile(word: Word, name: &str, value: impl Render, under: impl Render) -> Markup {
    html! { div { dt { (defined(word, name)) } dd { (value) } dd.under { (under) } } }
}

/// A number beside the one of other days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) now: u64,
    pub(super) before: u64,
    /// What those days are called: `the time before`.
    pub(super) than: &'static str,
}

impl Change {
    /// `▲ 12 % from 3,142`: the arrow is drawn, the words are read aloud. Nothing can be divided by nothing.
    pub(super) fn draw(self) -> Markup {
        let share = percent(self.now.abs_diff(self.before) as f64 / self.before.max(1) as f64);
        html! {
            @match self.now.cmp(&self.before) {
                _ if self.before == 0 => { "none in " (self.than) },
                Ordering::Equal => { "as in " (self.than) },
                Ordering::Greater => { span.more { span aria-hidden="true" { "▲ " } span.unseen { "more by " } (share) } " from " (count(self.before)) },
                Ordering::Less => { span.less { span aria-hidden="true" { "▼ " } span.unseen { "less by " } (share) } " from " (count(self.before)) },
            }
        }
    }
}

/// One of several views of the same thing.
pub(super) struct Tab<'a> {
    pub(super) name: &'a str,
    pub(super) href: String,
    pub(super) is_current: bool,
}

/// `about` says to screen readers what is chosen here.
pub(super) fn tabs(about: &str, tabs: &[Tab<'_>]) -> Markup {
    html! {
        nav.tabs aria-label=(about) {
            @for tab in tabs { a href=(tab.href) aria-current=[tab.is_current.then_some("true")] { (tab.name) } }
        }
    }
}

/// `without` is the address of the same view without this filter.
pub(super) fn chip(name: &str, value: &str, is_not: bool, without: &str) -> Markup {
    html! {
        span.chip.not[is_not] {
            span.soft { (name) @if is_not { " is not" } " " } b { (value) }
            a href=(without) aria-label={ "Take away: " (name) " " (value) } { "×" }
        }
    }
}

/// `next` is a link to what can be done about it, by those who may.
pub(super) fn empty(says: impl Render, next: Option<(&str, &str)>) -> Markup {
    html! {
        div.empty {
            p { (says) }
            @if let Some((href, name)) = next.filter(|(href, _)| may::open(href)) { p { a.button.plain href=(href) { (name) } } }
        }
    }
}

pub(super) fn copyable(text: &str) -> Markup {
    html! {
        span.copying {
            span.copy title="Click to select all of it" { (text) }
            button.plain.scripted type="button" data-copy=(text) { "Copy" }
        }
    }
}

/// The number stands beside it, so it is hidden from those who cannot see it. `share` is 0 to 1.
pub(super) fn share(share: f64) -> Markup {
    html! { svg.share aria-hidden="true" { rect width=(format!("{:.2}%", share * 100.0)) height="100%" {} } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_words_and_never_divides_by_nothing() {
        let drawn = |now, before| Change { now, before, than: "the time before" }.draw().into_string();
        assert!(drawn(112, 100).contains("more by ") && drawn(112, 100).contains("12 %"));
        assert!(drawn(50, 100).contains("less by ") && drawn(50, 100).contains("50 %"));
        assert_eq!((drawn(5, 0), drawn(0, 0)), (drawn(1, 0), "none in the time before".to_owned()));
        assert_eq!(drawn(7, 7), "as in the time before");
    }
}
