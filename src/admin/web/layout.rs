//! What every page is made of: head, bar, and a place for the rest.

use maud::{DOCTYPE, Markup, html};

use super::STYLE_PATH;

/// A page of somebody who is signed in.
pub(super) fn page(title: &str, content: &Markup) -> Markup {
    document(
        title,
        &html! {
            header.bar {
                a.brand href="/" { (mark()) "Waypost" }
                form method="post" action="/sign-out" { button.quiet { "Sign out" } }
            }
            main { (content) }
        },
    )
}

/// A page that says one thing.
pub(super) fn notice(title: &str, sentence: &str) -> Markup {
    document(
        title,
        &html! {
            main.alone {
                h1 { (title) }
                p { (sentence) }
                p { a href="/" { "To the overview" } }
            }
        },
    )
}

pub(super) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Waypost" }
                link rel="stylesheet" href=(*STYLE_PATH);
                link rel="icon" href="data:,";
            }
            body { (body) }
        }
    }
}

/// A post with two arms, pointing both ways.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 16 16" aria-hidden="true" {
            path d="M7 1h2v14H7z" {}
            path d="M9 2.5h4.5L15.5 4.5 13.5 6.5H9zM7 7.5H2.5L.5 9.5l2 2H7z" {}
        }
    }
}
