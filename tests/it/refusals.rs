//! A Redis that refuses or is busy with itself while people click: another password, permissions taken away, no place for
//! one more client, somebody's endless script, its own data that it reads. Row R16 of the acceptance table.
//!
//! Each ends with the exact sums, no redirect was slow, and the log named what was wrong within seconds.

use std::net::TcpStream;
use std::time::Instant;

use crate::support::app::TestApp;
use crate::support::load::{Load, two_links};
use crate::support::outage::{clicks_during, outage, said};
use crate::support::redis::{self, RedisServer};
use crate::support::{figure, size};

const ROW: &str = "R16";

/// How often it reads its data, at the most, until somebody asks it meanwhile.
const READS_MAX: usize = 20;

/// The user that the node is; whoever runs the test is another one.
const USER: &str = "waypost";

fn node(redis: &RedisServer) -> TestApp {
    redis.ask(&format!("ACL SETUSER {USER} on >first ~* &* +@all"));
    let app = TestApp::with_config(&redis::config(&redis.url().replace("//", &format!("//{USER}:first@"))));
    two_links(&app);
    redis.sync();
    app
}

/// Clicks while `fault` is done to Redis and undone again, after which counting must go on by itself.
fn survives(app: &TestApp, fault: impl FnOnce()) {
    clicks_during(ROW, app, &Load::going_on(), size(2_000, 100_000), fault);
}

/// The connections of the node end, so that it has to come anew.
fn cut() -> String {
    format!("CLIENT KILL USER {USER}")
}

#[test]
fn a_redis_with_another_password_is_named_and_counting_goes_on_once_it_has_ours_again() {
    let redis = RedisServer::start();
    let app = node(&redis);
    survives(&app, || {
        let begins = app.log().len();
        redis.all(&[&format!("ACL SETUSER {USER} resetpass >second"), &cut()]);
        said(ROW, &app, "check user, password and permissions", begins);
        redis.ask(&format!("ACL SETUSER {USER} resetpass >first"));
    });
    assert!(!app.log().contains("first@"), "the password is in the log");
}

#[test]
fn a_redis_that_takes_our_permissions_away_is_named_and_counting_goes_on_once_they_are_back() {
    let redis = RedisServer::start();
    let app = node(&redis);
    survives(&app, || {
        let begins = app.log().len();
        redis.ask(&format!("ACL SETUSER {USER} -eval -evalsha"));
        said(ROW, &app, "no permissions", begins);
        redis.ask(&format!("ACL SETUSER {USER} +@all"));
    });
}

#[test]
fn a_redis_without_a_place_for_one_more_client_is_named_and_waited_for() {
    let redis = RedisServer::start();
    let app = node(&redis);
    survives(&app, || {
        let begins = app.log().len();
        let others: Vec<_> = (0..4).map(|_| TcpStream::connect(("127.0.0.1", redis.port())).unwrap()).collect();
        redis.all(&["CONFIG SET maxclients 4", &cut()]);
        said(ROW, &app, "max number of clients", begins);
        drop(others);
    });
}

#[test]
fn a_redis_that_runs_an_endless_script_is_named_and_waited_for() {
    let redis = RedisServer::with(&["--busy-reply-threshold", "100"]);
    let app = node(&redis);
    survives(&app, || {
        let begins = app.log().len();
        let mut endless = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
        std::io::Write::write_all(&mut endless, b"EVAL 'while true do end' 0\r\n").unwrap();
        said(ROW, &app, "BUSY", begins);
        std::thread::sleep(outage() / 6);
        redis.ask("SCRIPT KILL");
    });
}

#[test]
fn a_redis_that_reads_its_own_data_for_long_is_named_and_waited_for() {
    // Microseconds for each command that is read back.
    let mut redis = RedisServer::with(&["--key-load-delay", "300"]);
    // As the user that is there after a start, too.
    let app = TestApp::with_config(&redis.config());
    two_links(&app);
    const SAYS: &str = "loading the dataset";
    let keys = size(8_000, 33_000);
    redis.ask(&format!("EVAL \"for i = 1, {keys} do redis.call('SET', 'of-somebody-else:' .. i, i) end\" 0"));
    redis.sync();
    survives(&app, || {
        let begins = app.log().len();
        let is_said = || app.log()[begins..].contains(SAYS);
        let began = Instant::now();
        // On a busy machine nothing may be counted, and nothing asked, for longer than it reads; then it reads once more.
        for _ in 0..READS_MAX {
            redis.kill();
            assert!(redis.launch());
            app.eventually("it is said or read", || is_said() || redis.info("loading").as_deref() == Some("0"));
            if is_said() {
                break;
            }
        }
        assert!(is_said(), "{}", app.log());
        figure(ROW, &format!("said {SAYS}, ms"), began.elapsed().as_millis());
    });
}
