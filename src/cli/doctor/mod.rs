//! `waypost doctor`: looks for what is wrong, and says of each thing what to do. It changes nothing.
//!
//! It works with and without a running server: with one it asks it, without one it looks at what `serve` would meet.

mod address;
mod files;
mod finding;
mod machine;
mod ports;
mod running;

use std::net::IpAddr;

use serde_json::json;

use self::finding::{Finding, Grade};
use super::client::block_on;
use super::connect::{Connect, Running};
use super::serve::{ConfigFile, Settings};
use super::table::{Left, Table};
use super::{AlreadyTold, print};
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    settings: Settings,
    /// Say which address a request from this one would be counted under, and why; usually it is the proxy's
    #[arg(long, value_name = "IP")]
    peer: Option<IpAddr>,
    /// A header of that request, 'X-Forwarded-For: 203.0.113.7'; may be given several times
    #[arg(long, value_name = "HEADER", requires = "peer", value_parser = address::header)]
    address_of: Vec<address::Header>,
    /// Whom a PROXY header before that request names
    #[arg(long, value_name = "IP", requires = "peer")]
    introduced: Option<IpAddr>,
    /// Ask the running server through its public addresses which address it sees this machine under
    #[arg(long, conflicts_with = "peer")]
    live: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let findings = match args.file.load_with(&args.settings.flags()) {
        Ok(config) => examine(&config, args)?,
        Err(error) => vec![Finding::fail("configuration", format!("{error:#}"))],
    };
    print(&if args.json { as_json(&findings) } else { as_text(&findings) })?;
    if findings.iter().any(|finding| finding.grade == Grade::Fail) { Err(AlreadyTold.into()) } else { Ok(()) }
}

fn examine(config: &Config, args: &Args) -> anyhow::Result<Vec<Finding>> {
    if let Some(peer) = args.peer {
        let asked = address::Asked { headers: &args.address_of, peer, introduced: args.introduced };
        return Ok(address::explain(&config.redirect, &asked));
    }
    if args.live {
        let connect = Connect { data: Some(config.data.clone()), ..Connect::default() };
        let client = connect.open()?;
        return block_on(address::live(&client));
    }
    let mut findings = vec![Finding::ok("configuration", "it loads")];
    findings.extend(machine::folder(&config.data));
    findings.extend(machine::disk(&config.data, &config.journal));
    findings.push(machine::open_files(&config.redirect));
    findings.push(machine::clock(&config.data));
    let is_running = Running::file(&config.data).exists();
    if is_running {
        match Running::read(&config.data) {
            Ok(running) => findings.extend(block_on(running::examine(config, &running))?),
            Err(error) => findings.push(Finding::fail("server", format!("{error:#}"))),
        }
    } else {
        findings.extend(stopped(config));
    }
    findings.extend(files::archive(&config.archive, &config.data, is_running));
    findings.extend(files::geo(&config.classify, jiff::Timestamp::now()));
    findings.extend(address::proxies(&config.redirect));
    Ok(findings)
}

/// What `serve` would meet when it starts.
fn stopped(config: &Config) -> Vec<Finding> {
    vec![
        Finding::ok("server", format!("none is running on {}", config.data.display())),
        ports::free("redirect address", config.redirect.address),
        ports::free("admin address", config.admin.address),
        files::store(&config.store, &config.data),
    ]
}

fn as_text(findings: &[Finding]) -> String {
    let mut table = Table::new([("", Left), ("", Left), ("", Left)]);
    for finding in findings {
        table.row([finding.grade.as_str().to_owned(), finding.what.to_owned(), finding.why.clone()]);
    }
    table.render()
}

fn as_json(findings: &[Finding]) -> String {
    let rows = findings
        .iter()
        .map(|finding| json!({ "grade": finding.grade.as_str(), "what": finding.what, "why": finding.why }));
    json!({ "findings": rows.collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_one_line_that_begins_with_its_grade() {
        let findings = [Finding::ok("clock", "it is right"), Finding::fail("disk space", "no room\nat all")];
        assert_eq!(as_text(&findings), "ok    clock       it is right\nfail  disk space  no room\\nat all\n");
        assert!(as_json(&findings).contains(r#""grade":"fail""#));
    }

    #[test]
    fn a_folder_without_a_server_is_examined_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default_values();
        config.data = folder.path().join("data");
        config.redirect.address.set_port(0);
        config.admin.address.set_port(0);
        let findings = stopped(&config);
        assert!(findings.iter().all(|finding| finding.grade == Grade::Ok), "{findings:?}");
    }
}
