//! Where a click comes from: its source, the rule that named it, its channel, and where it was seen. Most clicks bring
//! nothing in their query; then all of it follows from what the link declares and what the hit shows, and is remembered.
//!
//! Pure: the memory changes what attributing costs, never what it says.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::domain::click::Origin;
use crate::domain::link::LinkFacts;

use super::look::Shown;

/// The most origins remembered; beyond it the memory starts anew. One takes some 200 bytes.
const REMEMBERED_MAX: usize = 8192;

/// Everything that a link declares of where its clicks come from, as 128 bits of a hash. So a click that is attributed from
/// memory takes no look at the link's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Declared(u128);

impl Declared {
    pub(super) fn of(link: &LinkFacts) -> Self {
        // Drawn at every start, so that nobody can choose texts of one hash.
        static KEYS: LazyLock<[u64; 2]> = LazyLock::new(|| [0, 1].map(|number| RandomState::new().hash_one(number)));
        let utm = &link.utm;
        let (names, texts) = ((&link.domain, &link.platform), (&utm.source, &utm.medium, &utm.campaign));
        let mut hasher = SipHasher13::new_with_keys(KEYS[0], KEYS[1]);
        (names, texts, link.level as u8).hash(&mut hasher);
        Self(hasher.finish128().as_u128())
    }
}

/// The origins of clicks that brought nothing in their query.
#[derive(Default)]
pub(super) struct Origins {
    /// By the number of what was shown.
    remembered: HashMap<(u64, Declared), Arc<Origin>>,
}

impl Origins {
    /// From memory, or by `attribute`, which must look at nothing but these two.
    pub(super) fn of(&mut self, declared: Declared, shown: &Shown, attribute: impl FnOnce() -> Origin) -> &Arc<Origin> {
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.entry((shown.number, declared)).or_insert_with(|| Arc::new(attribute()))
    }
}

#[cfg(test)]
mod tests {
    use compact_str::CompactString;

    use super::super::agent::Agents;
    use super::super::look::Looks;
    use super::super::tables::Tables;
    use super::*;
    use crate::domain::hit::Hit;
    use crate::domain::link::LinkId;
    use crate::domain::placement::Level;
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
            origins.of(Declared::of(link), shown, || Origin { source, ..Origin::default() }).source.to_string()
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
        assert_eq!(attribute(&link(1, |link| link.utm.source = some("")), one), "9");
        assert_eq!(attribute(&link(3, |link| link.utm.source = some("a")), one), "5");
    }
}
