//! Where the people of the demo are. No geo file knows the addresses that are kept for documentation (RFC 5737,
//! RFC 3849), so the demo brings its own: this table, also in the form of a MaxMind database.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The towns as a MaxMind database of the nested kind (MaxMind DB file format 2.0), built at `built` (Unix seconds).
pub(crate) fn database(built: u64) -> Vec<u8> {
    let mut tree = Tree::new();
    let mut data = Vec::new();
    for (index, town) in TOWNS.iter().enumerate() {
        let at = data.len();
        put_town(&mut data, town);
        tree.insert(u128::from(Ipv6Addr::new(0x2001, 0xdb8, group(index), 0, 0, 0, 0, 0)), 48, at);
        let office = u32::from(Ipv4Addr::new(198, 51, 100, block(index)));
        tree.insert(u128::from(office), 96 + 28, at);
    }
    let mut file = tree.to_bytes();
    file.extend([0; SEPARATOR_BYTES]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    put_metadata(&mut file, tree.nodes.len(), built);
    file
}

/// Between the tree and the data; pointers into the data count it in.
const SEPARATOR_BYTES: usize = 16;

#[derive(Clone, Copy)]
enum Slot {
    Empty,
    Node(usize),
    /// An offset in the data.
    Data(usize),
}

/// The search tree: one node for each bit of an address, IPv4 in ::/96.
struct Tree {
    nodes: Vec<[Slot; 2]>,
}

impl Tree {
    fn new() -> Self {
        Self { nodes: vec![[Slot::Empty; 2]] }
    }

    fn insert(&mut self, address: u128, bits: u32, data: usize) {
        let side = |bit: u32| usize::from(address >> (127 - bit) & 1 == 1);
        let mut node = 0;
        for bit in 0..bits - 1 {
            node = match self.nodes[node][side(bit)] {
                Slot::Node(next) => next,
                Slot::Empty | Slot::Data(_) => {
                    self.nodes.push([Slot::Empty; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][side(bit)] = Slot::Node(next);
                    next
                }
            };
        }
        self.nodes[node][side(bits - 1)] = Slot::Data(data);
    }

    /// Records of 24 bits: a node's number, the count of nodes for "nothing", or beyond it an offset.
    fn to_bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let record = |slot: &Slot| match *slot {
            Slot::Empty => count,
            Slot::Node(node) => node,
            Slot::Data(offset) => count + SEPARATOR_BYTES + offset,
        };
        let three = |record: usize| [(record >> 16) as u8, (record >> 8) as u8, record as u8];
        self.nodes.iter().flatten().flat_map(|slot| three(record(slot))).collect()
    }
}

const TEXT: u8 = 2;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

/// The control byte of a value. All sizes here are below 29, from where on another form is needed.
fn put_control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let size = u8::try_from(size).ok().filter(|size| *size < 29).expect("texts and maps of the demo are short");
    match kind {
        ..=7 => out.push(kind << 5 | size),
        extended => out.extend([size, extended - 7]),
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_control(out, TEXT, text.len());
    out.extend(text.as_bytes());
}

fn put_number(out: &mut Vec<u8>, kind: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let significant = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..];
    put_control(out, kind, significant.len());
    out.extend(significant);
}

fn put_named_map(out: &mut Vec<u8>, name: &str, size: usize) {
    put_text(out, name);
    put_control(out, MAP, size);
}

fn put_pair(out: &mut Vec<u8>, name: &str, text: &str) {
    put_text(out, name);
    put_text(out, text);
}

fn put_town(out: &mut Vec<u8>, town: &Town) {
    put_control(out, MAP, 4);
    put_named_map(out, "city", 1);
    put_named_map(out, "names", 1);
    put_pair(out, "en", town.city);
    put_named_map(out, "continent", 1);
    put_pair(out, "code", town.continent);
    put_named_map(out, "country", 1);
    put_pair(out, "iso_code", town.country);
    put_text(out, "subdivisions");
    put_control(out, ARRAY, 1);
    put_control(out, MAP, 1);
    put_named_map(out, "names", 1);
    put_pair(out, "en", town.region);
}

fn put_metadata(out: &mut Vec<u8>, nodes: usize, built: u64) {
    put_control(out, MAP, 9);
    let numbers = [
        ("binary_format_major_version", UINT16, 2),
        ("binary_format_minor_version", UINT16, 0),
        ("build_epoch", UINT64, built),
        ("ip_version", UINT16, 6),
        ("node_count", UINT32, nodes as u64),
        ("record_size", UINT16, 24),
    ];
    for (name, kind, number) in numbers {
        put_text(out, name);
        put_number(out, kind, number);
    }
    put_pair(out, "database_type", "Waypost-Demo-City");
    put_named_map(out, "description", 1);
    put_pair(out, "en", "Towns of Waypost's demo");
    put_text(out, "languages");
    put_control(out, ARRAY, 1);
    put_text(out, "en");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn city(address: IpAddr) -> Option<String> {
        let reader = maxminddb::Reader::from_source(database(1_760_000_000)).unwrap();
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
        maxminddb::Reader::from_source(database(1)).unwrap().verify().unwrap();
    }
}
