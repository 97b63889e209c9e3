//! Very many clicks, made from few that were judged: each is a copy of one of those, by somebody else, at another time.
//!
//! Deterministic: the same day, number and links, the same clicks. Judging each would take most of the time.

use std::borrow::Cow;
use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use jiff::civil::Date;

use crate::cli::demo::chance::Chance;
use crate::domain::click::{Click, ClickIds, Look, Place};
use crate::domain::link::LinkFacts;
use crate::domain::position::{Incarnation, Position};
use crate::domain::visitor::Visitor;

const SEED: u64 = 0x4352_4f57_4443_4c4b;
const DAY_MS: u64 = 86_400_000;

/// Copies that differ in what they show, and the towns and sites that they come from: about as many as a busy archive has.
const MODELS: usize = 20_000;
const TOWNS: u64 = 5_000;
const COUNTRIES: u64 = 120;
const SITES: u64 = 2_000;

/// Everything that is needed to make clicks.
pub(crate) struct Clicks {
    models: Vec<Click>,
    links: Vec<Arc<LinkFacts>>,
    chance: Chance,
    ids: ClickIds,
    next: Position,
}

impl Clicks {
    /// `judged` are the clicks to copy; `links` those that are clicked, the first ones most.
    pub(crate) fn new(judged: &[Click], links: Vec<Arc<LinkFacts>>, incarnation: Incarnation) -> Self {
        let mut chance = Chance::new(SEED);
        let models = (0..MODELS).map(|_| model(judged, &mut chance)).collect();
        Self { models, links, chance, ids: ClickIds::new(incarnation), next: Position::START }
    }

    /// Where the next click stands.
    pub(crate) fn position(&self) -> Position {
        self.next
    }

    /// The clicks of a day, UTC, in order of time.
    pub(crate) fn of_day(&mut self, day: Date, count: u64) -> impl Iterator<Item = Click> {
        let begin_ms = day.duration_since(jiff::civil::date(1970, 1, 1)).as_millis() as i64;
        (0..count).map(move |at| {
            let time_ms = begin_ms + (at * DAY_MS / count) as i64;
            self.click(time_ms, count)
        })
    }

    fn click(&mut self, time_ms: i64, of_day: u64) -> Click {
        let position = self.next;
        self.next = Position(position.0 + 1);
        let mut click = self.models[skewed(&mut self.chance, MODELS as u64) as usize].clone();
        click.id = self.ids.of(time_ms, position);
        click.time_ms = time_ms;
        click.link = Cow::Owned(self.links[skewed(&mut self.chance, self.links.len() as u64) as usize].clone());
        // Some come back on their day; who comes on another day is somebody else.
        let day = time_ms.cast_unsigned() / DAY_MS;
        click.visitor = Visitor(Chance::new(day << 32 | self.chance.below(of_day)).next());
        click
    }
}

/// From 0 to below `end`, the small ones far more often: the first hundredth has a fifth of all.
fn skewed(chance: &mut Chance, end: u64) -> u64 {
    let unit = chance.unit();
    ((unit * unit * unit * end as f64) as u64).min(end.saturating_sub(1))
}

/// One of `judged` from another town and site, with an agent that nobody else has.
fn model(judged: &[Click], chance: &mut Chance) -> Click {
    let mut click = judged[chance.below(judged.len() as u64) as usize].clone();
    let town = skewed(chance, TOWNS);
    let letter = |number: u64| char::from(b'A' + (number % 26) as u8);
    let country = town % COUNTRIES;
    click.place = Cow::Owned(Arc::new(Place {
        continent: format_compact!("{}", ["EU", "NA", "AS", "SA", "AF", "OC"][(country % 6) as usize]),
        country: format_compact!("{}{}", letter(country / 26), letter(country)),
        region: format_compact!("Region {}", town % 900),
        city: format_compact!("Town {town}"),
        ..Place::default()
    }));
    let look = &click.look;
    let referrer_host = match look.referrer_host.as_str() {
        "" => CompactString::default(),
        host if chance.happens(0.7) => host.into(),
        _ => format_compact!("site-{}.example", skewed(chance, SITES)),
    };
    let user_agent = format_compact!("{} Build/{}", look.user_agent, chance.below(1_000_000));
    click.look = Cow::Owned(Arc::new(Look { referrer_host, user_agent, ..Look::clone(look) }));
    click
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::LinkId;
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;

    fn made() -> Vec<Click> {
        let link = |id| {
            let (domain, slug) = (String::new(), format!("crowd{id}"));
            Arc::new(LinkFacts {
                id: LinkId(id),
                domain,
                slug,
                utm: Utm::default(),
                platform: None,
                level: Level::Post,
            })
        };
        let judged = [Click::blank(link(1), Visitor(1))];
        let mut clicks = Clicks::new(&judged, (1..=100).map(link).collect(), Incarnation(7));
        let days = [jiff::civil::date(2026, 11, 20), jiff::civil::date(2026, 11, 21)];
        days.into_iter().flat_map(|day| clicks.of_day(day, 500).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn the_same_clicks_are_made_each_time_in_order_of_time_and_within_their_days() {
        let clicks = made();
        assert_eq!(clicks, made());
        assert!(clicks.is_sorted_by_key(|click| click.time_ms));
        let day = |click: &Click| click.time_ms.div_euclid(86_400_000);
        assert_eq!(clicks.iter().filter(|click| day(click) == day(&clicks[0])).count(), 500);
        assert_eq!(day(&clicks[999]), day(&clicks[0]) + 1);
    }

    #[test]
    fn few_links_have_most_of_the_clicks() {
        let clicks = made();
        let on_the_first_ten = clicks.iter().filter(|click| click.link.id.0 <= 10).count();
        assert!((400..600).contains(&on_the_first_ten), "{on_the_first_ten} of 1000");
    }
}
