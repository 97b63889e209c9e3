//! What would be made: each link's short URL and destination, and what its owner may not have meant.

use maud::{Markup, html};

use super::Answers;
use super::inputs::Campaign;
use crate::admin::Admin;
use crate::admin::web::text::{counted, sentence};
use crate::links::kit::Foreseen;

pub(super) fn draw(admin: &Admin, campaign: &Campaign, answers: &Answers) -> Markup {
    html! {
        @if answers.is_empty() {
            p.hint { "No place is chosen yet." }
        } @else if let Some(wrong) = wrong_everywhere(answers) {
            p.wrong { (sentence(&wrong)) }
        } @else {
            p.hint { (counted(answers.len() as u64, "link")) ". None is made yet." }
            ul.foreseen {
                @for (row, answer) in answers {
                    li {
                        b { (name(campaign, *row)) }
                        @match answer {
                            Ok(link) => (foreseen(admin, link)),
                            Err(error) => p.wrong { (sentence(&error.to_string())) },
                        }
                    }
                }
            }
        }
    }
}

/// What is wrong with every link in the same words, so that it need be said only once.
fn wrong_everywhere(answers: &Answers) -> Option<String> {
    let mut wrongs = answers.iter().map(|(_, answer)| answer.as_ref().err().map(ToString::to_string));
    let first = wrongs.next()??;
    wrongs.all(|wrong| wrong.as_ref() == Some(&first)).then_some(first)
}

fn name(campaign: &Campaign, row: usize) -> &str {
    let name = campaign.rows.get(row).map_or("", |row| row.spot.name.trim());
    if name.is_empty() { "Another place" } else { name }
}

fn foreseen(admin: &Admin, link: &Foreseen) -> Markup {
    let short = admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug);
    let host = short.rsplit_once('/').map_or(short.as_str(), |(host, _)| host);
    html! {
        p.short {
            @if link.has_slug { (short) } @else { (host) "/" span.soft { "…" } }
        }
        p.leads { (link.spec.destination.as_str()) }
        @for warning in &link.warnings { p.warning { (sentence(warning)) } }
    }
}
