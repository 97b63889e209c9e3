//! Filters: which clicks a question is about, facet by facet, and how that is written in an address.
//!
//! `country=SE,NO` admits two countries, `country=!US` all but one; every facet named has to agree. A backslash takes the
//! sign after it for what it is: `organisation=Acme\, Inc.`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::counter::{OTHER, VALUE_BYTES_MAX};
use super::facet::{ClickFacet, Facet, LinkFacet};
use super::link::LinkId;
use super::placement::Level;
use super::verdict::Verdict;

/// The most values that one filter names, of all facets together.
pub(crate) const FILTER_VALUES_MAX: usize = 500;

/// The longest value, in bytes: no click shows a longer one.
const FILTER_VALUE_BYTES_MAX: usize = VALUE_BYTES_MAX;

/// Stands for every verdict, where nothing said would mean clicks of people.
const EVERY_VERDICT: &str = "all";

/// A filter that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct FilterError {
    pub(crate) facet: Facet,
    pub(crate) message: String,
}

/// Which values of one facet are admitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// If there are any, no other value is admitted.
    only: BTreeSet<String>,
    not: BTreeSet<String>,
}

impl Choice {
    pub(crate) fn only(value: impl Into<String>) -> Self {
        Self { only: BTreeSet::from([value.into()]), not: BTreeSet::new() }
    }

    pub(crate) fn admits(&self, value: &str) -> bool {
        self.admits_any([value])
    }

    /// Of a facet with several values one has to be admitted, and none excluded.
    pub(crate) fn admits_any<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> bool {
        let mut found = self.only.is_empty();
        for value in values {
            if self.not.contains(value) {
                return false;
            }
            found |= self.only.contains(value);
        }
        found
    }

    /// The values that are admitted, if not all are, and those that are not.
    pub(crate) fn lists(&self) -> [Vec<String>; 2] {
        [&self.only, &self.not].map(|values| values.iter().cloned().collect())
    }

    /// How it is written, includes and excludes apart.
    fn texts(&self) -> impl Iterator<Item = String> {
        let joined =
            |values: &BTreeSet<String>| values.iter().map(|value| escaped(value)).collect::<Vec<_>>().join(",");
        let only = (!self.only.is_empty()).then(|| joined(&self.only));
        let not = (!self.not.is_empty()).then(|| format!("!{}", joined(&self.not)));
        [only, not].into_iter().flatten()
    }
}

/// Which clicks are asked for. Without a choice all are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter(BTreeMap<Facet, Choice>);

impl Filter {
    /// Only clicks of one link.
    pub(crate) fn of_link(link: LinkId) -> Self {
        Self::default().with(Facet::Link(LinkFacet::Link), &link.to_string())
    }

    /// Adds what one parameter of an address says of `facet`: values that are admitted, or after a `!` those that are
    /// not. Nothing at all says nothing.
    ///
    /// # Errors
    /// When a value cannot be one of this facet, or they are too many.
    pub(crate) fn add(&mut self, facet: Facet, text: &str) -> Result<(), FilterError> {
        let (is_not, list) = text.strip_prefix('!').map_or((false, text), |list| (true, list));
        for value in split(list).into_iter().filter(|value| !value.is_empty()) {
            let values = checked(facet, value)?;
            let choice = self.0.entry(facet).or_default();
            if is_not {
                choice.not.extend(values)
            } else {
                choice.only.extend(values)
            };
        }
        let values: usize = self.0.values().map(|choice| choice.only.len() + choice.not.len()).sum();
        if values > FILTER_VALUES_MAX {
            let message = format!("a filter names at most {FILTER_VALUES_MAX} values");
            return Err(FilterError { facet, message });
        }
        Ok(())
    }

    /// Parameters of an address that say the same; [`Filter::add`] reads them.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().flat_map(|(facet, choice)| choice.texts().map(|text| (facet.as_str(), text)))
    }

    /// The same filter admitting no other value of `facet` than those it admitted so far and this one.
    pub(crate) fn with(mut self, facet: Facet, value: &str) -> Self {
        let choice = self.0.entry(facet).or_default();
        choice.not.remove(value);
        choice.only.insert(value.to_owned());
        self
    }

    /// The same filter not admitting this value of `facet`.
    pub(crate) fn but(mut self, facet: Facet, value: &str) -> Self {
        let choice = self.0.entry(facet).or_default();
        choice.only.remove(value);
        choice.not.insert(value.to_owned());
        self
    }

    /// The same filter saying nothing of this value of `facet`.
    pub(crate) fn without(mut self, facet: Facet, value: &str) -> Self {
        if let Some(choice) = self.0.get_mut(&facet) {
            choice.only.remove(value);
            choice.not.remove(value);
            if choice.only.is_empty() && choice.not.is_empty() {
                self.0.remove(&facet);
            }
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Facet, &Choice)> {
        self.0.iter().map(|(facet, choice)| (*facet, choice))
    }

    pub(crate) fn choice(&self, facet: Facet) -> Option<&Choice> {
        self.0.get(&facet)
    }

    /// What links have to declare.
    pub(crate) fn of_links(&self) -> impl Iterator<Item = (LinkFacet, &Choice)> {
        self.0.iter().filter_map(|(facet, choice)| match facet {
            Facet::Link(facet) => Some((*facet, choice)),
            Facet::Click(_) => None,
        })
    }

    /// What clicks have to show.
    pub(crate) fn of_clicks(&self) -> impl Iterator<Item = (ClickFacet, &Choice)> {
        self.0.iter().filter_map(|(facet, choice)| match facet {
            Facet::Click(facet) => Some((*facet, choice)),
            Facet::Link(_) => None,
        })
    }

    /// The one link that this is about, if there is just one and nothing else is asked of it.
    pub(crate) fn only_link(&self) -> Option<LinkId> {
        let mut choices = self.0.iter();
        match (choices.next(), choices.next()) {
            (Some((Facet::Link(LinkFacet::Link), choice)), None) if choice.not.is_empty() => {
                single(choice)?.parse().ok()
            }
            _ => None,
        }
        .map(LinkId)
    }

    /// The only value that is admitted of a facet.
    pub(crate) fn single(&self, facet: Facet) -> Option<&str> {
        self.choice(facet).and_then(single)
    }

    /// The links that are admitted by number, and those that are not.
    pub(crate) fn link_numbers(&self) -> (Vec<LinkId>, Vec<LinkId>) {
        let numbers = |values: &BTreeSet<String>| values.iter().filter_map(|id| id.parse().ok()).map(LinkId).collect();
        let choice = self.choice(Facet::Link(LinkFacet::Link));
        choice.map_or_else(Default::default, |choice| (numbers(&choice.only), numbers(&choice.not)))
    }
}

fn single(choice: &Choice) -> Option<&str> {
    let mut values = choice.only.iter();
    values.next().filter(|_| values.next().is_none()).map(String::as_str)
}

/// Splits at commas that have no backslash before them.
fn split(list: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut signs = list.chars();
    while let Some(sign) = signs.next() {
        match sign {
            ',' => values.push(String::new()),
            sign => {
                let plain = if sign == '\\' { signs.next().unwrap_or(sign) } else { sign };
                values.last_mut().expect("there is one from the start").push(plain);
            }
        }
    }
    values
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (at, sign) in value.char_indices() {
        if matches!(sign, ',' | '\\') || (at == 0 && sign == '!') {
            text.push('\\');
        }
        text.push(sign);
    }
    text
}

/// The values that one in an address stands for, as they are compared: mostly itself.
fn checked(facet: Facet, value: String) -> Result<Vec<String>, FilterError> {
    let wrong = |message: String| FilterError { facet, message };
    let told = || value.chars().take(64).collect::<String>();
    if value.len() > FILTER_VALUE_BYTES_MAX {
        return Err(wrong(format!("{:?}… is longer than {FILTER_VALUE_BYTES_MAX} bytes", told())));
    }
    if value == OTHER {
        return Err(wrong(format!("{OTHER} is what a list leaves over, not a value")));
    }
    match facet {
        Facet::Link(LinkFacet::Link) => match value.parse::<u64>() {
            Ok(id) if id > 0 => Ok(vec![id.to_string()]),
            _ => Err(wrong(format!("{:?} is not the number of a link", told()))),
        },
        Facet::Link(LinkFacet::Level) if Level::parse(&value).is_none() => {
            let known = Level::ALL.map(Level::as_str).join(", ");
            Err(wrong(format!("{:?} is none of {known}", told())))
        }
        Facet::Click(ClickFacet::Verdict) if value == EVERY_VERDICT => {
            Ok(Verdict::ALL.map(|verdict| verdict.as_str().to_owned()).to_vec())
        }
        Facet::Click(ClickFacet::Verdict) if Verdict::parse(&value).is_none() => {
            let known = Verdict::ALL.map(Verdict::as_str).join(", ");
            Err(wrong(format!("{:?} is none of {EVERY_VERDICT}, {known}", told())))
        }
        _ => Ok(vec![value]),
    }
}

/// Links by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum LinkSet {
    #[default]
    All,
    /// These, ascending.
    Only(Vec<LinkId>),
    /// All but these, ascending.
    Not(Vec<LinkId>),
}

impl LinkSet {
    pub(crate) fn only(mut links: Vec<LinkId>) -> Self {
        links.sort_unstable();
        links.dedup();
        Self::Only(links)
    }

    pub(crate) fn not(mut links: Vec<LinkId>) -> Self {
        links.sort_unstable();
        links.dedup();
        if links.is_empty() { Self::All } else { Self::Not(links) }
    }

    pub(crate) fn is_all(&self) -> bool {
        *self == Self::All
    }

    pub(crate) fn holds(&self, link: LinkId) -> bool {
        match self {
            Self::All => true,
            Self::Only(links) => links.binary_search(&link).is_ok(),
            Self::Not(links) => links.binary_search(&link).is_err(),
        }
    }

    /// Whether a link with a number from `first` to `last` can be one of these.
    pub(crate) fn meets(&self, first: LinkId, last: LinkId) -> bool {
        match self {
            Self::All => true,
            Self::Only(links) => {
                links.get(links.partition_point(|link| *link < first)).is_some_and(|link| *link <= last)
            }
            Self::Not(links) => first != last || links.binary_search(&first).is_err(),
        }
    }
}

/// A filter as the archive takes it: what links declare has become their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClickFilter {
    pub(crate) links: LinkSet,
    /// All have to agree.
    pub(crate) choices: Vec<(ClickFacet, Choice)>,
}

impl ClickFilter {
    /// Hits of one verdict.
    pub(crate) fn of_verdict(verdict: Verdict) -> Self {
        Self { choices: vec![(ClickFacet::Verdict, Choice::only(verdict.as_str()))], ..Self::default() }
    }

    /// The same, of one link only.
    pub(crate) fn on(self, link: LinkId) -> Self {
        Self { links: LinkSet::Only(vec![link]), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTRY: Facet = Facet::Click(ClickFacet::Country);
    const LINK: Facet = Facet::Link(LinkFacet::Link);

    fn filter(pairs: &[(&str, &str)]) -> Result<Filter, FilterError> {
        let mut filter = Filter::default();
        for (name, text) in pairs {
            filter.add(Facet::parse(name).unwrap(), text)?;
        }
        Ok(filter)
    }

    fn admits(text: &str, values: &[&str]) -> bool {
        let filter = filter(&[("tag", text)]).unwrap();
        filter.choice(Facet::Link(LinkFacet::Tag)).is_none_or(|choice| choice.admits_any(values.iter().copied()))
    }

    #[test]
    fn listed_values_are_admitted_and_those_after_an_exclamation_mark_are_not() {
        for (text, values, expected) in [
            ("a,b", &["a"][..], true),
            ("a,b", &["c"], false),
            ("!a,b", &["c"], true),
            ("!a,b", &["b"], false),
            ("a", &["b", "a"], true),
            ("!a", &["b", "a"], false),
            ("!a", &[], true),
            ("a", &[], false),
            ("", &["a"], true),
            ("!", &["a"], true),
            (r"a\,b", &["a,b"], true),
            (r"\!a", &["!a"], true),
            (r"!\!a", &["!a"], false),
            (r"a\\", &[r"a\"], true),
        ] {
            assert_eq!(admits(text, values), expected, "{text} of {values:?}");
        }
    }

    #[test]
    fn a_facet_named_twice_is_one_list() {
        let filter = filter(&[("country", "SE"), ("country", "NO"), ("country", "!NO")]).unwrap();
        let choice = filter.choice(COUNTRY).unwrap();
        assert!(choice.admits("SE") && !choice.admits("NO") && !choice.admits("DE"));
    }

    #[test]
    fn a_filter_is_read_back_as_it_was_written() {
        let filter =
            filter(&[("organisation", r"Acme\, Inc.,!x"), ("organisation", r"!\!y,z\\"), ("link", "007")]).unwrap();
        let mut again = Filter::default();
        for (name, text) in filter.pairs() {
            again.add(Facet::parse(name).unwrap(), &text).unwrap();
        }
        assert_eq!(again, filter);
        assert_eq!(filter.pairs().next(), Some(("link", "7".to_owned())));
    }

    #[test]
    fn a_value_is_admitted_excluded_and_forgotten_again() {
        let filter = Filter::default().with(COUNTRY, "SE").with(COUNTRY, "NO").but(COUNTRY, "NO");
        let pairs = |filter: &Filter| filter.pairs().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>();
        assert_eq!(pairs(&filter), ["country=SE", "country=!NO"]);
        let none = filter.without(COUNTRY, "SE").without(COUNTRY, "NO").without(LINK, "7");
        assert!(none.is_empty());
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_by_the_name_of_its_facet() {
        let long = "x".repeat(FILTER_VALUE_BYTES_MAX + 1);
        let many = (0..=FILTER_VALUES_MAX).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        for (name, text) in [
            ("link", "spring"),
            ("link", "0"),
            ("level", "top"),
            ("verdict", "robot"),
            ("country", "(other)"),
            ("city", &long),
            ("city", &many),
        ] {
            let refused = filter(&[(name, text)]).unwrap_err();
            assert_eq!(refused.facet.as_str(), name, "{refused}");
        }
    }

    #[test]
    fn a_question_about_one_link_is_told_from_others() {
        let only = |pairs: &[(&str, &str)]| filter(pairs).unwrap().only_link();
        assert_eq!(only(&[("link", "7")]), Some(LinkId(7)));
        for pairs in [&[("link", "7,8")][..], &[("link", "!7")], &[("link", "7"), ("country", "SE")], &[]] {
            assert_eq!(only(pairs), None, "{pairs:?}");
        }
        assert_eq!(Filter::of_link(LinkId(7)), filter(&[("link", "7")]).unwrap());
        assert_eq!(filter(&[("link", "7")]).unwrap().single(LINK), Some("7"));
    }

    #[test]
    fn a_set_of_links_tells_which_ranges_it_meets() {
        let id = LinkId;
        let only = LinkSet::only(vec![id(9), id(4), id(9)]);
        assert!(
            only.meets(id(4), id(4))
                && only.meets(id(5), id(9))
                && !only.meets(id(5), id(8))
                && !only.meets(id(10), id(99))
        );
        let not = LinkSet::not(vec![id(4)]);
        assert!(!not.meets(id(4), id(4)) && not.meets(id(4), id(5)) && !not.holds(id(4)) && not.holds(id(5)));
        assert!(LinkSet::not(Vec::new()).is_all());
    }
}
