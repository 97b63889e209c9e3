//! Query passthrough: what of a visitor's query reaches the destination.
//!
//! It runs on the hot path when a query arrives, allocates nothing beyond its output, and must never let a
//! visitor change scheme, host, path, fragment or a parameter that the link sets (click ids excepted).

use super::click_ids::is_click_id;
use super::destination::Parts;
use super::utm::{name_bytes, same_name};

/// The longest merged destination in bytes; beyond it the visitor's parameters are left out, all of them.
pub(crate) const PASSTHROUGH_BYTES_MAX: usize = 8192;

/// The most parameters of a visitor that are merged, because each is compared with each of the destination's.
pub(crate) const PASSTHROUGH_PARAMETERS_MAX: usize = 100;

/// With this parameter an owner's hit says "do not count me"; it is ours and goes no further.
pub(crate) const NO_TRACK: &str = "wp-no-track";

/// Appends `destination` with `visitor_query` merged in to `out`, ready to be a `Location` header.
///
/// The visitor wins for click ids, for parameters that the destination does not have and, if `visitor_utm`, for
/// `utm_*`. What wins stands where the destination had it; what is new follows the destination's query, in order
/// and with repeats. What may not stand in a URL is percent-encoded, everything else stays as sent.
pub(crate) fn merge_query(destination: &str, visitor_query: &str, visitor_utm: bool, out: &mut Vec<u8>) {
    let start = out.len();
    let visitor = Visitor { query: visitor_query, utm_wins: visitor_utm };
    if visitor.parameters().nth(PASSTHROUGH_PARAMETERS_MAX).is_none() {
        visitor.merge(Parts::of(destination), out);
        if out.len() - start <= PASSTHROUGH_BYTES_MAX {
            return;
        }
        out.truncate(start);
    }
    out.extend_from_slice(destination.as_bytes());
}

struct Visitor<'a> {
    query: &'a str,
    utm_wins: bool,
}

impl<'a> Visitor<'a> {
    /// The parameters that may be passed on: neither nothing nor ours.
    fn parameters(&self) -> impl Iterator<Item = &'a str> {
        self.query.split('&').filter(|pair| !pair.is_empty() && !same_name(name(pair), NO_TRACK))
    }

    fn merge(&self, destination: Parts<'_>, out: &mut Vec<u8>) {
        let own = destination.query.unwrap_or_default();
        out.extend_from_slice(destination.base.as_bytes());
        let mut separator = Separator(b'?');
        if destination.query.is_some() {
            self.own_parameters(own, &mut separator, out);
        }
        for pair in self.parameters().filter(|pair| !has(own, name(pair))) {
            separator.write(out);
            write_legal(pair, out);
        }
        if let Some(fragment) = destination.fragment {
            out.push(b'#');
            out.extend_from_slice(fragment.as_bytes());
        }
    }

    /// The destination's own parameters, each as it is or as the visitor's that win over it.
    fn own_parameters(&self, own: &str, separator: &mut Separator, out: &mut Vec<u8>) {
        let mut from = 0;
        for pair in own.split('&') {
            let name = name(pair);
            let (before, is_first) = (&own[..from], from == 0);
            from += pair.len() + 1;
            if !self.wins(name) {
                separator.write(out);
                out.extend_from_slice(pair.as_bytes());
            } else if is_first || !has(before.trim_end_matches('&'), name) {
                for pair in self.parameters().filter(|pair| same_name(self::name(pair), name)) {
                    separator.write(out);
                    write_legal(pair, out);
                }
            }
        }
    }

    /// Whether the visitor sent a value that replaces the destination's parameter of this name.
    fn wins(&self, name: &str) -> bool {
        may_win(name, self.utm_wins)
            && self.parameters().any(|pair| same_name(self::name(pair), name) && !is_valueless(pair))
    }
}

/// `?` before the first parameter, `&` before the others.
struct Separator(u8);

impl Separator {
    fn write(&mut self, out: &mut Vec<u8>) {
        out.push(self.0);
        self.0 = b'&';
    }
}

fn name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

fn is_valueless(pair: &str) -> bool {
    pair.split_once('=').is_none_or(|(_, value)| value.is_empty())
}

fn has(query: &str, wanted: &str) -> bool {
    query.split('&').any(|pair| !pair.is_empty() && same_name(name(pair), wanted))
}

/// Longer than every name that could win.
const NAME_BYTES_MAX: usize = 32;

fn may_win(raw: &str, utm_wins: bool) -> bool {
    let mut decoded = [0; NAME_BYTES_MAX];
    let mut length = 0;
    for byte in name_bytes(raw) {
        let Some(slot) = decoded.get_mut(length) else { return false };
        *slot = byte;
        length += 1;
    }
    let Ok(name) = std::str::from_utf8(&decoded[..length]) else { return false };
    is_click_id(name) || (utm_wins && name.starts_with("utm_"))
}

/// Writes a visitor's parameter, with everything percent-encoded that a URL's query cannot hold or that could
/// end a header or an HTML attribute.
fn write_legal(pair: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in pair.bytes() {
        if is_legal(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Brackets, braces and `|` are no RFC 3986 query characters, but browsers send them and sites expect them.
fn is_legal(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"'<>#\\^`".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(destination: &str, query: &str, visitor_utm: bool) -> String {
        let mut out = b"kept ".to_vec();
        merge_query(destination, query, visitor_utm, &mut out);
        String::from_utf8(out.split_off(5)).unwrap()
    }

    #[test]
    fn new_parameters_follow_the_destinations_query_before_its_fragment() {
        for (destination, query, expected) in [
            ("https://e.com/", "a=1&a=2&emptyquery&b=", "https://e.com/?a=1&a=2&emptyquery&b="),
            ("https://e.com/?x=1&&y#f?g", "a=1", "https://e.com/?x=1&&y&a=1#f?g"),
            ("https://e.com/#f", "", "https://e.com/#f"),
            ("https://e.com/?x", "&&", "https://e.com/?x"),
            ("https://e.com/", "p=eA%2Bb%2Fc%3D&q=a+b%20c", "https://e.com/?p=eA%2Bb%2Fc%3D&q=a+b%20c"),
            ("https://e.com/", "a[]=1&b={x}|y&t=@:/?;,", "https://e.com/?a[]=1&b={x}|y&t=@:/?;,"),
        ] {
            assert_eq!(merged(destination, query, false), expected, "{destination} {query}");
        }
    }

    #[test]
    fn nothing_that_the_link_sets_is_changed_however_it_is_spelled() {
        let destination = "https://e.com/a?id=1&utm_source=link";
        for query in ["id=2", "ID=2", "%69d=2", "id", "utm_source=x", "UTM_Source=x", "utm%5Fsource=x", "id=2&id=3"] {
            assert_eq!(merged(destination, query, false), destination, "{query}");
        }
        assert_eq!(merged(destination, "utm_term=t&id=9", false), format!("{destination}&utm_term=t"));
    }

    #[test]
    fn a_click_id_wins_in_place_and_keeps_its_repeats() {
        let destination = "https://e.com/?gclid=old&a=1&gclid=older";
        assert_eq!(merged(destination, "b=2&gclid=new", false), "https://e.com/?gclid=new&a=1&b=2");
        assert_eq!(merged(destination, "GCLID=1&gclid=2", false), "https://e.com/?GCLID=1&gclid=2&a=1");
        assert_eq!(merged(destination, "gclid=", false), destination, "an empty one says nothing");
        assert_eq!(merged("https://e.com/?ScCid=old", "ScCid=new", false), "https://e.com/?ScCid=new");
        assert_eq!(merged("https://e.com/", "fbclid=IwAR", false), "https://e.com/?fbclid=IwAR");
    }

    #[test]
    fn the_visitors_utm_win_only_where_the_link_says_so() {
        let destination = "https://e.com/?utm_source=link&utm_medium=social&utm_campaign=checks";
        assert_eq!(
            merged(destination, "utm_source=checkly", true),
            "https://e.com/?utm_source=checkly&utm_medium=social&utm_campaign=checks"
        );
        assert_eq!(merged(destination, "utm_source=", true), destination);
        assert_eq!(merged(destination, "utm_source=checkly", false), destination);
    }

    #[test]
    fn our_own_parameter_goes_no_further() {
        assert_eq!(merged("https://e.com/", "wp-no-track=1&a=1&WP-No%2dTrack", false), "https://e.com/?a=1");
    }

    #[test]
    fn only_what_a_url_may_hold_reaches_the_header() {
        let raw: String = (0..=0xff_u32).filter_map(char::from_u32).filter(|c| !"&=%+".contains(*c)).collect();
        let answer = merged("https://e.com/?a#f", &raw, false);
        let added = answer.strip_prefix("https://e.com/?a&").and_then(|rest| rest.strip_suffix("#f")).unwrap();
        assert!(added.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>#\\`".contains(&byte)), "{added}");
        assert!(added.starts_with("%00%01") && added.ends_with("%C3%BF"), "{added}");
    }

    #[test]
    fn the_visitor_cannot_name_another_place() {
        for query in
            ["//evil.example", "@evil.example", "/../..", "#x", "\r\nLocation: //evil.example", "?a", "\\\\evil"]
        {
            let answer = merged("https://e.com/p?a=1#f", query, true);
            let url = url::Url::parse(&answer).unwrap();
            assert_eq!((url.host_str(), url.path(), url.fragment()), (Some("e.com"), "/p", Some("f")), "{answer}");
        }
    }

    #[test]
    fn too_long_or_too_many_leaves_the_destination_alone() {
        let long = format!("a={}", "b".repeat(PASSTHROUGH_BYTES_MAX));
        assert_eq!(merged("https://e.com/?x", &long, false), "https://e.com/?x");
        let many = "a&".repeat(PASSTHROUGH_PARAMETERS_MAX + 1);
        assert_eq!(merged("https://e.com/?x", &many, false), "https://e.com/?x");
        let encoded = "ä".repeat(2000);
        assert_eq!(merged("https://e.com/", &encoded, false), "https://e.com/");
    }
}
