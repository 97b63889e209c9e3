//! `waypost classify`: says what each hit on standard input would become, and by which rule. No server, no store.
//!
//! Reads JSON lines and writes one JSON line for each, in order. It keeps nothing and asks nobody.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use compact_str::format_compact;

use crate::classify::past::Past;
use crate::classify::place::Places;
use crate::classify::{Classifier, KnownLink, Notes};
use crate::domain::click::{Click, ClickOf};
use crate::domain::hit::{Hit, Method};
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::utm::Utm;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Salt;
use crate::tally::geo::{Geo, GeoState};
use crate::tally::rules;

/// The longest line that is read; the rest of a longer one is skipped.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// One hit as a person writes it down. Every field may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    method: Option<String>,
    host: Option<String>,
    path: Option<String>,
    query: Option<String>,
    headers: Option<serde_json::Map<String, Value>>,
    ip: Option<String>,
    time: Option<Value>,
}

/// What is said of one hit. `null` stands for unknown or absent.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    verdict: &'a str,
    reason: &'a str,
    source: &'a str,
    source_rule: &'a str,
    channel: &'a str,
    seen_on: Option<&'a str>,
    app: Option<&'a str>,
    device: &'a str,
    os: Option<&'a str>,
    browser: Option<&'a str>,
    continent: Option<&'a str>,
    country: Option<&'a str>,
    region: Option<&'a str>,
    city: Option<&'a str>,
    asn: Option<&'a str>,
    organisation: Option<&'a str>,
    language: Option<&'a str>,
    referrer_host: Option<&'a str>,
    click_ids: Option<&'a str>,
    click_id_values: Option<&'a str>,
    unfilled: Option<&'a str>,
    rules_version: u32,
}

/// Runs the command between standard input and standard output.
///
/// # Errors
/// When reading or writing fails, or, once everything is answered, when some of the lines were no hits.
pub(crate) fn run(config: &crate::config::Config) -> anyhow::Result<()> {
    let geo = Geo::new(config.classify.geo.clone());
    for file in geo.state().iter().filter(|file| file.state != GeoState::IN_USE) {
        eprintln!("geo file {} is not used: {}", file.path.display(), file.state);
    }
    let offline = Offline {
        classifier: rules::classifier(&config.classify)?,
        notes: Notes::default(),
        places: geo.places(),
        past: Past::new(config.classify.duplicate_ms),
    };
    let output = BufWriter::new(std::io::stdout().lock());
    let wrong = offline.answer_all(BufReader::new(std::io::stdin().lock()), output)?;
    anyhow::ensure!(wrong == 0, "{wrong} of the lines were no hits; the answers to them say why");
    Ok(())
}

struct Offline {
    classifier: Classifier,
    notes: Notes,
    places: Arc<Places>,
    past: Past,
}

impl Offline {
    /// Answers every line that is not blank; hands back how many were no hits.
    fn answer_all(mut self, mut input: impl BufRead, mut output: impl Write) -> anyhow::Result<u64> {
        let mut wrong = 0;
        let mut number = 0_u64;
        let mut line = Vec::new();
        while read_line(&mut input, &mut line)? {
            number += 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(message) = self.answer(&line, &mut output)? {
                wrong += 1;
                let error = serde_json::json!({ "error": format!("line {number}: {message}") });
                serde_json::to_writer(&mut output, &error)?;
            }
            output.write_all(b"\n")?;
        }
        output.flush()?;
        Ok(wrong)
    }

    /// Writes the answer to one line, or hands back what is wrong with it. The outer error is that of the output.
    fn answer(&mut self, line: &[u8], output: &mut impl Write) -> anyhow::Result<Result<(), String>> {
        let click = match parse(line).and_then(|line| self.classify(&line)) {
            Ok(click) => click,
            Err(message) => return Ok(Err(message)),
        };
        serde_json::to_writer(output, &answer(&click))?;
        Ok(Ok(()))
    }

    fn classify(&mut self, line: &Line) -> Result<Click, String> {
        let address = address(line.ip.as_deref())?;
        let time_ms = time(line.time.as_ref())?;
        let link = link(line);
        let mut hit = Hit::new(link.facts.id, time_ms.unwrap_or(0));
        hit.address = address.unwrap_or(hit.address);
        let headers = headers(line)?;
        for (name, value) in &headers {
            hit.take_header(name, value.as_bytes());
        }
        hit.take_query(query(line));
        let method = line.method.as_deref().unwrap_or("GET");
        if method.eq_ignore_ascii_case("HEAD") {
            hit.method = Method::Head;
        }
        let Self { classifier, places, notes, past, .. } = self;
        let mut click = classifier.classify(&hit, Uuid::nil(), &link, &Salt([0; 32]), places, notes);
        refuse_other_methods(method, &mut click);
        if time_ms.is_some() && address.is_some() {
            past.judge(&mut click);
        }
        Ok(click.into_owned())
    }
}

/// A server answers 405 to any other method and records nothing; here it is shown as the work of a program.
fn refuse_other_methods(method: &str, click: &mut ClickOf<'_>) {
    let is_known = method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD");
    if !is_known {
        click.verdict = Verdict::Bot;
        let word: String = method.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        click.reason = Cow::Owned(format_compact!("method:{}", word.to_ascii_lowercase()));
    }
}

/// Host and path tell one link from another, so its number is made of them; nothing is declared about it.
fn link(line: &Line) -> KnownLink {
    let domain = line.host.as_deref().unwrap_or_default().to_ascii_lowercase();
    let path = line.path.as_deref().unwrap_or_default();
    let slug = path.split('?').next().unwrap_or_default().trim_matches('/').to_owned();
    let mut number = [0_u8; 8];
    number.copy_from_slice(&blake3::hash(format!("{domain}/{slug}").as_bytes()).as_bytes()[..8]);
    KnownLink::from(LinkFacts {
        id: LinkId(u64::from_be_bytes(number)),
        domain,
        slug,
        utm: Utm::default(),
        platform: None,
        level: Level::Other,
    })
}

/// A link of which nothing is declared.
pub(super) fn plain_link() -> KnownLink {
    link(&Line::default())
}

/// The query by its own field, or as the end of the path, with or without its `?`.
fn query(line: &Line) -> &str {
    let of_path = || line.path.as_deref().and_then(|path| path.split_once('?')).map(|(_, query)| query);
    let query = line.query.as_deref().or_else(of_path).unwrap_or_default();
    query.strip_prefix('?').unwrap_or(query)
}

fn parse(line: &[u8]) -> Result<Line, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("it is longer than {LINE_BYTES_MAX} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

fn headers(line: &Line) -> Result<Vec<(String, &str)>, String> {
    let Some(headers) = &line.headers else { return Ok(Vec::new()) };
    let text = |(name, value): (&String, &'_ Value)| match value {
        Value::String(_) | Value::Null => Ok(()),
        _ => Err(format!("header {name:?} is not a text")),
    };
    headers.iter().try_for_each(text)?;
    let named = headers.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?)));
    Ok(named.collect())
}

fn address(text: Option<&str>) -> Result<Option<IpAddr>, String> {
    let parse = |text: &str| text.trim().parse().map_err(|_| format!("ip {text:?} is not an address"));
    text.filter(|text| !text.is_empty()).map(parse).transpose()
}

/// RFC 3339, or milliseconds since 1970.
fn time(value: Option<&Value>) -> Result<Option<i64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            number.as_i64().map(Some).ok_or_else(|| format!("time {number} is not a whole number of milliseconds"))
        }
        Some(Value::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Some(time.as_millisecond())),
            Err(_) => Err(format!("time {text:?} is not RFC 3339, such as 2026-11-21T13:00:00Z")),
        },
        Some(other) => Err(format!("time {other} is neither RFC 3339 nor milliseconds")),
    }
}

fn answer(click: &Click) -> Answer<'_> {
    Answer {
        verdict: click.verdict.as_str(),
        reason: &click.reason,
        source: &click.origin.source,
        source_rule: &click.origin.source_rule,
        channel: &click.origin.channel,
        seen_on: known(&click.origin.seen_on),
        app: known(&click.look.app),
        device: click.look.device.as_str(),
        os: known(&click.look.os),
        browser: known(&click.look.browser),
        continent: known(&click.place.continent),
        country: known(&click.place.country),
        region: known(&click.place.region),
        city: known(&click.place.city),
        asn: known(&click.place.asn),
        organisation: known(&click.place.organisation),
        language: known(&click.look.language),
        referrer_host: known(&click.look.referrer_host),
        click_ids: known(&click.click_ids),
        click_id_values: known(&click.click_id_values),
        unfilled: known(&click.unfilled),
        rules_version: click.rules_version,
    }
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Reads one line without its end into `line`; false at the end of the input. Of a line that is too long one byte
/// more than is allowed is kept, and the rest is skipped.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let limit = LINE_BYTES_MAX as u64 + 1;
    if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_on(input: &str) -> (Vec<Value>, u64) {
        let offline = Offline {
            notes: Notes::default(),
            classifier: Classifier::new(&crate::config::Config::default_values().classify, &[]).unwrap(),
            places: Arc::default(),
            past: Past::new(2000),
        };
        let mut output = Vec::new();
        let wrong = offline.answer_all(input.as_bytes(), &mut output).unwrap();
        let lines = String::from_utf8(output).unwrap();
        (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), wrong)
    }

    #[test]
    fn an_empty_hit_has_every_field_and_is_no_person() {
        let (answers, wrong) = run_on("{}\n");
        assert_eq!(wrong, 0);
        assert_eq!(answers[0]["verdict"], "bot");
        assert_eq!(answers[0]["reason"], "user-agent:missing");
        assert_eq!(answers[0]["source"], "direct");
        assert_eq!(answers[0]["country"], Value::Null);
        assert_eq!(answers[0]["rules_version"], crate::classify::RULES_VERSION);
    }

    #[test]
    fn header_names_may_be_spelled_in_any_case() {
        let (answers, _) = run_on(
            r#"{"headers":{"User-AGENT":"Mozilla/5.0 (Windows NT 10.0) Firefox/130.0","Referer":"https://t.co/x"}}"#,
        );
        assert_eq!(answers[0]["verdict"], "human");
        assert_eq!(answers[0]["browser"], "Firefox");
        assert_eq!((&answers[0]["source"], &answers[0]["source_rule"]), (&"x".into(), &"referrer".into()));
    }

    #[test]
    fn a_line_that_is_no_hit_is_answered_in_its_place_and_the_rest_goes_on() {
        let (answers, wrong) = run_on("{}\n{\"ip\":\"nowhere\"}\n\nnot json\n{}\n");
        assert_eq!(wrong, 2);
        assert_eq!(answers.len(), 4);
        assert_eq!(answers[1]["error"], "line 2: ip \"nowhere\" is not an address");
        assert!(answers[2]["error"].as_str().unwrap().starts_with("line 4: "));
        assert_eq!(answers[3]["verdict"], "bot");
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let long = format!("{{\"path\":\"{}\"}}\n{{}}\n", "x".repeat(2 * LINE_BYTES_MAX));
        let (answers, wrong) = run_on(&long);
        assert_eq!(wrong, 1);
        assert!(answers[0]["error"].as_str().unwrap().contains("longer than"));
        assert_eq!(answers[1]["verdict"], "bot");
    }

    #[test]
    fn a_double_tap_needs_a_time_and_an_address() {
        const AGENT: &str =
            r#""headers":{"user-agent":"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}"#;
        let tap = |rest: &str| format!("{{{AGENT}{rest}}}\n");
        let at = |time: &str| tap(&format!(",\"ip\":\"203.0.113.7\",\"time\":{time}"));
        let (answers, _) = run_on(&(at("\"2026-11-21T13:00:00Z\"") + &at("1795266001000")));
        assert_eq!((&answers[0]["verdict"], &answers[1]["verdict"]), (&"human".into(), &"duplicate".into()));
        let (answers, _) = run_on(&(tap("") + &tap("")));
        assert_eq!(answers[1]["verdict"], "human");
    }

    #[test]
    fn a_method_that_is_neither_get_nor_head_is_a_program() {
        let agent = r#""headers":{"user-agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36"}"#;
        let (answers, _) = run_on(&format!("{{\"method\":\"POST\",{agent}}}\n{{\"method\":\"head\",{agent}}}"));
        assert_eq!(answers[0]["reason"], "method:post");
        assert_eq!(answers[1]["verdict"], "head");
    }
}
