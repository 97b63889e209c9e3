//! The small drawings of the navigation. They stand beside words and never instead of them.

use maud::{Markup, html};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icon {
    Overview,
    Links,
    New,
    Ctr,
    Impressions,
    Settings,
    Help,
    SignOut,
}

impl Icon {
    /// Lines of 1.5 in a square of 20.
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "M3 17h14M5.5 14V9M10 14V4M14.5 14V7",
            Self::Links => {
                "M8.5 11.5a3.2 3.2 0 0 0 4.6 0l3-3a3.2 3.2 0 0 0-4.6-4.6l-1 1M11.5 8.5a3.2 3.2 0 0 0-4.6 0l-3 3a3.2 3.2 0 0 0 4.6 4.6l1-1"
            }
            Self::New => "M10 4v12M4 10h12",
            Self::Ctr => {
                "M15.5 4.5l-11 11M6 7.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM14 15.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z"
            }
            Self::Impressions => {
                "M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 12.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6z"
            }
            Self::Settings => {
                "M3 6h8M15 6h2M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM3 14h2M9 14h8M7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
            }
            Self::Help => {
                "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM7.8 7.8a2.3 2.3 0 1 1 3.2 2.1c-.7.3-1 .8-1 1.6M10 14v.2"
            }
            Self::SignOut => "M8 3H4v14h4M12 6l4 4-4 4M16 10H7",
        }
    }

    pub(super) fn draw(self) -> Markup {
        html! { svg.icon viewBox="0 0 20 20" aria-hidden="true" { path d=(self.path()) {} } }
    }
}
