//! The QR code on a link's page: the picture, its files, and the way to what was scanned.

use maud::{Markup, html};

use super::parts::copyable;
use super::view::View;
use crate::admin::qr::{Format, MEDIUM, SIZE_DEFAULT, address};
use crate::domain::facet::{ClickFacet, Facet};
use crate::domain::filter::Filter;
use crate::domain::link::Link;

/// Pixels of a side on the page, and of the PNG to take along: sharp on a hand's width of paper.
const SHOWN: u32 = 192;
const PNG: u32 = 2 * SIZE_DEFAULT;

/// What a scan shows in the click files.
const SCANNED: Facet = Facet::Click(ClickFacet::VisitorUtmMedium);

pub(super) fn section(view: &View, link: &Link, short_url: &str) -> Markup {
    let scans = view.filtered(Filter::default().with(SCANNED, MEDIUM)).href();
    html! {
        section.card #qr {
            h2 { "QR code" }
            div.copying {
                img src=(picture(link, Format::Svg, SIZE_DEFAULT)) width=(SHOWN) height=(SHOWN) loading="lazy" alt={ "QR code of " (short_url) };
                div {
                    p { "It holds " (copyable(&address(short_url))) }
                    p.hint {
                        "A scan is a click whose " code { (SCANNED.as_str()) } " is " code { (MEDIUM) } ", so it can be told from the others. "
                        (arriving(link))
                    }
                    div.actions {
                        (download(link, Format::Svg, SIZE_DEFAULT))
                        (download(link, Format::Png, PNG))
                        a href=(scans) { "Scans alone" }
                    }
                }
            }
        }
    }
}

/// What becomes of the scan's `utm_medium` behind the link.
fn arriving(link: &Link) -> &'static str {
    let rules = &link.spec.rules;
    match (rules.passthrough, rules.visitor_utm, link.spec.destination.as_str().contains("utm_medium=")) {
        (false, ..) => "The destination does not see it, because this link passes nothing on.",
        (true, false, true) => "The destination keeps the utm_medium that it has.",
        (true, ..) => "The destination gets it as utm_medium, too.",
    }
}

fn download(link: &Link, format: Format, size: u32) -> Markup {
    let file = format!("{}-qr.{}", link.spec.slug.as_str().replace('/', "-"), format.as_str());
    html! {
        a.button.plain href=(picture(link, format, size)) download=(file) { "Download " (format.as_str().to_uppercase()) }
    }
}

/// Sessions may look at what the API shows.
fn picture(link: &Link, format: Format, size: u32) -> String {
    format!("/api/v1/links/{}/qr?format={}&size={size}", link.id, format.as_str())
}
