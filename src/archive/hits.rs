//! The clicks of some click files in the order of their hits, for whoever judges them again: rows are in the order of
//! times, which is another one when answers overtake each other or a clock is set.
//!
//! It must never hold more clicks at once than a named number, however many a file has.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use hashbrown::HashSet;
use uuid::Uuid;

use super::columns::ID;
use super::files::{Opened, StoredFile};
use super::filter::ClickQuery;
use super::passage::{Half, Sought, half, in_order};
use super::read::{Damage, Sound};
use super::{Archive, ArchiveError};
use crate::domain::click::Click;
use crate::domain::position::{Incarnation, Position};

/// The most clicks held at once, each in some 500 bytes. Where the files have more, which takes a rush of clicks or a large
/// `archive.seal_rows`, they are read once for each so many.
pub(super) const HELD_MAX: usize = 65_536;

/// Hits in a row that no click is found of before the rest is given up. Damaged hits have no clicks, and a segment of the
/// journal that is lost has some 200,000 of them.
const MISSING_MAX: usize = 1 << 21;

impl Archive {
    /// Hands over the clicks of `files`, which are of hits of `incarnation` at or after `from`, in the order of the hits.
    /// A file that is damaged is left out, and so are clicks that are of no such hit.
    ///
    /// # Errors
    /// When a file cannot be read although it may be sound.
    pub(crate) fn in_order_of_hits(
        &self,
        incarnation: Incarnation,
        from: Position,
        files: &[StoredFile],
        mut take: impl FnMut(Position, Click),
    ) -> Result<(), ArchiveError> {
        let mut ids = HashSet::new();
        for file in files {
            self.take_ids(&mut ids, file)?;
        }
        for places in placed(incarnation, from, ids).chunks(HELD_MAX) {
            let mut sought = Sought::new(places.iter().copied());
            for file in files {
                self.take_of_file(&mut sought, file)?;
            }
            sought.in_order().into_iter().for_each(|(position, click)| take(position, click));
        }
        Ok(())
    }

    fn take_ids(&self, ids: &mut HashSet<Half>, file: &StoredFile) -> Result<(), ArchiveError> {
        let everything = ClickQuery::default();
        let Opened::File(opened) = self.files.open_file(file, &everything)? else { return Ok(()) };
        let read = Sound::open(opened, &everything).and_then(|sound| {
            sound
                .into_iter()
                .try_for_each(|sound| sound.groups().iter().try_for_each(|group| of_group(ids, &sound, *group)))
        });
        if let Err(damage) = read {
            tracing::debug!(%file, %damage, "a damaged click file tells nothing of the clicks that follow");
            self.files.distrust(file);
        }
        Ok(())
    }
}

fn of_group(ids: &mut HashSet<Half>, sound: &Sound, group: usize) -> Result<(), Damage> {
    let batch = sound.columns(group, &[ID])?;
    let column = batch.column_by_name(ID).and_then(|column| column.as_string_opt::<i32>()).ok_or(Damage::Foreign)?;
    ids.extend((0..column.len()).filter_map(|row| Uuid::try_parse(column.value(row)).ok()).map(|id| half(&id)));
    Ok(())
}

/// Where the hits of these clicks stand, in order.
fn placed(incarnation: Incarnation, from: Position, mut ids: HashSet<Half>) -> Vec<(Half, Position)> {
    let (mut placed, mut missing) = (Vec::with_capacity(ids.len()), 0);
    let mut hits = in_order(incarnation, from);
    while !ids.is_empty()
        && missing < MISSING_MAX
        && let Some((id, position)) = hits.next()
    {
        if ids.remove(&id) {
            placed.push((id, position));
            missing = 0;
        } else {
            missing += 1;
        }
    }
    placed
}
