//! `--filter`: which clicks a command is about, in the words of the API.

use crate::domain::facet::{Facet, LinkFacet};
use crate::domain::filter::Filter;
use crate::domain::link::LinkId;

/// What `--filter` says.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    facet: Facet,
    text: String,
}

impl Condition {
    /// Reads `country=SE,NO`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let words = || Facet::all().map(Facet::as_str).collect::<Vec<_>>().join(", ");
        let (name, text) = text.split_once('=').ok_or("it has the form FACET=VALUE,VALUE or FACET=!VALUE,VALUE")?;
        let facet = Facet::parse(name).ok_or_else(|| format!("{name:?} is none of {}", words()))?;
        Filter::default().add(facet, text).map_err(|error| error.to_string())?;
        Ok(Self { facet, text: text.to_owned() })
    }
}

/// The clicks that a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Conditions {
    /// Only clicks that agree: country=SE,NO or source=!facebook; any number of times
    #[arg(long = "filter", value_name = "FACET=VALUES", value_parser = Condition::parse)]
    conditions: Vec<Condition>,
    /// Only clicks on links of this campaign
    #[arg(long)]
    campaign: Option<String>,
}

impl Conditions {
    /// The parameters that tell the server.
    pub(crate) fn pairs(&self, link: Option<LinkId>) -> anyhow::Result<Vec<(&'static str, Option<String>)>> {
        let mut filter = link.map_or_else(Filter::default, Filter::of_link);
        if let Some(campaign) = &self.campaign {
            filter = filter.with(Facet::Link(LinkFacet::Campaign), campaign);
        }
        for Condition { facet, text } in &self.conditions {
            filter.add(*facet, text)?;
        }
        Ok(filter.pairs().map(|(name, text)| (name, Some(text))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(conditions: &[&str], campaign: Option<&str>, link: Option<u64>) -> Vec<(&'static str, String)> {
        let conditions = conditions.iter().map(|text| Condition::parse(text).unwrap()).collect();
        let args = Conditions { conditions, campaign: campaign.map(str::to_owned) };
        let pairs = args.pairs(link.map(LinkId)).unwrap();
        pairs.into_iter().map(|(name, text)| (name, text.unwrap())).collect()
    }

    #[test]
    fn conditions_of_one_facet_are_put_together() {
        let told = pairs(&["country=SE,NO", "country=!DE", "device=mobile"], Some("a,b"), Some(7));
        let told: Vec<_> = told.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let expected =
            [("link", "7"), ("campaign", r"a\,b"), ("country", "NO,SE"), ("country", "!DE"), ("device", "mobile")];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_condition_that_is_none_is_refused_with_what_it_may_be() {
        assert!(Condition::parse("country").unwrap_err().contains("FACET=VALUE"));
        assert!(Condition::parse("colour=red").unwrap_err().contains("country, "));
        assert!(Condition::parse("verdict=robot").unwrap_err().contains("human"));
    }
}
