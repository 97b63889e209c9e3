//! Links by their ids.
//!
//! In pages, so that one more link never has all of them copied while somebody waits for the lock, and so that the least of
//! those ids that nobody asks for take memory: where they are all over the place, a page is half a kilobyte for each link.

use super::packed::Packed;
use crate::domain::link::LinkId;

const PAGE_LINKS: usize = 64;

/// Ids above this are not indexed: the list of pages alone has 64 MB by then. What is asked of them is asked of the store.
const ID_MAX: u64 = 1 << 28;

/// Pages are empty until the first link stands there.
#[derive(Default)]
pub(super) struct ById(Vec<Box<[Option<Packed>]>>);

impl ById {
    pub(super) fn get(&self, id: LinkId) -> Option<&Packed> {
        let (page, at) = place(id)?;
        self.0.get(page)?.get(at)?.as_ref()
    }

    /// Puts a link at its id, and returns the one that stood there.
    pub(super) fn put(&mut self, link: Packed) -> Option<Packed> {
        let (page, at) = place(link.id())?;
        if page >= self.0.len() {
            self.0.resize_with(page + 1, Box::default);
        }
        let page = &mut self.0[page];
        if page.is_empty() {
            *page = vec![None; PAGE_LINKS].into_boxed_slice();
        }
        page[at].replace(link)
    }

    pub(super) fn take(&mut self, id: LinkId) -> Option<Packed> {
        let (page, at) = place(id)?;
        self.0.get_mut(page)?.get_mut(at)?.take()
    }

    /// Above every id that is there.
    pub(super) fn end(&self) -> u64 {
        (self.0.len() * PAGE_LINKS) as u64
    }
}

/// The page, and where in it.
fn place(id: LinkId) -> Option<(usize, usize)> {
    let id = usize::try_from(id.0).ok().filter(|_| id.0 <= ID_MAX)?;
    Some((id / PAGE_LINKS, id % PAGE_LINKS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::table::tests::link;

    #[test]
    fn a_link_is_found_at_its_id_until_it_is_taken_and_none_beyond_the_bound() {
        let packed = |id| Packed::of(&link(id, "a"), "a", 0, None);
        let mut by_id = ById::default();
        for id in [0, 63, 64, 1024, ID_MAX, ID_MAX + 1, u64::MAX] {
            assert!(by_id.put(packed(id)).is_none());
            let there = by_id.get(LinkId(id)).map(Packed::id);
            assert_eq!(there, (id <= ID_MAX).then_some(LinkId(id)));
            assert!(by_id.get(LinkId(id.saturating_add(1))).is_none());
        }
        assert!(by_id.put(packed(1024)).is_some());
        assert!(by_id.end() > ID_MAX);
        assert!(by_id.take(LinkId(1024)).is_some() && by_id.take(LinkId(1024)).is_none());
        assert!(by_id.get(LinkId(1024)).is_none() && by_id.take(LinkId(5_000_000)).is_none());
    }
}
