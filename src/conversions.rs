//! Conversions: what became of clicks, as the destination's own server reports it. Each is counted once for the click
//! that its token names, on the day of that click.
//!
//! It must never count a token that this installation did not seal, add two currencies, or grow without bound.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::click_token::{ClickToken, TokenKey};
use crate::domain::link::LinkId;
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::store::{Store, StoreError};

/// How long after its click a conversion is still counted for it.
const AFTER_CLICK_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Clocks differ; a token from further in the future is none of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// The longest name of a kind of conversion.
pub(crate) const NAME_CHARS_MAX: usize = 40;
/// How often a record is read and written again when others write it at the same time.
const ATTEMPTS: usize = 16;
/// How many records are read from the store at a time.
const PAGE: usize = 1000;
/// The only record of its kind.
const TOKEN_KEY: &str = "click-token";

/// One conversion as it is kept: the click's number, what it was, and its value in millionths of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept(u64, String, Option<u64>, Option<String>);

/// What a destination's server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) token: ClickToken,
    /// `purchase`, `signup`; empty when there is only one kind.
    pub(crate) name: String,
    /// Millionths of a currency, and its ISO 4217 code.
    pub(crate) value: Option<(u64, String)>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    /// It was counted before.
    Same,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConversionError {
    #[error("the click was {0}: only clicks of the last 90 days convert")]
    Time(Timestamp),
    #[error("this click has already converted like this, with another value")]
    OtherValue,
    #[error("this link has too many conversions of one day to keep each apart")]
    Full,
    #[error("too many conversions of one link at the same time: send it again")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The key that tokens are sealed with; it is made when there is none.
///
/// # Errors
/// When the store fails, or the system has no random bytes.
pub(crate) async fn token_key(store: &dyn Store) -> Result<TokenKey, StoreError> {
    let key = RecordKey::new(TOKEN_KEY).expect("it is short and has no control characters");
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable(format!("no random bytes: {error}")))?;
    if let Some(value) = RecordValue::new(bytes.to_vec()) {
        // Whoever comes second reads what the first one wrote.
        store.put_record(RecordKind::Secret, &key, Expected::Absent, &value).await?;
    }
    let record = store.record(RecordKind::Secret, &key).await?;
    let bytes = record.and_then(|record| <[u8; 32]>::try_from(record.value.as_bytes()).ok());
    bytes.map(TokenKey::new).ok_or_else(|| StoreError::Corrupt("the key of click tokens has not 32 bytes".to_owned()))
}

/// Counts a conversion, once however often it is sent.
///
/// # Errors
/// When the click is too old, the same conversion has another value, there is no room, or the store fails.
pub(crate) async fn take(
    store: &dyn Store,
    posted: &Posted,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Taken, ConversionError> {
    let clicked = Timestamp::from_second(i64::from(posted.token.time_s)).unwrap_or(Timestamp::UNIX_EPOCH);
    let age = now.duration_since(clicked);
    if age > AFTER_CLICK_MAX || age < -AHEAD_MAX {
        return Err(ConversionError::Time(clicked));
    }
    let day = clicked.to_zoned(zone.clone()).date();
    let key = RecordKey::new(&format!("{day} {}", posted.token.link)).ok_or(ConversionError::Full)?;
    for _ in 0..ATTEMPTS {
        let record = store.record(RecordKind::Conversion, &key).await?;
        let (expected, mut kept) = match &record {
            Some(record) => (Expected::At(record.revision), read(record)?),
            None => (Expected::Absent, Vec::new()),
        };
        let conversion = keep(posted);
        if let Some(known) = kept.iter().find(|known| (known.0, &known.1) == (conversion.0, &conversion.1)) {
            return if *known == conversion { Ok(Taken::Same) } else { Err(ConversionError::OtherValue) };
        }
        kept.push(conversion);
        let bytes = serde_json::to_vec(&kept).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let value = RecordValue::new(bytes).ok_or(ConversionError::Full)?;
        match store.put_record(RecordKind::Conversion, &key, expected, &value).await? {
            Saved::Yes(_) => return Ok(Taken::New),
            Saved::Full => return Err(ConversionError::Full),
            Saved::Changed => {}
        }
    }
    Err(ConversionError::Busy)
}

fn keep(posted: &Posted) -> Kept {
    let (value, currency) = posted.value.clone().unzip();
    Kept(posted.token.number ^ u64::from(posted.token.time_s) << 16, posted.name.clone(), value, currency)
}

fn read(record: &Record) -> Result<Vec<Kept>, StoreError> {
    let unreadable = |error| StoreError::Corrupt(format!("the conversions of {}: {error}", record.key.as_str()));
    serde_json::from_slice(record.value.as_bytes()).map_err(unreadable)
}

/// The conversions of some days, by link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversions {
    by_link: HashMap<LinkId, Sum>,
}

/// Conversions and what they were worth, in millionths by currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) values: BTreeMap<String, u64>,
}

impl Conversions {
    /// Those of clicks from `first` to `last`.
    ///
    /// # Errors
    /// When the store fails or holds what cannot be read.
    pub(crate) async fn of_days(store: &dyn Store, first: Date, last: Date) -> Result<Self, StoreError> {
        let mut all = Self::default();
        // Days sort as text, and nothing that begins with a day comes before the day alone.
        let mut after = RecordKey::new(&first.to_string());
        loop {
            let page = store.records(RecordKind::Conversion, after.as_ref(), PAGE).await?;
            let Some(end) = page.last() else { return Ok(all) };
            after = Some(end.key.clone());
            for record in &page {
                let Some((day, link)) = record.key.as_str().split_once(' ') else { continue };
                let (Ok(day), Ok(link)) = (day.parse::<Date>(), link.parse()) else { continue };
                if day > last {
                    return Ok(all);
                }
                all.by_link.entry(LinkId(link)).or_default().add(read(record)?);
            }
        }
    }

    /// Of some links together.
    pub(crate) fn of(&self, links: impl Iterator<Item = LinkId>) -> Sum {
        let mut sum = Sum::default();
        for of_link in links.filter_map(|link| self.by_link.get(&link)) {
            sum.count = sum.count.saturating_add(of_link.count);
            for (currency, value) in &of_link.values {
                let total = sum.values.entry(currency.clone()).or_default();
                *total = total.saturating_add(*value);
            }
        }
        sum
    }
}

impl Sum {
    fn add(&mut self, kept: Vec<Kept>) {
        for Kept(_, _, value, currency) in kept {
            self.count = self.count.saturating_add(1);
            if let (Some(value), Some(currency)) = (value, currency) {
                let total = self.values.entry(currency).or_default();
                *total = total.saturating_add(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::impressions::fake_store::FakeStore;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn posted(number: u64, value: Option<u64>) -> Posted {
        let token = ClickToken { link: LinkId(7), time_s: 1_799_999_000, number };
        Posted { token, name: "purchase".to_owned(), value: value.map(|value| (value, "EUR".to_owned())) }
    }

    async fn sum(store: &FakeStore) -> Sum {
        let all = Conversions::of_days(store, date(2026, 1, 1), date(2027, 12, 31)).await.unwrap();
        all.of([LinkId(7), LinkId(8)].into_iter())
    }

    #[tokio::test]
    async fn a_conversion_counts_once_however_often_it_is_sent() {
        let store = FakeStore::default();
        for expected in [Taken::New, Taken::Same, Taken::Same] {
            assert_eq!(take(&store, &posted(1, Some(5_000_000)), &TimeZone::UTC, NOW).await.unwrap(), expected);
        }
        take(&store, &posted(2, None), &TimeZone::UTC, NOW).await.unwrap();
        assert_eq!(sum(&store).await, Sum { count: 2, values: [("EUR".to_owned(), 5_000_000)].into() });
        let other = take(&store, &posted(1, Some(6_000_000)), &TimeZone::UTC, NOW).await.unwrap_err();
        assert!(matches!(other, ConversionError::OtherValue), "{other}");
    }

    #[tokio::test]
    async fn only_clicks_of_the_last_90_days_convert() {
        let store = FakeStore::default();
        for days in [-1, 91] {
            let now = NOW + SignedDuration::from_hours(24 * days);
            let refused = take(&store, &posted(1, None), &TimeZone::UTC, now).await.unwrap_err();
            assert!(matches!(refused, ConversionError::Time(_)), "{refused}");
        }
        assert_eq!(sum(&store).await.count, 0);
    }

    #[tokio::test]
    async fn a_links_day_has_room_for_a_thousand_conversions_and_then_says_so() {
        let store = FakeStore::default();
        let mut kept = 0;
        let full = loop {
            match take(&store, &posted(kept, None), &TimeZone::UTC, NOW).await {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(kept >= 1000 && matches!(full, ConversionError::Full), "{kept} {full}");
    }

    #[tokio::test]
    async fn the_key_of_tokens_is_made_once() {
        let store = FakeStore::default();
        let token = posted(1, None).token;
        let first = token_key(&store).await.unwrap().mint(token);
        assert!(token_key(&store).await.is_ok());
        assert_eq!(first.len(), 48);
    }
}
