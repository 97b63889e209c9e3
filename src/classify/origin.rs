//! Where a click comes from: its source, the rule that named it, its channel, and where it was seen. Most clicks bring
//! nothing in their query; then all of it follows from what the link declares and what the hit shows, and is remembered.
//!
//! Pure: the memory changes what attributing costs, never what it says.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::DefaultHashBuilder;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, UnitWeighter};

use crate::domain::click::Origin;
use crate::domain::link::LinkFacts;
use crate::domain::placement::Level;

use super::look::Shown;

/// The most origins remembered. One takes some 300 bytes, and looks at most as many as `look.rs` remembers.
const REMEMBERED_MAX: usize = 8192;

/// The origins of clicks that brought nothing in their query.
pub(super) struct Origins {
    // The hasher draws random keys at every start, so that no stranger can choose texts that collide.
    remembered: Cache<Known, Arc<Origin>, UnitWeighter, DefaultHashBuilder>,
}

impl Origins {
    pub(super) fn new() -> Self {
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { remembered: Cache::with(REMEMBERED_MAX, REMEMBERED_MAX as u64, UnitWeighter, hasher, lifecycle) }
    }

    /// From memory, or by `attribute`, which must look at nothing but these two.
    pub(super) fn of(&self, link: &LinkFacts, shown: &Arc<Shown>, attribute: impl FnOnce() -> Origin) -> Arc<Origin> {
        let asked = Asked { shown: address(shown), declared: declared(link), level: link.level };
        if let Some(origin) = self.remembered.get(&asked) {
            return origin;
        }
        let origin = Arc::new(attribute());
        let declared = asked.declared.map(|text| text.map(CompactString::from));
        let known = Known { shown: Arc::clone(shown), declared, level: link.level };
        self.remembered.insert(known, Arc::clone(&origin));
        origin
    }
}

const TEXTS: usize = 5;

/// Everything of a link that tells where its clicks come from.
fn declared(link: &LinkFacts) -> [Option<&str>; TEXTS] {
    let utm = &link.utm;
    [
        Some(&link.domain),
        link.platform.as_deref(),
        utm.source.as_deref(),
        utm.medium.as_deref(),
        utm.campaign.as_deref(),
    ]
}

fn address(shown: &Arc<Shown>) -> usize {
    Arc::as_ptr(shown) as usize
}

struct Asked<'a> {
    shown: usize,
    declared: [Option<&'a str>; TEXTS],
    level: Level,
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.shown ^ self.level as usize);
        self.declared.iter().flatten().filter(|text| !text.is_empty()).for_each(|text| state.write(text.as_bytes()));
    }
}

/// What an origin was found from. It keeps what was shown alive, so the address means one thing for as long. It hashes
/// like the [`Asked`] it was made of.
struct Known {
    shown: Arc<Shown>,
    declared: [Option<CompactString>; TEXTS],
    level: Level,
}

impl Known {
    fn asked(&self) -> Asked<'_> {
        let declared = self.declared.each_ref().map(Option::as_deref);
        Asked { shown: address(&self.shown), declared, level: self.level }
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.asked().hash(state);
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        other.asked().equivalent(self)
    }
}

impl Eq for Known {}

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
        let (origins, looks) = (Origins::new(), Looks::new(Agents::compile(&Tables::built_in())));
        let shown = |user_agent| looks.read(&Hit { user_agent, ..Hit::new(LinkId(1), 0) });
        let (one, other) = (shown("Mozilla/5.0"), shown("curl/8.5.0"));
        let mut found: Vec<Arc<Origin>> = Vec::new();
        let mut attribute = |link: &LinkFacts, shown: &Arc<Shown>| {
            let source = CompactString::from(found.len().to_string());
            let made = Origin { source, ..Origin::default() };
            found.push(origins.of(link, shown, || made));
            found[found.len() - 1].source.to_string()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(attribute(&link(1, |_| {}), &one), "0");
        assert_eq!(attribute(&link(2, |_| {}), &one), "0");
        assert_eq!(attribute(&link(1, |_| {}), &other), "2");
        assert_eq!(attribute(&link(1, |link| link.domain = "a".to_owned()), &one), "3");
        assert_eq!(attribute(&link(1, |link| link.platform = some("a")), &one), "4");
        assert_eq!(attribute(&link(1, |link| link.utm.source = some("a")), &one), "5");
        assert_eq!(attribute(&link(1, |link| link.utm.medium = some("a")), &one), "6");
        assert_eq!(attribute(&link(1, |link| link.utm.campaign = some("a")), &one), "7");
        assert_eq!(attribute(&link(1, |link| link.level = Level::Ad), &one), "8");
        assert_eq!(attribute(&link(3, |link| link.utm.source = some("a")), &one), "5");
    }
}
