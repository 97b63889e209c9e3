//! The place of an address, from MMDB files of any common schema. A private address is nowhere.
//!
//! Works on bytes in memory, never on a mapped file: a file that is truncated while mapped kills the process.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use compact_str::{CompactString, ToCompactString};
use maxminddb::{LookupResult, PathElement, Reader, WithinOptions};
use quick_cache::sync::Cache;

use crate::domain::click::Place;

/// The largest file that is worth reading, in bytes; the reader of files checks it before it reads.
pub(crate) const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Records that are looked at to learn how a file spells a country.
const PROBED_MAX: usize = 10_000;

/// Why a file cannot be used, in words for its owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("it is not a sound MMDB file: {0}")]
    Unsound(#[from] maxminddb::MaxMindDbError),
    #[error(
        "its type is {0:?} and none of its records names a country or an autonomous system; use a country, city or ASN \
         database"
    )]
    NoPlace(String),
}

/// How a file spells a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// MaxMind and DB-IP: `country.iso_code`, with names in many languages.
    Nested,
    /// ip-location-db, IPLocate and IPinfo Lite: `country_code` beside flat names.
    Flat,
    /// IPinfo: `country` is the code itself.
    Bare,
}

impl Shape {
    const ALL: [Self; 3] = [Self::Nested, Self::Flat, Self::Bare];

    fn country(self) -> &'static [PathElement<'static>] {
        match self {
            Self::Nested => &[PathElement::Key("country"), PathElement::Key("iso_code")],
            Self::Flat => &[PathElement::Key("country_code")],
            Self::Bare => &[PathElement::Key("country")],
        }
    }

    fn continent(self) -> &'static [PathElement<'static>] {
        match self {
            Self::Nested => &[PathElement::Key("continent"), PathElement::Key("code")],
            Self::Flat => &[PathElement::Key("continent_code")],
            Self::Bare => &[PathElement::Key("continent")],
        }
    }

    /// Where the region's name may stand, best first.
    fn region(self) -> &'static [&'static [PathElement<'static>]] {
        match self {
            Self::Nested => &[&[
                PathElement::Key("subdivisions"),
                PathElement::Index(0),
                PathElement::Key("names"),
                PathElement::Key("en"),
            ]],
            Self::Flat => &[&[PathElement::Key("state1")], &[PathElement::Key("region")]],
            Self::Bare => &[&[PathElement::Key("region")]],
        }
    }

    fn city(self) -> &'static [PathElement<'static>] {
        match self {
            Self::Nested => &[PathElement::Key("city"), PathElement::Key("names"), PathElement::Key("en")],
            Self::Flat | Self::Bare => &[PathElement::Key("city")],
        }
    }
}

/// One opened MMDB that is known to be sound and to name countries.
#[derive(Debug)]
pub(crate) struct PlaceFile {
    reader: Reader<Vec<u8>>,
    /// How it spells a country; `None` if it names none.
    shape: Option<Shape>,
    /// It tells autonomous systems.
    has_systems: bool,
    has_cities: bool,
}

impl PlaceFile {
    /// Reads a whole file. It walks all of it once, so it belongs on no hot path.
    ///
    /// # Errors
    /// When the file is damaged in any place, or tells neither countries nor autonomous systems.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, PlaceError> {
        let reader = Reader::from_source(bytes)?;
        verify(&reader)?;
        let (shape, has_systems) = probe(&reader)?;
        if shape.is_none() && !has_systems {
            return Err(PlaceError::NoPlace(reader.metadata().database_type.clone()));
        }
        let has_cities = !reader.metadata().database_type.to_ascii_lowercase().contains("country");
        Ok(Self { reader, shape, has_systems, has_cities })
    }

    /// What the file calls itself, such as `GeoLite2-City`.
    pub(crate) fn database_type(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was built, in seconds since 1970; 0 where it does not say.
    pub(crate) fn built_s(&self) -> i64 {
        i64::try_from(self.reader.metadata().build_epoch).unwrap_or(0)
    }

    /// A lookup that fails counts as unknown: the file was verified, so only a bug or a bit flip gets there.
    fn find(&self, address: IpAddr) -> Option<Place> {
        let shape = self.shape?;
        let found = self.reader.lookup(address).ok()?;
        if !found.has_data() {
            return None;
        }
        let text = |path: &[PathElement<'_>]| -> CompactString {
            found.decode_path::<&str>(path).ok().flatten().map(CompactString::from).unwrap_or_default()
        };
        let country = text(shape.country());
        if !is_code(&country) {
            return None;
        }
        let continent = text(shape.continent());
        let mut place = Place {
            continent: if is_code(&continent) { continent } else { CompactString::default() },
            country,
            ..Place::default()
        };
        if self.has_cities {
            place.region =
                shape.region().iter().map(|path| text(path)).find(|name| !name.is_empty()).unwrap_or_default();
            place.city = text(shape.city());
        }
        Some(place)
    }

    fn find_system(&self, address: IpAddr) -> Option<(CompactString, CompactString)> {
        if !self.has_systems {
            return None;
        }
        system(&self.reader.lookup(address).ok()?)
    }
}

/// Files of places, asked in order; the first that knows the country answers. The first that knows the autonomous system
/// adds it.
#[derive(Debug)]
pub(crate) struct Places {
    files: Vec<Arc<PlaceFile>>,
    nowhere: Arc<Place>,
    /// By where their records stand in the files.
    remembered: Cache<Records, Arc<Place>>,
}

/// The most places remembered; one takes some 200 bytes.
const REMEMBERED_MAX: usize = 8192;

/// Where the records of an address stand, for as many files as people have: of cities and of autonomous systems. Places
/// from more files are not remembered.
type Records = [Option<usize>; 2];

impl Default for Places {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Places {
    pub(crate) fn new(files: Vec<Arc<PlaceFile>>) -> Self {
        Self { files, nowhere: Arc::default(), remembered: Cache::new(REMEMBERED_MAX) }
    }

    /// Everything empty where nobody knows.
    pub(crate) fn find(&self, address: IpAddr) -> Cow<'_, Arc<Place>> {
        let address = carried(address);
        if self.files.is_empty() || is_private(address) {
            return Cow::Borrowed(&self.nowhere);
        }
        let Some(records) = self.records(address) else { return Cow::Owned(Arc::new(self.read(address))) };
        if let Some(place) = self.remembered.get(&records) {
            return Cow::Owned(place);
        }
        let place = Arc::new(self.read(address));
        self.remembered.insert(records, Arc::clone(&place));
        Cow::Owned(place)
    }

    fn records(&self, address: IpAddr) -> Option<Records> {
        let mut records = Records::default();
        if self.files.len() > records.len() {
            return None;
        }
        for (record, file) in records.iter_mut().zip(&self.files) {
            *record = file.reader.lookup(address).ok()?.offset();
        }
        Some(records)
    }

    fn read(&self, address: IpAddr) -> Place {
        let mut place = self.files.iter().find_map(|file| file.find(address)).unwrap_or_default();
        if let Some((asn, organisation)) = self.files.iter().find_map(|file| file.find_system(address)) {
            (place.asn, place.organisation) = (asn, organisation);
        }
        place
    }
}

/// The IPv4 address that an IPv6 address carries: mapped, 6to4 (RFC 3056), Teredo (RFC 4380: the client's, every bit
/// turned over) or behind NAT64 (RFC 6052). Any other address stays what it is.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    let join = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match v6.segments() {
        [0x2002, high, low, ..] => join(high, low),
        [0x2001, 0, .., high, low] => join(!high, !low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => join(high, low),
        _ => IpAddr::V6(v6),
    }
}

/// Addresses that are nowhere in the world: loopback, private, link-local, shared, unspecified, multicast.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || shared
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `verify()` walks the whole file, but it also refuses a file without a description, which real free databases
/// lack; for those the same walk over tree and records is made here.
fn verify(reader: &Reader<Vec<u8>>) -> Result<(), maxminddb::MaxMindDbError> {
    if !reader.metadata().description.is_empty() {
        return reader.verify();
    }
    let networks_max = u64::from(reader.metadata().node_count).saturating_mul(3);
    let mut seen = HashSet::new();
    let mut networks = 0_u64;
    for found in reader.networks(WithinOptions::default())? {
        let found = found?;
        networks += 1;
        if networks > networks_max {
            return Err(maxminddb::MaxMindDbError::invalid_database("its search tree runs in a circle"));
        }
        if found.offset().is_some_and(|offset| seen.insert(offset)) {
            found.decode::<serde::de::IgnoredAny>()?;
        }
    }
    Ok(())
}

/// The first shape by which one of the first records names a country, and whether one names an autonomous system.
fn probe(reader: &Reader<Vec<u8>>) -> Result<(Option<Shape>, bool), maxminddb::MaxMindDbError> {
    let mut shape = None;
    let mut has_systems = false;
    for found in reader.networks(WithinOptions::default())?.take(PROBED_MAX) {
        let found = found?;
        let fits = |shape: &Shape| found.decode_path::<&str>(shape.country()).ok().flatten().is_some_and(is_code);
        shape = shape.or_else(|| Shape::ALL.into_iter().find(fits));
        has_systems = has_systems || system(&found).is_some();
        if shape.is_some() && has_systems {
            break;
        }
    }
    Ok((shape, has_systems))
}

/// Number and name of the autonomous system: as MaxMind and ip-location-db spell it, or as IPinfo and IPLocate do.
fn system(found: &LookupResult<'_, Vec<u8>>) -> Option<(CompactString, CompactString)> {
    let text = |key| found.decode_path::<&str>(&[PathElement::Key(key)]).ok().flatten();
    // The decoder tells 32 bits from 64, and both are in use.
    let number = |key| {
        let path = [PathElement::Key(key)];
        let narrow = found.decode_path::<u32>(&path).ok().flatten().map(u64::from);
        narrow.or_else(|| found.decode_path::<u64>(&path).ok().flatten())
    };
    let written = || text("asn").and_then(|asn| asn.trim_start_matches("AS").parse().ok());
    let asn = number("autonomous_system_number").or_else(|| number("asn")).or_else(written).filter(|asn| *asn > 0)?;
    let names = ["autonomous_system_organization", "as_name", "org", "name"];
    Some((asn.to_compact_string(), names.into_iter().find_map(text).unwrap_or_default().into()))
}

#[cfg(test)]
pub(crate) mod tests {
    use mmdb_writer::Writer;
    use serde_json::{Value, json};

    use super::*;

    /// A sound file that puts 192.0.2.0/24 into `country`.
    pub(crate) fn country_file(country: &str) -> Vec<u8> {
        file("Test-Country", true, &json!({ "country": { "iso_code": country } }))
    }

    fn file(database_type: &str, described: bool, record: &Value) -> Vec<u8> {
        let description: &[(&str, &str)] = if described { &[("en", "for a test")] } else { &[] };
        let mut writer = Writer::builder(database_type).description(description).build();
        writer.insert("192.0.2.0/24".parse::<ipnet::IpNet>().unwrap(), record).unwrap();
        writer.to_bytes().unwrap()
    }

    fn find(bytes: Vec<u8>, address: &str) -> Place {
        let places = Places::new(vec![Arc::new(PlaceFile::parse(bytes).unwrap())]);
        let found = places.find(address.parse().unwrap());
        assert_eq!(places.find(address.parse().unwrap()), found, "the second time from memory");
        Place::clone(&found)
    }

    fn place(continent: &str, country: &str, region: &str, city: &str) -> Place {
        Place {
            continent: continent.into(),
            country: country.into(),
            region: region.into(),
            city: city.into(),
            ..Place::default()
        }
    }

    #[test]
    fn every_common_schema_is_understood() {
        let nested = json!({
            "continent": { "code": "EU" },
            "country": { "iso_code": "SE" },
            "subdivisions": [{ "names": { "en": "Stockholm County" } }],
            "city": { "names": { "en": "Stockholm" } },
        });
        let flat = json!({ "country_code": "SE", "state1": "Stockholm County", "city": "Stockholm" });
        let bare = json!({ "country": "SE", "continent": "EU" });
        assert_eq!(
            find(file("X-City", true, &nested), "192.0.2.1"),
            place("EU", "SE", "Stockholm County", "Stockholm")
        );
        assert_eq!(find(file("X", true, &flat), "192.0.2.1"), place("", "SE", "Stockholm County", "Stockholm"));
        assert_eq!(find(file("X", true, &bare), "192.0.2.1"), place("EU", "SE", "", ""));
    }

    #[test]
    fn a_name_is_no_country_code() {
        let lite = json!({ "country": "Sweden", "country_code": "SE", "continent": "Europe", "continent_code": "EU" });
        assert_eq!(find(file("X", true, &lite), "192.0.2.1"), place("EU", "SE", "", ""));
    }

    #[test]
    fn a_file_without_a_description_is_accepted_if_all_of_it_can_be_read() {
        let bytes = file("X", false, &json!({ "country_code": "SE" }));
        assert_eq!(find(bytes, "192.0.2.1").country, "SE");
    }

    #[test]
    fn a_file_that_names_no_country_and_no_autonomous_system_is_refused() {
        let domains = file("X-Domain", true, &json!({ "domain": "example.com" }));
        let refused = PlaceFile::parse(domains).unwrap_err().to_string();
        assert!(refused.contains("X-Domain"), "{refused}");
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_and_never_kills() {
        let whole = country_file("SE");
        for length in 0..whole.len() {
            let _ = PlaceFile::parse(whole[..length].to_vec()).is_ok();
        }
        assert!(PlaceFile::parse(Vec::new()).is_err());
        assert!(PlaceFile::parse(vec![0; 4096]).is_err());
    }

    #[test]
    fn a_file_with_any_byte_changed_never_brings_anything_down() {
        let whole = country_file("SE");
        let addresses = ["192.0.2.1", "198.51.100.1", "2001:db8::1"].map(|address| address.parse().unwrap());
        for at in 0..whole.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                let Ok(file) = PlaceFile::parse(bytes) else { continue };
                let places = Places::new(vec![Arc::new(file)]);
                for address in addresses {
                    places.find(address);
                }
            }
        }
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_is_found_and_a_private_one_is_nowhere() {
        assert_eq!(find(country_file("SE"), "::ffff:192.0.2.1").country, "SE");
        assert_eq!(find(country_file("SE"), "203.0.113.1"), Place::default());
        for address in ["127.0.0.1", "10.1.2.3", "100.64.0.1", "169.254.0.1", "::1", "fe80::1", "fd00::1", "0.0.0.0"] {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        assert!(!is_private("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn an_autonomous_system_is_read_from_a_file_of_its_own_in_every_common_schema() {
        let country = Arc::new(PlaceFile::parse(country_file("SE")).unwrap());
        for (record, organisation) in [
            (json!({ "autonomous_system_number": 64496, "autonomous_system_organization": "Example" }), "Example"),
            (json!({ "asn": "AS64496", "as_name": "Example", "country_code": "NO" }), "Example"),
            (json!({ "asn": 64496 }), ""),
        ] {
            let systems = Arc::new(PlaceFile::parse(file("X-ASN", true, &record)).unwrap());
            let places = Places::new(vec![country.clone(), systems]);
            let found = places.find("192.0.2.1".parse().unwrap());
            assert_eq!((found.country.as_str(), found.asn.as_str()), ("SE", "64496"));
            assert_eq!(found.organisation, organisation);
        }
    }

    #[test]
    fn an_ipv4_address_that_an_ipv6_address_carries_is_looked_up() {
        for (carrier, inside) in [
            ("2002:c000:201::1", "192.0.2.1"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdfe", "192.0.2.1"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(carried(carrier.parse().unwrap()), inside.parse::<IpAddr>().unwrap(), "{carrier}");
        }
        assert_eq!(find(country_file("SE"), "2002:c000:201::1").country, "SE");
        assert_eq!(find(country_file("SE"), "2002:a00:1::1"), Place::default());
    }

    #[test]
    fn the_first_file_that_knows_a_country_answers() {
        let first = Arc::new(PlaceFile::parse(country_file("SE")).unwrap());
        let second = Arc::new(PlaceFile::parse(country_file("NO")).unwrap());
        let places = Places::new(vec![first, second]);
        assert_eq!(places.find("192.0.2.1".parse().unwrap()).country, "SE");
    }
}
