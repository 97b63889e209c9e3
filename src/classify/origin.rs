//! Where a click comes from: its source, the rule that named it, its channel, and where it was seen. Most clicks bring
//! nothing in their query; then all of it follows from what the link declares and what the hit shows, and is remembered.
//!
//! Pure: the memory changes what attributing costs, never what it says.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::hash_map::EntryRef;
use hashbrown::{Equivalent, HashMap};

use crate::domain::click::Origin;
use crate::domain::link::LinkFacts;
use crate::domain::placement::Level;

use super::look::Shown;

/// The most origins remembered; beyond it the memory starts anew. One takes some 300 bytes.
const REMEMBERED_MAX: usize = 8192;

/// The origins of clicks that brought nothing in their query.
#[derive(Default)]
pub(super) struct Origins {
    // The hasher draws random keys at every start, so that no stranger can choose texts that collide.
    remembered: HashMap<Known, Arc<Origin>>,
}

impl Origins {
    /// From memory, or by `attribute`, which must look at nothing but these two.
    pub(super) fn of(&mut self, link: &LinkFacts, shown: &Shown, attribute: impl FnOnce() -> Origin) -> &Arc<Origin> {
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        let asked = Asked { shown: shown.number, declared: declared(link), level: link.level };
        match self.remembered.entry_ref(&asked) {
            EntryRef::Occupied(known) => known.into_mut(),
            EntryRef::Vacant(new) => new.insert_with_key(Known::from(&asked), Arc::new(attribute())),
        }
    }
}

const TEXTS: usize = 5;

/// Everything of a link that tells where its clicks come from. That most have no domain of their own is told without an empty
/// text: comparing one that points nowhere takes 100 ns on processors with AVX-512 (glibc's `memcmp` loads from there).
fn declared(link: &LinkFacts) -> [Option<&str>; TEXTS] {
    let utm = &link.utm;
    [
        Some(&*link.domain).filter(|domain| !domain.is_empty()),
        link.platform.as_deref(),
        utm.source.as_deref(),
        utm.medium.as_deref(),
        utm.campaign.as_deref(),
    ]
}

struct Asked<'a> {
    shown: u64,
    declared: [Option<&'a str>; TEXTS],
    level: Level,
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.shown ^ self.level as u64);
        self.declared.iter().flatten().filter(|text| !text.is_empty()).for_each(|text| state.write(text.as_bytes()));
    }
}

/// What an origin was found from. It hashes like the [`Asked`] it was made of.
#[derive(PartialEq, Eq)]
struct Known {
    /// The number of what was shown.
    shown: u64,
    declared: [Option<CompactString>; TEXTS],
    level: Level,
}

impl Known {
    fn asked(&self) -> Asked<'_> {
        let declared = self.declared.each_ref().map(Option::as_deref);
        Asked { shown: self.shown, declared, level: self.level }
    }
}

impl From<&Asked<'_>> for Known {
    fn from(asked: &Asked<'_>) -> Self {
        let declared = asked.declared.map(|text| text.map(CompactString::from));
        Self { shown: asked.shown, declared, level: asked.level }
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.asked().hash(state);
    }
}

impl Equivalent<Known> for Asked<'_> {
    fn equivalent(&self, known: &Known) -> bool {
        let known = known.asked();
        self.shown == known.shown && self.level == known.level && self.declared == known.declared
    }
}

#[cfg(test)]
mod tests {
    use super::super::agent::Agents;
    use super::super::look::Looks;
    use super::super::tables::Tables;
    use super::*;
    use crate::domain::hit::Hit;
    use crate::domain::link::LinkId;
    use crate::domain::utm::Utm;

    fn link(id: u64, change: impl Fn(&mut LinkFacts)) -> LinkFacts {
        let (domain, slug, utm) = (String::new(), format!("slug-{id}"), Utm::default());
        let mut link = LinkFacts { id: LinkId(id), domain, slug, utm, platform: None, level: Level::Post };
        change(&mut link);
        link
    }

    #[test]
    fn only_what_declares_and_shows_the_same_is_attributed_from_memory() {
        let (mut origins, agents) = (Origins::default(), Agents::compile(&Tables::built_in()));
        let (mut of_one, mut of_other) = (Looks::default(), Looks::default());
        let hit = |user_agent| Hit { user_agent, ..Hit::new(LinkId(1), 0) };
        of_other.read(&agents, &hit("Mozilla/5.0"));
        let (one, other) = (of_one.read(&agents, &hit("Mozilla/5.0")), of_other.read(&agents, &hit("curl/8.5.0")));
        let mut asked = 0;
        let mut attribute = |link: &LinkFacts, shown: &Shown| {
            let source = CompactString::from(asked.to_string());
            asked += 1;
            origins.of(link, shown, || Origin { source, ..Origin::default() }).source.to_string()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(attribute(&link(1, |_| {}), one), "0");
        assert_eq!(attribute(&link(2, |_| {}), one), "0");
        assert_eq!(attribute(&link(1, |_| {}), other), "2");
        assert_eq!(attribute(&link(1, |link| link.domain = "a".to_owned()), one), "3");
        assert_eq!(attribute(&link(1, |link| link.platform = some("a")), one), "4");
        assert_eq!(attribute(&link(1, |link| link.utm.source = some("a")), one), "5");
        assert_eq!(attribute(&link(1, |link| link.utm.medium = some("a")), one), "6");
        assert_eq!(attribute(&link(1, |link| link.utm.campaign = some("a")), one), "7");
        assert_eq!(attribute(&link(1, |link| link.level = Level::Ad), one), "8");
        assert_eq!(attribute(&link(3, |link| link.utm.source = some("a")), one), "5");
    }
}
