//! An outage while people click: how long it lasts, and what must hold at its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::app::TestApp;
use super::load::{Load, assert_exactly_once};
use super::{figure, size};

/// How long a redirect may take on a machine that is busy with everything else.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// How soon the log has to say what is wrong; in an ordinary run everything else runs at the same time.
fn said_within() -> Duration {
    Duration::from_secs(size(60, 5) as u64)
}

/// How long an outage lasts.
pub(crate) fn outage() -> Duration {
    Duration::from_secs(size(1, 60) as u64)
}

/// So many clicks, spread over an outage.
pub(crate) fn spread(clicks: usize) -> Arc<Load> {
    Load::of_clicks_per_second(clicks / usize::try_from(outage().as_secs()).unwrap())
}

/// Clicks go on until there are `enough` of them and the fault is over; then everything must be there once.
pub(crate) fn clicks_during(row: &str, app: &TestApp, load: &Arc<Load>, enough: usize, fault: impl FnOnce()) {
    let before = Instant::now();
    let clients = load.begin(app, enough / 4);
    figure(row, "99 of 100 redirects within before it, us", load.p99_since(before).as_micros());
    let began = Instant::now();
    fault();
    // The clients go on; this waits for the rest of their answers.
    load.reaches(app, enough);
    clients.end();
    let back = Instant::now();
    app.drained();
    figure(row, "clicks answered", load.answers());
    figure(row, "drained after, ms", back.elapsed().as_millis());
    let slowest = load.slowest_since(before);
    figure(row, "99 of 100 redirects within, us", load.p99_since(began).as_micros());
    figure(row, "slowest redirect, ms", slowest.as_millis());
    assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
    figure(row, "failed", load.failed());
    assert_eq!(load.failed(), 0, "clicks that were sent and not answered");
    assert_exactly_once(app, load, 2 * Load::CLIENTS).figures(row);
}

/// Waits until the log says this beyond `begins`, which must be soon, and tells how long that took.
pub(crate) fn said(row: &str, app: &TestApp, what: &str, begins: usize) {
    let began = Instant::now();
    app.eventually(what, || app.log()[begins..].contains(what));
    assert!(began.elapsed() < said_within(), "{what} was said after {:?}", began.elapsed());
    figure(row, &format!("said {what}, ms"), began.elapsed().as_millis());
}
