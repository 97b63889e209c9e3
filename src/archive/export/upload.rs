//! Uploads: clicks in the files that advertising platforms and Analytics 4 take, so that they learn what their ads led to.
//!
//! The headers are theirs; docs/moving.md names the page of each. A click without an id of that platform is in no file, and
//! no file may hold anything about a visitor but that id.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use csv::{Terminator, WriterBuilder};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::columns::COLUMNS;
use super::Scan;
use super::cells::{Cell, Cells};
use crate::domain::spreadsheet::guarded;

/// Who takes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    GoogleAds,
    MicrosoftAds,
    Meta,
    /// Analytics 4's import of cost data: clicks by day and UTM.
    Ga4,
}

/// What each click is reported as. Analytics needs none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// The name of the conversion action, goal or event there.
    pub(crate) name: String,
    /// As it shall be written, such as `1.50`, and its ISO 4217 currency; neither or both.
    pub(crate) value: Option<(String, String)>,
}

/// The most different days and UTM of one file for Analytics.
const GROUPS_MAX: usize = 200_000;

impl Receiver {
    pub(crate) const ALL: [Self; 4] = [Self::GoogleAds, Self::MicrosoftAds, Self::Meta, Self::Ga4];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::GoogleAds => "google-ads",
            Self::MicrosoftAds => "microsoft-ads",
            Self::Meta => "meta",
            Self::Ga4 => "ga4",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|receiver| receiver.as_str() == word)
    }
}

/// Writes the clicks of `scan` that are of use to `receiver`, and returns how many rows that made. Days are those of `zone`.
///
/// # Errors
/// When `out` fails, when the archive cannot be read, or when there are more groups than fit in memory.
pub(crate) fn upload(
    scan: Scan,
    receiver: Receiver,
    conversion: &Conversion,
    zone: &TimeZone,
    mut out: impl io::Write,
) -> io::Result<u64> {
    match receiver {
        Receiver::Ga4 => by_day(scan, zone, out),
        Receiver::GoogleAds | Receiver::MicrosoftAds => {
            // Times below are UTC; without this line they would be read in the account's time zone.
            out.write_all(b"Parameters:TimeZone=+0000\r\n")?;
            conversions(scan, receiver, conversion, out)
        }
        Receiver::Meta => conversions(scan, receiver, conversion, out),
    }
}

fn header(receiver: Receiver) -> &'static [&'static str] {
    match receiver {
        Receiver::GoogleAds => &[
            "Google Click ID",
            "GBRAID",
            "WBRAID",
            "Conversion Name",
            "Conversion Time",
            "Conversion Value",
            "Conversion Currency",
        ],
        Receiver::MicrosoftAds => {
            &["Microsoft Click ID", "Conversion Name", "Conversion Time", "Conversion Value", "Conversion Currency"]
        }
        Receiver::Meta => &["fbc", "event_name", "event_time", "value", "currency"],
        Receiver::Ga4 => &["utm_id", "utm_source", "utm_medium", "utm_campaign", "date", "clicks"],
    }
}

fn conversions(scan: Scan, receiver: Receiver, conversion: &Conversion, out: impl io::Write) -> io::Result<u64> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(header(receiver))?;
    let [time, ids] = ["time", "click_id_values"].map(place);
    let (value, currency) = conversion.value.clone().unwrap_or_default();
    let mut rows = 0;
    for batch in scan {
        let batch = batch?;
        let columns = Cells::of(&batch);
        for row in 0..batch.num_rows() {
            let (Cell::Time(time_ms), Cell::Text(ids)) = (columns[time].at(row), columns[ids].at(row)) else {
                continue;
            };
            let Some(mut cells) = identity(receiver, ids, time_ms) else { continue };
            cells.extend([conversion.name.clone(), moment(receiver, time_ms), value.clone(), currency.clone()]);
            writer.write_record(cells.iter().map(|cell| guarded(cell)).map(Cow::into_owned))?;
            rows += 1;
        }
    }
    writer.flush()?;
    Ok(rows)
}

fn place(column: &str) -> usize {
    COLUMNS.iter().position(|known| known.name == column).expect("the table of columns has it")
}

/// The cells that say which click it was; `None` without an id of this platform.
fn identity(receiver: Receiver, ids: &str, time_ms: i64) -> Option<Vec<String>> {
    let id = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(ids.as_bytes());
        pairs.find(|(name, value)| name == wanted && !value.is_empty()).map(|(_, value)| value.into_owned())
    };
    match receiver {
        // A row may name one id alone.
        Receiver::GoogleAds => {
            let place = ["gclid", "gbraid", "wbraid"].iter().enumerate().find_map(|(at, name)| Some((at, id(name)?)));
            place.map(|(at, value)| (0..3).map(|cell| if cell == at { value.clone() } else { String::new() }).collect())
        }
        Receiver::MicrosoftAds => id("msclkid").map(|value| vec![value]),
        // Version, subdomain index and the time at which the id was met, as Meta's own pixel would have written it.
        Receiver::Meta => id("fbclid").map(|value| vec![format!("fb.1.{time_ms}.{value}")]),
        Receiver::Ga4 => None,
    }
}

fn moment(receiver: Receiver, time_ms: i64) -> String {
    let Ok(at) = Timestamp::from_millisecond(time_ms) else { return String::new() };
    match receiver {
        Receiver::Meta => at.as_second().to_string(),
        _ => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    }
}

/// Clicks by day and UTM. Without source and medium Analytics cannot tell whose they are, so those are left out.
fn by_day(scan: Scan, zone: &TimeZone, out: impl io::Write) -> io::Result<u64> {
    let places = ["utm_id", "utm_source", "medium", "campaign"].map(place);
    let time = place("time");
    let mut groups: BTreeMap<(String, [String; 4]), u64> = BTreeMap::new();
    for batch in scan {
        let batch = batch?;
        let columns = Cells::of(&batch);
        for row in 0..batch.num_rows() {
            let utm = places
                .map(|at| if let Cell::Text(text) = columns[at].at(row) { text.to_owned() } else { String::new() });
            let Cell::Time(time_ms) = columns[time].at(row) else { continue };
            if utm[1].is_empty() || utm[2].is_empty() {
                continue;
            }
            let at = Timestamp::from_millisecond(time_ms).map_err(io::Error::other)?;
            let day = at.to_zoned(zone.clone()).date().to_string();
            *groups.entry((day, utm)).or_default() += 1;
            if groups.len() > GROUPS_MAX {
                return Err(io::Error::other("there are too many days and campaigns for one file: ask for fewer days"));
            }
        }
    }
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(header(Receiver::Ga4))?;
    for ((day, [id, source, medium, campaign]), clicks) in &groups {
        let cells =
            [guarded(id), guarded(source), guarded(medium), guarded(campaign), day.into(), clicks.to_string().into()];
        writer.write_record(cells.iter().map(|cell: &Cow<'_, str>| cell.as_bytes()))?;
    }
    writer.flush()?;
    Ok(groups.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_MS: i64 = 1_714_566_600_000;

    #[test]
    fn each_platform_gets_its_own_id_and_no_other() {
        let ids = "gclid=Cj0K&fbclid=IwAR-1&msclkid=f894";
        let cells = |receiver, ids| identity(receiver, ids, NOON_MS);
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(cells(Receiver::GoogleAds, ids), texts(&["Cj0K", "", ""]));
        assert_eq!(cells(Receiver::GoogleAds, "wbraid=w&gbraid=g"), texts(&["", "g", ""]));
        assert_eq!(cells(Receiver::MicrosoftAds, ids), texts(&["f894"]));
        assert_eq!(cells(Receiver::Meta, ids), texts(&["fb.1.1714566600000.IwAR-1"]));
        for receiver in Receiver::ALL {
            assert_eq!(cells(receiver, "ttclid=x&gclid="), None);
            assert_eq!(Receiver::parse(receiver.as_str()), Some(receiver));
        }
    }

    #[test]
    fn times_are_written_as_each_platform_reads_them() {
        assert_eq!(moment(Receiver::GoogleAds, NOON_MS), "2024-05-01 12:30:00");
        assert_eq!(moment(Receiver::MicrosoftAds, NOON_MS), "2024-05-01 12:30:00");
        assert_eq!(moment(Receiver::Meta, NOON_MS), "1714566600");
    }
}
