//! Which of several numbers for one thing is in force. Pure.

use std::collections::HashMap;

use super::merge::{Merged, MergedFile};
use super::{Conflict, Number, SliceId, SourceId};
use crate::impressions::reading::Slice;

/// Every slice of all files, once.
pub(super) struct Slices {
    pub(super) list: Vec<Slice>,
    /// Of each file, where its slices are in the list.
    places: Vec<Vec<SliceId>>,
}

pub(super) fn slices(files: &[MergedFile]) -> Slices {
    let whole = Slice::new();
    let mut known: HashMap<&Slice, SliceId> = HashMap::from([(&whole, SliceId::WHOLE)]);
    let mut list = vec![Slice::new()];
    let mut places = Vec::with_capacity(files.len());
    for slices in files.iter().map(|file| &file.file.slices) {
        let mut of_file = Vec::with_capacity(slices.len());
        for slice in slices {
            let next = SliceId(list.len() as u32);
            let id = *known.entry(slice).or_insert(next);
            if id == next {
                list.push(slice.clone());
            }
            of_file.push(id);
        }
        places.push(of_file);
    }
    Slices { list, places }
}

/// What is in force, what was before, and what contradicts.
pub(super) fn standing(merged: &mut Merged, slices: &Slices) -> (Vec<Number>, Vec<Number>, Vec<Conflict>) {
    let mut numbers = all(merged, slices);
    numbers.sort_unstable();
    let (mut history, mut conflicts) = (Vec::new(), Vec::new());
    for run in numbers.chunk_by(is_same_thing) {
        let Some((newest, older)) = run.split_last() else { continue };
        history.extend_from_slice(older);
        let as_of = |number: &Number| merged.files[number.source.0 as usize].source.as_of;
        let contradicts = |number: &&Number| as_of(number) == as_of(newest) && number.value != newest.value;
        let contradicting = older.iter().rev().filter(contradicts);
        conflicts.extend(contradicting.map(|other| Conflict { in_force: *newest, other: *other }));
    }
    // Of each run the last one stays, where it is: there may be millions.
    numbers.dedup_by(|newer, kept| {
        let same = is_same_thing(newer, kept);
        if same {
            *kept = *newer;
        }
        same
    });
    numbers.shrink_to_fit();
    (numbers, history, conflicts)
}

/// Takes the readings out of each file in turn. Those of posts and slices that their own file does not have are left
/// out; no dialect writes them.
fn all(merged: &mut Merged, slices: &Slices) -> Vec<Number> {
    let mut numbers = Vec::with_capacity(merged.files.iter().map(|file| file.file.readings.len()).sum());
    for ((at, file), places) in merged.files.iter_mut().enumerate().zip(&slices.places) {
        let source = SourceId(at as u32);
        numbers.extend(std::mem::take(&mut file.file.readings).iter().filter_map(|reading| {
            let post = *file.posts.get(reading.post as usize)?;
            let slice = *places.get(reading.slice as usize)?;
            Some(Number { post, metric: reading.metric, slice, grain: reading.grain, source, value: reading.value })
        }));
    }
    numbers
}

fn is_same_thing(a: &Number, b: &Number) -> bool {
    a.thing() == b.thing()
}
