//! The integration tests, in one binary: the real program, real sockets, real files.
//!
//! They know Waypost from the outside only, so they survive the renaming of every private item.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

// What the tests are written with: a running Waypost with verbs, HTTP by hand, a browser, geo files.
mod support;

// A newcomer's first hour, by the words of the README.
mod journey;

// What a visitor gets, and what the public listener refuses.
mod limits;
mod plain;
mod redirects;

// The sentences of the design: recorded, once, whatever happens in between.
mod invariants;

// What breaks: disks, clocks, files, power. `tests/run faults` runs the same at full size.
mod disks;
mod faults;
mod floods;

// Many nodes on one Redis, and a Redis that fails; the same under load; on several that stand in for each other.
mod outages;
mod redis;
mod redis_groups;
mod refusals;

// Click files on an object store, and an object store that fails.
mod objects;

// What is measured against: places, addresses behind proxies, the platforms' own files through the limited child, and
// what they make of clicks.
mod files;
mod imports;
mod matches;
mod places;
mod proxies;
mod rates;

// Links that move in from other tools, and everything moving out again.
mod moving;

// Lists of links: archived, ticked, changed together; what is shown to whom.
mod ticked;

// Links on paper.
mod qr;

// Clicks under filters, from click files, beside the same from counters.
mod filters;

// What the UTM of links must be; the links of a campaign made together, from templates and in the browser.
mod campaign;
mod utm;

// What hits are taken for, and why.
mod verdicts;

// What is passed on to elsewhere, and where it is never sent.
mod hooks;
// Who may do what: accounts, sessions, keys, share links.
mod accounts;

// The dashboard, in a real browser; its page of what arrives just now; what its pages are made of, and what they weigh.
mod dashboard;
mod live;
mod pages;

// What strangers send, and what the API's own description says that they may; its lists, page by page.
mod hostile;
mod lists;
mod openapi;
// What pages of other origins can do to somebody who is signed in; the headers of each class of answer.
mod foreign;
mod headers;
// What strangers send, on every page that shows it; the dashboard with scripts switched off.
mod scriptless;
mod strangers;

// The files around the program: what is deployed says only what the program knows.
mod deploy;

// What the program says of its own command line.
mod shell;

// The shape of the source itself: layers, purity, sizes, names; and what its page of edge cases says of tests.
mod edges;
mod tidy;
