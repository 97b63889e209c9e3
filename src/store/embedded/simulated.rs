//! The embedded store's own counting on a file in memory, with as many shards as wanted, which can be put back to what
//! it was, as a failover or a restored backup does. For simulations.

use jiff::civil::Date;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::additions::Additions;
use super::counts::Merge;
use super::{counts, schema};
use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::delta::Delta;
use crate::domain::position::{Incarnation, Position, Shard};

/// What moves together: the tables and how many columns each has.
const TABLES: [(&str, usize); 4] = [("counters", 3), ("additions", 2), ("watermarks", 4), ("archived", 3)];

pub(crate) struct Counted(Connection);

/// What a store was at some moment.
#[derive(Clone)]
pub(crate) struct Backup(Vec<Vec<Vec<Value>>>);

impl Counted {
    pub(crate) fn new() -> Self {
        let mut file = Connection::open_in_memory().unwrap();
        schema::migrate(&mut file, 0).unwrap();
        Self(file)
    }

    pub(crate) fn apply(&mut self, batch: &Batch) -> Applied {
        let file = self.0.transaction().unwrap();
        let (applied, moved) =
            counts::apply(&file, &counts::Range::of(batch), &Additions::of(&batch.deltas), Merge::WhatIsDue).unwrap();
        assert!(moved.is_empty(), "nobody wrote in this file by hand");
        file.commit().unwrap();
        applied
    }

    /// Moves a watermark without counting, as no sound store does.
    pub(crate) fn pretend(&mut self, incarnation: Incarnation, shard: Shard, at: Position) {
        counts::set_watermark(&self.0, incarnation, shard.0, at).unwrap();
    }

    pub(crate) fn watermark(&self, incarnation: Incarnation, shard: Shard) -> Position {
        counts::watermark(&self.0, incarnation, shard).unwrap()
    }

    pub(crate) fn archived(&self, incarnation: Incarnation) -> Position {
        counts::archived(&self.0, incarnation).unwrap()
    }

    pub(crate) fn set_archived(&self, incarnation: Incarnation, to: Position) {
        counts::set_archived(&self.0, incarnation, to).unwrap();
    }

    pub(crate) fn counters(&self, first: Date, last: Date) -> Vec<DayCounters> {
        counts::read(&self.0, Dimensions::ALL, None, first, last).unwrap()
    }

    pub(crate) fn replace_day(&mut self, day: Date, hits: u64, deltas: &[Delta]) -> bool {
        let file = self.0.transaction().unwrap();
        let is_replaced = counts::replace_day(&file, day, hits, &Additions::of(&deltas.iter().collect())).unwrap();
        file.commit().unwrap();
        is_replaced
    }

    pub(crate) fn backup(&self) -> Backup {
        let table = |(name, columns): (&str, usize)| {
            let mut read = self.0.prepare_cached(&format!("SELECT * FROM {name}")).unwrap();
            let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
            read.query_map([], row).unwrap().map(Result::unwrap).collect()
        };
        Backup(TABLES.into_iter().map(table).collect())
    }

    pub(crate) fn restore(&mut self, backup: &Backup) {
        let file = self.0.transaction().unwrap();
        for ((name, columns), rows) in TABLES.into_iter().zip(&backup.0) {
            file.execute(&format!("DELETE FROM {name}"), []).unwrap();
            let places = vec!["?"; columns].join(", ");
            let mut write = file.prepare_cached(&format!("INSERT INTO {name} VALUES ({places})")).unwrap();
            for row in rows {
                write.execute(params_from_iter(row)).unwrap();
            }
        }
        file.commit().unwrap();
    }
}
