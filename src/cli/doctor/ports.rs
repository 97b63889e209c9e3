//! Whether an address can be listened on, and if not, who holds it.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};

use super::finding::Finding;

/// The most processes that are asked whether they hold a port.
const PROCESSES_MAX: usize = 10_000;
/// The most open files that are looked at of one process.
const FILES_MAX: usize = 10_000;

pub(super) fn free(what: &'static str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(what, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder = holder(address.port()).unwrap_or_else(|| "another program".to_owned());
            Finding::fail(what, format!("{address} is held by {holder}: stop it or choose another address"))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let why =
                format!("{address} is for the system only: choose a port above 1023 or allow CAP_NET_BIND_SERVICE");
            Finding::fail(what, why)
        }
        Err(error) => Finding::fail(what, format!("cannot listen on {address}: {error}")),
    }
}

/// The name and number of the process that listens on a port, as far as this user may see it (proc(5)).
fn holder(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let sockets: Vec<_> = tables.iter().flat_map(|table| listening(table, port)).collect();
    let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let process: u32 = processes.take(PROCESSES_MAX).find(|process| holds_one(*process, &sockets))?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    Some(format!("{} (process {process})", name.trim()))
}

/// `socket:[INODE]` of every listening socket of a port in a table of /proc/net.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    let inode = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let matches = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTEN;
        matches.then(|| fields.get(9).map(|inode| format!("socket:[{inode}]")))?
    };
    table.lines().skip(1).filter_map(inode).collect()
}

fn holds_one(process: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let mut targets = files.take(FILES_MAX).flatten().filter_map(|file| fs::read_link(file.path()).ok());
    targets.any(|target| target.to_str().is_some_and(|target| sockets.iter().any(|socket| socket == target)))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;

    #[test]
    fn a_port_that_is_held_names_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let finding = free("redirect address", listener.local_addr().unwrap());
        assert_eq!(finding.grade, Grade::Fail);
        assert!(finding.why.contains(&format!("process {}", std::process::id())), "{finding:?}");
    }

    #[test]
    fn an_address_of_another_machine_is_said_to_be_impossible() {
        let finding = free("redirect address", "192.0.2.1:1".parse().unwrap());
        assert_eq!(finding.grade, Grade::Fail);
    }

    #[test]
    fn only_listening_sockets_of_the_port_are_found() {
        let table = "  sl  local_address rem_address   st ...\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4242 1 x\n\
            \x20  1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000 0 4243 1 x\n";
        assert_eq!(listening(table, 8080), ["socket:[4242]"]);
        assert!(listening("damaged", 8080).is_empty());
    }
}
