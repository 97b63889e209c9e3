//! What every page is made of: head, bar, and a place for the rest.

use maud::{DOCTYPE, Markup, html};

use super::assets::{SCRIPTS, STYLES, TAB_ICON};
use super::icons::Icon;
use super::{may, settings};
use crate::admin::access::current;

/// Where in the dashboard a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Links,
    New,
    Ctr,
    Imports,
    Settings,
    Help,
    /// Below one of them.
    Elsewhere,
}

/// The navigation, from top to bottom: one line for each page.
const PLACES: [(Place, &str, &str, Icon); 7] = [
    (Place::Overview, "/", "Overview", Icon::Overview),
    (Place::Links, "/links", "Links", Icon::Links),
    (Place::New, "/links/new", "New links", Icon::New),
    (Place::Ctr, "/ctr", "CTR", Icon::Ctr),
    (Place::Imports, "/imports", "Impressions", Icon::Impressions),
    (Place::Settings, settings::YOU, "Settings", Icon::Settings),
    (Place::Help, "/help", "Help", Icon::Help),
];

/// A page of somebody who is signed in. `content` has the page's `h1`; `parts::head` draws one.
pub(super) fn page(at: Place, title: &str, content: &Markup) -> Markup {
    document(
        title,
        &html! {
            a.skip href="#main" { "To the content" }
            div.frame {
                header.bar {
                    a.brand href="/" { (mark()) "Waypost" }
                    nav aria-label="Main" {
                        @for (place, path, name, icon) in PLACES.iter().filter(|(_, path, ..)| may::open(path)) {
                            a href=(path) aria-current=[(*place == at).then_some("page")] { (icon.draw()) (name) }
                        }
                    }
                    @if let Some(caller) = current() { span.who { (caller.name()) } }
                    form method="post" action="/sign-out" { button.quiet { (Icon::SignOut.draw()) "Sign out" } }
                }
                main #main tabindex="-1" { (content) }
            }
        },
    )
}

/// A page that says one thing.
pub(super) fn notice(title: &str, sentence: &str) -> Markup {
    document(
        title,
        &html! {
            main.alone {
                a.brand href="/" { (mark()) "Waypost" }
                h1 { (title) }
                p { (sentence) }
                p { a href="/" { "To the overview" } }
            }
        },
    )
}

/// A page that asks before something is taken away.
pub(super) struct Question<'a> {
    pub(super) at: Place,
    /// What will be done: `Remove go.example.com/spring?`
    pub(super) title: &'a str,
    /// What that means for the data.
    pub(super) consequence: &'a str,
    /// The verb on the button.
    pub(super) verb: &'a str,
    /// Where the form is sent to.
    pub(super) action: &'a str,
    /// Where "Cancel" leads.
    pub(super) back: &'a str,
}

impl Question<'_> {
    pub(super) fn page(&self) -> Markup {
        let content = html! {
            section.card.question {
                h1 { (self.title) }
                p { (self.consequence) }
                form.actions method="post" action=(self.action) {
                    button.danger { (self.verb) }
                    a.button.plain href=(self.back) { "Cancel" }
                }
            }
        };
        page(self.at, self.title, &content)
    }
}

pub(in crate::admin) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Waypost" }
                link rel="stylesheet" href=(STYLES.path());
                link rel="icon" href=(TAB_ICON.path()) type="image/svg+xml";
                script src=(SCRIPTS.path()) defer {}
            }
            body { (body) }
        }
    }
}

/// A post with two arms, pointing both ways.
pub(super) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 16 16" aria-hidden="true" {
            path d="M7 1h2v14H7z" {}
            path d="M9 2.5h4.5L15.5 4.5 13.5 6.5H9zM7 7.5H2.5L.5 9.5l2 2H7z" {}
        }
    }
}
