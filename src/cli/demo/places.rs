//! Where the people of the demo are. No geo file knows the addresses that are kept for documentation (RFC 5737,
//! RFC 3849), so the demo brings its own: this table, also in the form of a MaxMind database.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, UNIX_EPOCH};

use ipnet::{Ipv4Net, Ipv6Net};
use mmdb_writer::{Value, Writer};

/// A town with its share of the demo's people.
pub(crate) struct Town {
    continent: &'static str,
    pub(crate) country: &'static str,
    region: &'static str,
    city: &'static str,
    /// The `Accept-Language` of most browsers there.
    pub(super) language: &'static str,
    pub(super) weight: u64,
}

const fn town(
    continent: &'static str,
    country: &'static str,
    region: &'static str,
    city: &'static str,
    language: &'static str,
    weight: u64,
) -> Town {
    Town { continent, country, region, city, language, weight }
}

pub(super) const TOWNS: [Town; 16] = [
    town("EU", "SE", "Stockholm County", "Stockholm", "sv-SE,sv;q=0.9,en;q=0.8", 30),
    town("EU", "SE", "Västra Götaland County", "Gothenburg", "sv-SE,sv;q=0.9,en;q=0.8", 14),
    town("EU", "SE", "Skåne County", "Malmö", "sv-SE,sv;q=0.9", 8),
    town("EU", "NO", "Oslo County", "Oslo", "nb-NO,nb;q=0.9,en;q=0.8", 10),
    town("EU", "DK", "Capital Region", "Copenhagen", "da-DK,da;q=0.9,en;q=0.8", 8),
    town("EU", "FI", "Uusimaa", "Helsinki", "fi-FI,fi;q=0.9,en;q=0.8", 5),
    town("EU", "DE", "Land Berlin", "Berlin", "de-DE,de;q=0.9,en;q=0.8", 9),
    town("EU", "DE", "Bavaria", "Munich", "de-DE,de;q=0.9", 4),
    town("EU", "GB", "England", "London", "en-GB,en;q=0.9", 9),
    town("NA", "US", "New York", "New York", "en-US,en;q=0.9", 7),
    town("NA", "US", "California", "San Francisco", "en-US,en;q=0.9", 5),
    town("EU", "NL", "North Holland", "Amsterdam", "nl-NL,nl;q=0.9,en;q=0.8", 3),
    town("EU", "FR", "Île-de-France", "Paris", "fr-FR,fr;q=0.9", 3),
    town("SA", "BR", "São Paulo", "São Paulo", "pt-BR,pt;q=0.9", 2),
    town("AS", "IN", "Karnataka", "Bengaluru", "en-IN,en;q=0.9", 2),
    town("OC", "AU", "New South Wales", "Sydney", "en-AU,en;q=0.9", 1),
];

/// The /64 of one household: 2001:db8:TOWN:HOUSE::/64, towns counted from 1.
pub(super) fn household(town: usize, house: u16, device: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, group(town), house, 0, 0, 0, device).into()
}

fn group(town: usize) -> u16 {
    u16::try_from(town + 1).expect("there are 16 towns")
}

/// One of the 14 addresses of a town in 198.51.100.0/24, of which each has a /28.
pub(super) fn office(town: usize, desk: u8) -> IpAddr {
    Ipv4Addr::new(198, 51, 100, block(town) + 1 + desk % 14).into()
}

fn block(town: usize) -> u8 {
    u8::try_from(town * 16).expect("there are 16 towns")
}

/// An address of a computing centre, which is nowhere: robots live there.
pub(super) fn computing_centre(machine: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, machine).into()
}

/// The towns as a MaxMind database of the nested kind, built at `built` (Unix seconds).
///
/// # Errors
/// When the writer refuses a town, which the test rules out.
pub(crate) fn database(built: u64) -> Result<Vec<u8>, mmdb_writer::Error> {
    let mut writer = Writer::builder("Waypost-Demo-City")
        .description(&[("en", "Towns of Waypost's demo")])
        .build_epoch(UNIX_EPOCH + Duration::from_secs(built))
        .build();
    for (index, town) in TOWNS.iter().enumerate() {
        let households = Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, group(index), 0, 0, 0, 0, 0), 48);
        let offices = Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, block(index)), 28);
        writer.insert_value(households, value_of(town))?;
        writer.insert_value(offices, value_of(town))?;
    }
    writer.to_bytes()
}

fn value_of(town: &Town) -> Value {
    let named = |name: &str| Value::map([("names", Value::map([("en", Value::from(name))]))]);
    Value::map([
        ("continent", Value::map([("code", Value::from(town.continent))])),
        ("country", Value::map([("iso_code", Value::from(town.country))])),
        ("subdivisions", Value::array([named(town.region)])),
        ("city", named(town.city)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn city(address: IpAddr) -> Option<String> {
        let reader = maxminddb::Reader::from_source(database(1_760_000_000).unwrap()).unwrap();
        let found = reader.lookup(address).unwrap().decode::<serde_json::Value>().unwrap()?;
        Some(format!(
            "{} {} {}",
            found["country"]["iso_code"], found["subdivisions"][0]["names"]["en"], found["city"]["names"]["en"]
        ))
    }

    #[test]
    fn every_town_is_found_by_its_addresses() {
        for (index, town) in TOWNS.iter().enumerate() {
            let expected = format!("{:?} {:?} {:?}", town.country, town.region, town.city);
            assert_eq!(city(household(index, 7, 1)).unwrap(), expected);
            assert_eq!(city(office(index, 200)).unwrap(), expected);
        }
        assert_eq!(city(computing_centre(9)), None);
        assert_eq!(city("8.8.8.8".parse().unwrap()), None);
    }

    #[test]
    fn the_database_stands_the_readers_own_check() {
        maxminddb::Reader::from_source(database(1).unwrap()).unwrap().verify().unwrap();
    }
}
