//! Where clicks came from: each country a tile, about where it lies among its neighbours, the more clicks the deeper its
//! colour, beside the table that says the same in numbers.
//!
//! A tile is as large for a small country as for a large one, so that none is overlooked. The grid is our own
//! (`data/countries.tsv`); nothing may be fetched or taken from anybody's map.

use std::collections::HashMap;
use std::sync::LazyLock;

use maud::{Markup, html};

use super::breakdown::Breakdown;
use super::help::{Word, defined};
use super::text::{count, counted};
use super::view::View;
use crate::domain::facet::{ClickFacet, Facet};
use crate::stats::wire::StatsReport;

const COUNTRY: Facet = Facet::Click(ClickFacet::Country);

pub(super) const COUNTRIES: Breakdown<'_> = Breakdown { facet: COUNTRY, title: "Countries", word: Some(Word::Country) };

/// The grid's size, in tiles; a tile's and the gap between two, in units of the drawing.
const COLUMNS: u16 = 30;
const ROWS: u16 = 18;
const TILE: u16 = 20;
const GAP: u16 = 2;

/// Depths of colour. Each begins at a quarter of the clicks of the next, because countries differ by orders of magnitude.
const DEPTHS: u32 = 5;

struct Country {
    code: &'static str,
    name: &'static str,
    column: u16,
    row: u16,
}

static GRID: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let rows = include_str!("data/countries.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(country).collect()
});

fn country(row: &'static str) -> Option<Country> {
    let mut cells = row.split('\t');
    let (code, name) = (cells.next()?, cells.next()?);
    Some(Country { code, name, column: cells.next()?.parse().ok()?, row: cells.next()?.parse().ok()? })
}

/// `Sweden` for `SE`; what is no country's code is its own name.
pub(super) fn name(code: &str) -> &str {
    GRID.iter().find(|country| country.code == code).map_or(code, |country| country.name)
}

/// The map and the table of a report by country.
pub(super) fn card(view: &View, report: &StatsReport) -> Markup {
    html! {
        section.card.all {
            h2 { (defined(Word::Country, COUNTRIES.title)) }
            @if report.rows.is_empty() { (COUNTRIES.table(view, report)) } @else {
                div.world { (draw(view, report)) div { (COUNTRIES.table(view, report)) } }
            }
        }
    }
}

fn draw(view: &View, report: &StatsReport) -> Markup {
    let clicks: HashMap<&str, u64> = report.rows.iter().map(|row| (row.value.as_str(), row.clicks)).collect();
    let clicks_of = |country: &Country| clicks.get(country.code).copied().unwrap_or(0);
    let most = GRID.iter().map(clicks_of).max().unwrap_or(0);
    let drawn = GRID.iter().fold(0_u64, |sum, country| sum.saturating_add(clicks_of(country)));
    html! {
        figure.map {
            svg viewBox={ "0 0 " (COLUMNS * TILE) " " (ROWS * TILE) } role="group" aria-label="Countries by clicks, as in the table" {
                @for country in GRID.iter() { (tile(view, country, clicks_of(country), most)) }
            }
            figcaption {
                (scale(most))
                @if report.clicks > drawn { span { (counted(report.clicks - drawn, "click")) " from nobody knows where" } }
            }
        }
    }
}

/// A country; with clicks, the way to those alone.
fn tile(view: &View, country: &Country, clicks: u64, most: u64) -> Markup {
    let (x, y, side) = (country.column * TILE, country.row * TILE, TILE - GAP);
    let only = || view.filtered(view.filter.clone().with(COUNTRY, country.code)).href();
    html! {
        @if clicks == 0 {
            rect x=(x) y=(y) width=(side) height=(side) rx="3" { title { (country.name) ": no clicks" } }
        } @else {
            a.(class(depth(clicks, most))) href=(only()) aria-label={ (country.name) ": " (counted(clicks, "click")) } {
                title { (country.name) ": " (counted(clicks, "click")) }
                rect x=(x) y=(y) width=(side) height=(side) rx="3" {}
                text x=(x + side / 2) y=(y + side / 2) { (country.code) }
            }
        }
    }
}

/// What the depths stand for. Only those that the most clicks reach.
fn scale(most: u64) -> Markup {
    let depths: Vec<_> = (1..=DEPTHS).filter_map(|depth| Some((depth, range(depth, most)?))).collect();
    html! {
        ul.scale {
            @for (depth, (least, most)) in depths {
                li { span class={ "key " (class(depth)) } {} @if least == most { (count(most)) } @else { (count(least)) " to " (count(most)) } }
            }
        }
    }
}

fn class(depth: u32) -> String {
    format!("depth{depth}")
}

/// From 1 to [`DEPTHS`], the deepest for the most clicks and down to a quarter of them.
fn depth(clicks: u64, most: u64) -> u32 {
    (1..=DEPTHS).rev().find(|depth| range(*depth, most).is_some_and(|(least, _)| clicks >= least)).unwrap_or(1)
}

/// The fewest and the most clicks of a depth, if any number has it.
fn range(depth: u32, most: u64) -> Option<(u64, u64)> {
    let quarter = |steps: u32| most >> (2 * steps).min(63);
    let above = DEPTHS.saturating_sub(depth);
    let to = if above == 0 { most } else { quarter(above) };
    let from = if depth == 1 { 1 } else { quarter(above + 1) + 1 };
    (from <= to && to > 0).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_a_name_and_a_tile_of_its_own() {
        let rows = include_str!("data/countries.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!((rows.count(), GRID.len()), (249 + 1, 249 + 1), "ISO 3166-1, and Kosovo");
        let mut tiles = std::collections::HashSet::new();
        for Country { code, name, column, row } in GRID.iter() {
            assert!(code.len() == 2 && !name.is_empty(), "{code}");
            assert!(*column < COLUMNS && *row < ROWS && tiles.insert((column, row)), "{code}");
        }
        assert_eq!((name("SE"), name("(unknown)")), ("Sweden", "(unknown)"));
    }

    #[test]
    fn the_most_clicks_are_the_deepest_and_one_click_is_seen() {
        let depths = |most| [most, most / 4 + 1, most / 4, 1].map(|clicks| depth(clicks, most));
        assert_eq!(depths(1000), [5, 5, 4, 1]);
        assert_eq!((depth(1, 1), depth(2, 3), depth(1, 3), depth(1, u64::MAX)), (5, 5, 5, 1));
    }

    #[test]
    fn depths_leave_out_no_number_and_share_none() {
        for most in [1, 2, 3, 7, 64, 1000, u64::MAX] {
            let ranges: Vec<_> = (1..=DEPTHS).filter_map(|depth| range(depth, most)).collect();
            assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (1, most));
            assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{most}: {ranges:?}");
        }
    }
}
