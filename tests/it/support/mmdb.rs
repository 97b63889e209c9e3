//! Geo files made for a test: small, and of the two shapes that are found in the wild.

use std::path::Path;

use ipnet::IpNet;
use mmdb_writer::{Value, Writer};

/// A network and where it is.
pub(crate) struct Entry<'a> {
    /// `203.0.113.0/24`, `2001:db8::/32`.
    pub(crate) network: &'a str,
    pub(crate) country: &'a str,
    pub(crate) region: &'a str,
    pub(crate) city: &'a str,
}

/// Which of the two shapes a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `country.iso_code`, `subdivisions[0].names.en`, `city.names.en`: GeoLite2, DB-IP.
    Nested,
    /// `country_code`, `state1`, `city`: the public-domain files.
    Flat,
}

/// Writes a file that strict readers accept as well: it has a description.
pub(crate) fn write(path: &Path, shape: Shape, entries: &[Entry<'_>]) {
    std::fs::write(path, bytes(shape, entries)).unwrap();
}

/// Writes a file that tells autonomous systems, as GeoLite2-ASN does.
pub(crate) fn write_systems(path: &Path, systems: &[(&str, u32, &str)]) {
    let mut writer = Writer::builder("Test-ASN").description(&[("en", "made for a test of Waypost")]).build();
    for (network, number, name) in systems {
        let record = Value::map([
            ("autonomous_system_number", Value::from(*number)),
            ("autonomous_system_organization", Value::from(*name)),
        ]);
        writer.insert_value(network.parse::<IpNet>().unwrap(), record).unwrap();
    }
    std::fs::write(path, writer.to_bytes().unwrap()).unwrap();
}

pub(crate) fn bytes(shape: Shape, entries: &[Entry<'_>]) -> Vec<u8> {
    let name = match shape {
        Shape::Nested => "Test-City",
        Shape::Flat => "Test-City-Flat",
    };
    let mut writer = Writer::builder(name).description(&[("en", "made for a test of Waypost")]).build();
    for entry in entries {
        let network: IpNet = entry.network.parse().unwrap();
        let value = match shape {
            Shape::Nested => nested(entry),
            Shape::Flat => flat(entry),
        };
        writer.insert_value(network, value).unwrap();
    }
    writer.to_bytes().unwrap()
}

fn nested(entry: &Entry<'_>) -> Value {
    let named = |name: &str| Value::map([("names", Value::map([("en", Value::from(name))]))]);
    Value::map([
        ("country", Value::map([("iso_code", Value::from(entry.country))])),
        ("subdivisions", Value::array([named(entry.region)])),
        ("city", named(entry.city)),
    ])
}

fn flat(entry: &Entry<'_>) -> Value {
    Value::map([
        ("country_code", Value::from(entry.country)),
        ("state1", Value::from(entry.region)),
        ("city", Value::from(entry.city)),
    ])
}

#[cfg(test)]
mod tests {
    use maxminddb::{PathElement, Reader};

    use super::*;

    const STOCKHOLM: Entry<'_> =
        Entry { network: "203.0.113.0/24", country: "SE", region: "Stockholm County", city: "Stockholm" };

    fn country(shape: Shape, path: &[PathElement<'_>], address: &str) -> Option<String> {
        let reader = Reader::from_source(bytes(shape, &[STOCKHOLM])).unwrap();
        reader.verify().unwrap();
        reader.lookup(address.parse().unwrap()).unwrap().decode_path(path).unwrap()
    }

    #[test]
    fn a_written_file_is_read_back_in_both_shapes() {
        let nested = [PathElement::Key("country"), PathElement::Key("iso_code")];
        let flat = [PathElement::Key("country_code")];
        assert_eq!(country(Shape::Nested, &nested, "203.0.113.9").as_deref(), Some("SE"));
        assert_eq!(country(Shape::Flat, &flat, "203.0.113.9").as_deref(), Some("SE"));
        assert_eq!(country(Shape::Flat, &flat, "192.0.2.1"), None);
    }
}
