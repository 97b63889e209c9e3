//! What the form of a campaign says: what its links share, and a row for each place.
//!
//! Rows have the same input names; each begins with a `row`, so that the order of the inputs tells them apart.

use jiff::civil::Date;

use crate::admin::api::problem::Problem;
use crate::domain::placement::Level;
use crate::links::LinkFields;
use crate::links::kit::{Kit, Line};
use crate::links::templates::{SPOTS_MAX, Spot, Template};

/// Which button was pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Also when Enter was: nothing is made by accident.
    #[default]
    Preview,
    /// Another empty row.
    Add,
    /// The rows of the chosen template.
    Template,
    Make,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Campaign {
    pub(super) template: String,
    pub(super) url: String,
    pub(super) domain: Option<String>,
    pub(super) campaign: String,
    pub(super) title: String,
    /// Separated by commas.
    pub(super) tags: String,
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) is_picked: bool,
    pub(super) spot: Spot,
    pub(super) slug: String,
    /// One on a line.
    pub(super) posts: String,
}

impl Campaign {
    /// Nothing but a template's rows. Of the usual places, nobody wants all; of a template of one's own, mostly.
    pub(super) fn of(template: &Template) -> Self {
        let row = |spot: &Spot| Row { is_picked: !template.name.is_empty(), spot: spot.clone(), ..Row::default() };
        Self {
            campaign: template.campaign.clone(),
            tags: template.tags.join(", "),
            rows: template.placements.iter().map(row).collect(),
            ..Self::default()
        }
    }

    /// Takes the rows of a template; what was typed above them stays.
    pub(super) fn follow(&mut self, template: &Template) {
        let from = Self::of(template);
        self.rows = from.rows;
        for (own, theirs) in [(&mut self.campaign, from.campaign), (&mut self.tags, from.tags)] {
            if own.trim().is_empty() {
                *own = theirs;
            }
        }
    }

    /// Another row, ready to be typed into.
    pub(super) fn add(&mut self) {
        let spot = Spot { level: Level::Post.as_str().to_owned(), ..Spot::default() };
        if self.rows.len() < SPOTS_MAX {
            self.rows.push(Row { is_picked: true, spot, ..Row::default() });
        }
    }

    /// The links to be made, each with the row that it is of.
    pub(super) fn links(&self, day: Date) -> impl Iterator<Item = (usize, LinkFields)> + '_ {
        let kit = Kit {
            url: self.url.clone(),
            domain: self.domain.clone(),
            campaign: self.campaign.clone(),
            title: self.title.clone(),
            tags: self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            day,
        };
        let picked = self.rows.iter().enumerate().filter(|(_, row)| row.is_picked);
        picked.map(move |(at, row)| (at, kit.fields(&row.line())))
    }

    /// # Errors
    /// When there is an input that the form does not have, or too many rows.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Result<(Self, Pressed), Problem> {
        let mut campaign = Self::default();
        let mut pressed = Pressed::default();
        let mut picked: Vec<usize> = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "do" => pressed = Pressed::read(&value)?,
                "template" => campaign.template = value,
                "url" => campaign.url = value,
                "domain" => campaign.domain = Some(value),
                "campaign" => campaign.campaign = value,
                "title" => campaign.title = value,
                "tags" => campaign.tags = value,
                "pick" => picked.extend(value.parse::<usize>().ok()),
                _ => campaign.read_in_row(&name, value)?,
            }
        }
        for (at, row) in campaign.rows.iter_mut().enumerate() {
            row.is_picked = picked.contains(&at);
        }
        Ok((campaign, pressed))
    }

    fn read_in_row(&mut self, name: &str, value: String) -> Result<(), Problem> {
        if name == "row" {
            if self.rows.len() >= SPOTS_MAX {
                return Err(Problem::malformed(format!("a form has at most {SPOTS_MAX} placements")));
            }
            self.rows.push(Row::default());
            return Ok(());
        }
        let unknown = || Problem::malformed("the form has an input that no page of ours has");
        let row = self.rows.last_mut().ok_or_else(unknown)?;
        let input = match name {
            "name" => &mut row.spot.name,
            "platform" => &mut row.spot.platform,
            "level" => &mut row.spot.level,
            "source" => &mut row.spot.source,
            "medium" => &mut row.spot.medium,
            "term" => &mut row.spot.term,
            "content" => &mut row.spot.content,
            "utm_id" => &mut row.spot.id,
            "slug" => &mut row.slug,
            "posts" => &mut row.posts,
            _ => return Err(unknown()),
        };
        *input = value;
        Ok(())
    }
}

impl Pressed {
    fn read(value: &str) -> Result<Self, Problem> {
        match value {
            "preview" => Ok(Self::Preview),
            "add" => Ok(Self::Add),
            "template" => Ok(Self::Template),
            "make" => Ok(Self::Make),
            _ => Err(Problem::malformed("the form has a button that no page of ours has")),
        }
    }
}

impl Row {
    fn line(&self) -> Line {
        Line {
            spot: self.spot.clone(),
            slug: self.slug.clone(),
            posts: self.posts.lines().map(str::trim).filter(|post| !post.is_empty()).map(str::to_owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Change;

    fn read(query: &str) -> Result<(Campaign, Pressed), Problem> {
        Campaign::read(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    #[test]
    fn rows_are_told_apart_by_their_order_and_only_picked_ones_become_links() {
        let (campaign, pressed) = read(
            "url=https%3A%2F%2Fe.com&campaign=spring&row=0&name=Story&source=instagram&slug=a&pick=1&row=1&name=Post&source=x&slug=b&do=make",
        )
        .unwrap();
        assert_eq!((campaign.rows.len(), pressed), (2, Pressed::Make));
        let links: Vec<_> = campaign.links(jiff::civil::date(2026, 11, 2)).collect();
        assert_eq!(links.len(), 1);
        assert_eq!((links[0].0, &links[0].1.slug), (1, &Change::Set("b".to_owned())));
    }

    #[test]
    fn enter_shows_a_preview_and_what_no_page_sends_is_refused() {
        assert_eq!(read("url=a").unwrap().1, Pressed::Preview);
        for wrong in ["do=dance", "shoes=1", "row=0&shoes=1", "source=a", &"row=0&".repeat(SPOTS_MAX + 1)] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_template_brings_its_rows_and_leaves_what_was_typed() {
        let (mut campaign, _) = read("url=https%3A%2F%2Fe.com&campaign=mine&row=0&name=a").unwrap();
        let spot = Spot { name: "Story".to_owned(), ..Spot::default() };
        let template = Template {
            name: "Launch".to_owned(),
            campaign: "launch".to_owned(),
            tags: vec!["t".to_owned()],
            placements: vec![spot],
        };
        campaign.follow(&template);
        assert_eq!((campaign.campaign.as_str(), campaign.tags.as_str()), ("mine", "t"));
        assert!(campaign.rows.len() == 1 && campaign.rows[0].is_picked);
    }
}
