//! Two rows beside each other: how far their rates are apart, how sure that is, and what makes them hard to compare.
//!
//! Pure. It must never compare rates of different kinds or bases.

use jiff::SignedDuration;

use crate::stats::compare::{Share, compare};
use crate::stats::ctr::Material;
use crate::stats::wire::{CtrRow, Versus};

/// Posts whose ages at the as-of differ by more than this factor were not seen for the same time.
const AGES_DIFFER: f64 = 2.0;

/// Why two things cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VersusError {
    /// The name that was asked for.
    #[error("there is no row {0:?} in this report; `by` says what a name is a name of")]
    NoRow(String),
    #[error("{a:?} has {of_a} and {b:?} has {of_b}: rates of different kinds or spans are not compared")]
    NothingInCommon { a: String, of_a: String, b: String, of_b: String },
}

/// Compares the rows that people call `a` and `b`, in the first kind and basis that both have a rate of.
///
/// # Errors
/// When one of them is not there, or they have nothing in common.
pub(crate) fn versus(material: &Material<'_>, rows: &[CtrRow], a: &str, b: &str) -> Result<Versus, VersusError> {
    let (of_a, of_b) = (called(rows, a)?, called(rows, b)?);
    let pairs = of_a.iter().flat_map(|row| of_b.iter().map(move |other| (*row, *other)));
    let fits = |(row, other): &(&CtrRow, &CtrRow)| (&row.kind, row.basis) == (&other.kind, other.basis);
    let has_rate = |(row, other): &(&CtrRow, &CtrRow)| row.ctr.is_some() && other.ctr.is_some();
    let found = pairs.clone().filter(fits).find(has_rate).or_else(|| pairs.clone().find(fits));
    let Some((row, other)) = found else {
        let (a, b) = (a.to_owned(), b.to_owned());
        return Err(VersusError::NothingInCommon { a, of_a: kinds(&of_a), b, of_b: kinds(&of_b) });
    };
    let share = |row: &CtrRow| row.ctr.and(Share::new(row.clicks?, row.impressions?));
    let compared = share(row).zip(share(other)).map(|(a, b)| compare(a, b));
    Ok(Versus {
        difference: compared.map(|found| found.difference),
        low: compared.map(|found| found.bounds.low),
        high: compared.map(|found| found.bounds.high),
        z: compared.map(|found| found.z),
        p: compared.map(|found| found.p()),
        test: compared.map(|found| if found.small { "fisher" } else { "z" }.to_owned()),
        b_better: compared.map(|found| found.second_better),
        notes: notes(material, row, other),
        a: row.clone(),
        b: other.clone(),
    })
}

fn called<'r>(rows: &'r [CtrRow], name: &str) -> Result<Vec<&'r CtrRow>, VersusError> {
    let is_called = |row: &&CtrRow| row.value == name || row.label.as_deref() == Some(name);
    let found: Vec<_> = rows.iter().filter(is_called).collect();
    if found.is_empty() { Err(VersusError::NoRow(name.chars().take(64).collect())) } else { Ok(found) }
}

fn kinds(rows: &[&CtrRow]) -> String {
    let word = |row: &&CtrRow| row.kind.clone().unwrap_or_else(|| "no impressions".to_owned());
    rows.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn notes(material: &Material<'_>, a: &CtrRow, b: &CtrRow) -> Vec<String> {
    let over = |row: &CtrRow| row.ctr.is_some_and(|ctr| ctr > 1.0);
    let ages = age(material, a).zip(age(material, b)).map(|(a, b)| (a.max(b), a.min(b)));
    let notes = [
        (a.ctr.is_none() || b.ctr.is_none()).then(|| "one of them has no rate, so there is no test".to_owned()),
        (over(a) || over(b)).then(|| "one of them is over 100 % and no proportion, so there is no test".to_owned()),
        (!a.enough || !b.enough).then(|| "not enough data in one of them".to_owned()),
        (a.level != b.level)
            .then(|| "they are of different levels, which are clicked for different reasons".to_owned()),
        (a.pooled > 1 || b.pooled > 1).then(|| {
            "posts within them differ more than this test knows: it takes each impression for one draw".to_owned()
        }),
        ages.filter(|(older, younger)| *older > *younger * AGES_DIFFER).map(|(older, younger)| {
            let days = |hours: f64| hours / 24.0;
            let (older, younger) = (days(older), days(younger));
            format!("they were not seen for the same time: {older:.1} and {younger:.1} days after publication")
        }),
    ];
    notes.into_iter().flatten().collect()
}

/// How many hours after publication a post's numbers were read.
fn age(material: &Material<'_>, row: &CtrRow) -> Option<f64> {
    let post = material.posts.iter().find(|post| post.name == row.value)?;
    let age = row.as_of?.duration_since(post.published?);
    (age > SignedDuration::ZERO).then(|| age.as_secs_f64() / 3600.0)
}
