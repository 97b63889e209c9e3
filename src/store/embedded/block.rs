//! A block: the counters of neighbouring links on one day in one row of the table, about as large as a page of the
//! file. A row for each link would be searched, changed and logged by itself.
//!
//! The key of the row is that of a link and day; the block may hold that link and every one up to the key of the next
//! row. The column `counts` holds, in numbers of LEB128:
//!
//! ```text
//! version u8 = 2
//! per link, ascending:  link less the one before (the first: less that of the key)
//!                       length of counters · length of visitors · counters · visitors
//! ```
//!
//! The counters are [packed](super::packed), the visitors those of [`Uniques`](crate::domain::uniques::Uniques); the
//! column `visitors` is empty. Reading must answer any bytes with an error or links, never with a panic. What is wrong
//! with the counters of one link must not touch the others.

use super::bytes::{Garbled, Reader, number_len, put_number};
use crate::domain::link::LinkId;

pub(super) const VERSION: u8 = 2;

/// The most bytes of a block with more than one link: what fits into a page of 4,096 with all that SQLite writes
/// beside it.
pub(super) const BYTES_MAX: usize = 3_950;

/// How full blocks are that were one too large, so that they can grow.
const FILLED: usize = BYTES_MAX * 2 / 3;

/// What was counted for one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'b> {
    pub(super) link: LinkId,
    pub(super) counts: &'b [u8],
    pub(super) visitors: &'b [u8],
}

/// An entry where it was found.
#[derive(Clone, Copy)]
pub(super) struct Found<'b> {
    pub(super) entry: Entry<'b>,
    /// Where it begins among the bytes, and how many are its.
    pub(super) begin: usize,
    len: usize,
    /// The link that its distance is from.
    before: u64,
}

/// Reads the entries of a block in order.
pub(super) struct Entries<'b> {
    reader: Reader<'b>,
    /// The link before, or that of the key.
    link: u64,
    is_first: bool,
}

impl<'b> Entries<'b> {
    /// Those of a block in the row of `key`.
    pub(super) fn new(bytes: &'b [u8], key: LinkId) -> Result<Self, Garbled> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            VERSION => Ok(Self { reader, link: key.0, is_first: true }),
            _ => Err(Garbled { at: 0, what: "a version that this Waypost does not know" }),
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Found<'b>>, Garbled> {
        if self.reader.is_at_end() {
            return Ok(None);
        }
        let (begin, before) = (self.reader.at(), self.link);
        let [gap, counts, visitors] = self.reader.three_numbers()?;
        let link = before.checked_add(gap).filter(|_| gap > 0 || self.is_first);
        let Some(link) = link else { return Err(self.reader.garbled("links out of order")) };
        (self.link, self.is_first) = (link, false);
        let (counts, visitors) = (self.take(counts)?, self.take(visitors)?);
        let entry = Entry { link: LinkId(link), counts, visitors };
        Ok(Some(Found { entry, begin, len: self.reader.at() - begin, before }))
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'b [u8], Garbled> {
        // What does not fit is longer than anything, and found to be so.
        self.reader.take(usize::try_from(len).unwrap_or(usize::MAX))
    }
}

/// Replaces `block` by one of these entries, however large; `key` is not above the first of them.
pub(super) fn write_whole<'e>(key: LinkId, entries: impl Iterator<Item = Entry<'e>>, block: &mut Vec<u8>) {
    block.clear();
    block.push(VERSION);
    let mut before = key;
    for entry in entries {
        put_entry(block, before, entry);
        before = entry.link;
    }
}

#[inline]
fn put_entry(bytes: &mut Vec<u8>, before: LinkId, entry: Entry<'_>) {
    put_number(bytes, entry.link.0 - before.0);
    put_number(bytes, entry.counts.len() as u64);
    put_number(bytes, entry.visitors.len() as u64);
    bytes.extend_from_slice(entry.counts);
    bytes.extend_from_slice(entry.visitors);
}

/// Links and what is counted for them, which become one block or several.
pub(super) struct Blocks {
    /// As in one block, but for its version.
    bytes: Vec<u8>,
    /// Bytes that stay as they were found, and are still to be copied.
    kept: usize,
    /// Each link and where its bytes end.
    links: Vec<(LinkId, usize)>,
    /// The link of the first row's key.
    key: LinkId,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), kept: 0, links: Vec::new(), key: LinkId(0) }
    }

    pub(super) fn begin(&mut self, key: LinkId) {
        self.bytes.clear();
        self.links.clear();
        (self.kept, self.key) = (0, key);
    }

    /// Links come in order, and what is [kept](Self::keep) is copied before the next one comes.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry<'_>) {
        let before = self.link_before(self.links.len());
        put_entry(&mut self.bytes, before, entry);
        self.links.push((entry.link, self.bytes.len()));
    }

    /// Takes an entry as it was found; `false` if its distance is one from another link now.
    #[inline]
    pub(super) fn keep(&mut self, found: &Found<'_>) -> bool {
        if self.link_before(self.links.len()).0 != found.before {
            return false;
        }
        self.kept += found.len;
        self.links.push((found.entry.link, self.bytes.len() + self.kept));
        true
    }

    /// Copies what was kept, which ends at `end` of the `block` where it was found.
    pub(super) fn copy_kept(&mut self, block: &[u8], end: usize) {
        self.bytes.extend_from_slice(&block[end - self.kept..end]);
        self.kept = 0;
    }

    /// Replaces `block` by the first of them that is left to be written, which begins behind the first `done` links, in
    /// a row of `key`; returns how many links are done then.
    pub(super) fn write(&self, done: usize, key: LinkId, block: &mut Vec<u8>) -> usize {
        let begin = self.end_of(done);
        let to = self.cut(done, begin);
        block.clear();
        block.push(VERSION);
        if let Some((first, _)) = self.links.get(done) {
            let gap = number_len(first.0 - self.link_before(done).0);
            put_number(block, first.0 - key.0);
            block.extend_from_slice(&self.bytes[begin + gap..self.end_of(to)]);
        }
        to
    }

    /// The link that comes behind the first `done`.
    pub(super) fn link(&self, done: usize) -> Option<LinkId> {
        self.links.get(done).map(|(link, _)| *link)
    }

    /// Where the block ends that begins behind the first `done` links: at the end, if the rest fits, or else so that all
    /// that are left become about equally full. A link that is too large has a block of its own.
    fn cut(&self, done: usize, begin: usize) -> usize {
        let size = |to: usize| self.end_of(to) - begin + 1;
        let rest = size(self.links.len());
        if rest <= BYTES_MAX {
            return self.links.len();
        }
        let filled = rest / rest.div_ceil(FILLED);
        let mut to = done + 1;
        while to < self.links.len() && size(to) < filled && size(to + 1) <= BYTES_MAX {
            to += 1;
        }
        to
    }

    fn link_before(&self, links: usize) -> LinkId {
        links.checked_sub(1).map_or(self.key, |last| self.links[last].0)
    }

    fn end_of(&self, links: usize) -> usize {
        links.checked_sub(1).map_or(0, |last| self.links[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: LinkId = LinkId(3);

    /// Its number, counters and visitors.
    type Link = (u64, Vec<u8>, Vec<u8>);

    fn blocks(entries: &[Link]) -> Blocks {
        let mut blocks = Blocks::new();
        blocks.begin(KEY);
        for (link, counts, visitors) in entries {
            blocks.push(Entry { link: LinkId(*link), counts, visitors });
        }
        blocks
    }

    /// All blocks, each with the link of its key.
    fn written(blocks: &Blocks) -> Vec<(LinkId, Vec<u8>)> {
        let (mut all, mut key, mut done) = (Vec::new(), KEY, 0);
        loop {
            let mut block = vec![9; 9];
            done = blocks.write(done, key, &mut block);
            all.push((key, block));
            let Some(next) = blocks.link(done) else { return all };
            key = next;
        }
    }

    fn read(bytes: &[u8], key: LinkId) -> Result<Vec<Link>, Garbled> {
        let (mut entries, mut all) = (Entries::new(bytes, key)?, Vec::new());
        while let Some(Found { entry, .. }) = entries.next()? {
            all.push((entry.link.0, entry.counts.to_vec(), entry.visitors.to_vec()));
        }
        Ok(all)
    }

    fn of_sizes(sizes: &[usize]) -> Vec<Link> {
        let entry = |(n, size): (u64, &usize)| (KEY.0 + n * n, vec![n as u8; *size], vec![1; n as usize % 9]);
        (0..).zip(sizes).map(entry).collect()
    }

    #[test]
    fn what_is_written_comes_back_in_blocks_of_bounded_size() {
        for sizes in [
            vec![],
            vec![0],
            vec![40; 10],
            vec![40; 3_000],
            vec![2_100; 9],
            [vec![40; 50], vec![9_000; 2], vec![3; 90]].concat(),
        ] {
            let entries = of_sizes(&sizes);
            let written = written(&blocks(&entries));
            let mut found = Vec::new();
            for (key, block) in &written {
                let links = read(block, *key).unwrap();
                assert!(block.len() <= BYTES_MAX || links.len() == 1, "{} bytes, {} links", block.len(), links.len());
                found.extend(links);
            }
            assert_eq!(found, entries);
        }
    }

    #[test]
    fn blocks_of_a_split_are_about_equally_full() {
        let lens: Vec<usize> = written(&blocks(&of_sizes(&[40; 1_000]))).iter().map(|(_, block)| block.len()).collect();
        assert!(lens.iter().all(|len| (FILLED / 2..=FILLED + 200).contains(len)), "{lens:?}");
    }

    #[test]
    fn entries_as_they_were_found_make_the_same_block() {
        let before = blocks(&of_sizes(&[40; 60]));
        let (_, block) = written(&before).remove(0);
        for changed in [0, 1, 30, 59, 60] {
            let (mut entries, mut again, mut at) = (Entries::new(&block, KEY).unwrap(), Blocks::new(), 0);
            again.begin(KEY);
            while let Some(found) = entries.next().unwrap() {
                if at == changed {
                    again.copy_kept(&block, found.begin);
                    again.push(found.entry);
                } else {
                    assert!(again.keep(&found));
                }
                at += 1;
            }
            again.copy_kept(&block, block.len());
            assert_eq!(written(&again), [(KEY, block.clone())]);
        }
        let mut again = blocks(&[(4, vec![], vec![])]);
        assert!(!again.keep(&Entries::new(&block, KEY).unwrap().next().unwrap().unwrap()));
        again.begin(KEY);
        assert_eq!(written(&again), [(KEY, vec![VERSION])]);
    }

    #[test]
    fn bytes_cut_short_or_changed_never_panic() {
        let (_, block) = written(&blocks(&of_sizes(&[3; 12]))).remove(0);
        for (at, value) in (0..block.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
            let mut changed = block.clone();
            changed[at] = value;
            let _ = (read(&changed, KEY), read(&changed[..at], KEY));
        }
    }

    #[test]
    fn each_kind_of_garbage_is_named() {
        let what = |bytes: &[u8]| read(bytes, KEY).unwrap_err().what;
        assert_eq!(what(&[]), "the end, too early");
        assert_eq!(what(&[7]), "a version that this Waypost does not know");
        assert_eq!(what(&[2, 1, 0, 0, 0]), "the end, too early");
        assert_eq!(what(&[2, 1, 0, 0, 0, 0, 0]), "links out of order");
        assert_eq!(what(&[2, 1, 9, 0, 1]), "the end, inside a value");
        let beyond = [&[2][..], &[0xff; 9], &[1, 0, 0]].concat();
        assert_eq!(what(&beyond), "links out of order");
    }
}
