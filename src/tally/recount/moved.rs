//! What judging again has moved: from which verdicts and sources to which, and the human clicks of each day.
//!
//! It must stay small however many different moves there are.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Day, Move, Report};
use crate::domain::click::Click;
use crate::domain::verdict::Verdict;
use crate::tally::calendar::Calendar;

/// The most different moves that are listed; the rest is summed up.
const MOVES_MAX: usize = 200;

/// The most different moves that are told apart while counting.
const MOVES_COUNTED_MAX: usize = 10_000;

/// Where moves go that found no room of their own.
const OTHER: &str = "(other)";

/// Adds up what moved.
pub(super) struct Moved {
    pub(super) report: Report,
    pub(super) calendar: Calendar,
    pub(super) last_day: Option<Date>,
    verdicts: BTreeMap<(String, String), u64>,
    sources: BTreeMap<(String, String), u64>,
    days: BTreeMap<Date, (u64, u64)>,
    pub(super) days_kept: Vec<String>,
}

impl Moved {
    pub(super) fn new(calendar: Calendar, rules_version: u32) -> Self {
        Self {
            report: Report { rules_version, ..Report::default() },
            calendar,
            last_day: None,
            verdicts: BTreeMap::new(),
            sources: BTreeMap::new(),
            days: BTreeMap::new(),
            days_kept: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, old: &Click, new: &Click) {
        self.report.hits += 1;
        let day = self.calendar.day(new.time_ms);
        self.last_day = self.last_day.max(Some(day));
        let clicks = self.days.entry(day).or_default();
        clicks.0 += u64::from(old.verdict == Verdict::Human);
        clicks.1 += u64::from(new.verdict == Verdict::Human);
        if is_same(old, new) {
            return;
        }
        self.report.changed += 1;
        let verdict = |click: &Click| format!("{}:{}", click.verdict, click.reason);
        add(&mut self.verdicts, verdict(old), verdict(new));
        add(&mut self.sources, old.origin.source.to_string(), new.origin.source.to_string());
    }

    pub(super) fn into_report(self) -> Report {
        let differs = |(_, (before, after)): &(Date, (u64, u64))| before != after;
        let days = self.days.into_iter().filter(differs);
        Report {
            verdicts: listed(self.verdicts),
            sources: listed(self.sources),
            days: days
                .map(|(day, (clicks_before, clicks_after))| Day { day: day.to_string(), clicks_before, clicks_after })
                .collect(),
            days_kept: self.days_kept,
            ..self.report
        }
    }
}

/// Whether nothing but the number of the rules differs.
fn is_same(old: &Click, new: &Click) -> bool {
    old == &Click { rules_version: old.rules_version, ..new.clone() }
}

fn add(moves: &mut BTreeMap<(String, String), u64>, from: String, to: String) {
    if from == to {
        return;
    }
    let key = (from, to);
    let has_room = moves.len() < MOVES_COUNTED_MAX || moves.contains_key(&key);
    *moves.entry(if has_room { key } else { (OTHER.to_owned(), OTHER.to_owned()) }).or_default() += 1;
}

fn listed(moves: BTreeMap<(String, String), u64>) -> Vec<Move> {
    let mut moves: Vec<Move> = moves.into_iter().map(|((from, to), hits)| Move { from, to, hits }).collect();
    moves.sort_by_key(|moved| std::cmp::Reverse(moved.hits));
    if moves.len() > MOVES_MAX {
        let rest = moves.split_off(MOVES_MAX).iter().map(|moved| moved.hits).sum();
        moves.push(Move { from: OTHER.to_owned(), to: OTHER.to_owned(), hits: rest });
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_bounded_and_the_sum_stays_exact() {
        let mut moves = BTreeMap::new();
        for n in 0..MOVES_COUNTED_MAX + 50 {
            add(&mut moves, format!("from {n}"), "to".to_owned());
        }
        add(&mut moves, "same".to_owned(), "same".to_owned());
        let listed = listed(moves);
        assert_eq!(listed.len(), MOVES_MAX + 1);
        assert_eq!(listed.iter().map(|moved| moved.hits).sum::<u64>(), MOVES_COUNTED_MAX as u64 + 50);
    }
}
