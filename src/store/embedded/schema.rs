//! The tables, and how an older file becomes a current one. A migration that has been released never changes.

use rusqlite::{Connection, TransactionBehavior};

/// `application_id` of our files, so that a file of another program is not taken for one: "wayp" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x7761_7970;

/// What takes a file from schema version `index` to `index + 1`.
const MIGRATIONS: [&str; 8] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8];

/// The newest schema this Waypost knows.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Days are `YYYY-MM-DD`, instants RFC 3339 in UTC, so that a person can read them and they sort by time.
const VERSION_1: &str = "
CREATE TABLE links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    revision INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    domain TEXT NOT NULL,
    slug TEXT NOT NULL,
    folded TEXT NOT NULL,
    url TEXT NOT NULL,
    destination TEXT NOT NULL,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    utm_term TEXT,
    utm_content TEXT,
    utm_id TEXT,
    platform TEXT,
    level TEXT NOT NULL,
    posts TEXT NOT NULL,
    title TEXT,
    tags TEXT NOT NULL,
    status INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    passthrough INTEGER NOT NULL,
    visitor_utm INTEGER NOT NULL,
    expires_at TEXT,
    expired_url TEXT,
    UNIQUE (domain, folded)
) STRICT;
-- By day first: a batch touches few days and many links, so its rows lie side by side. The key is the digits of
-- the day, then eleven of the link.
CREATE TABLE counters (
    key INTEGER PRIMARY KEY,
    counts BLOB NOT NULL,
    visitors BLOB NOT NULL
) STRICT;
CREATE TABLE watermarks (
    incarnation TEXT NOT NULL,
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (incarnation, shard)
) STRICT, WITHOUT ROWID;
CREATE TABLE archived (
    incarnation TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE misses (
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    slug TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, kind, slug)
) STRICT, WITHOUT ROWID;
CREATE TABLE salts (
    day TEXT NOT NULL PRIMARY KEY,
    salt BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    file_name TEXT NOT NULL,
    as_of TEXT NOT NULL,
    imported_at TEXT NOT NULL,
    rows INTEGER NOT NULL
) STRICT;
-- Every import keeps its own rows; the one in force is chosen when they are read. Undoing an import is therefore
-- no more than removing its rows. A subject is 'link:ID' or 'post:PERMALINK'.
CREATE TABLE impressions (
    day TEXT NOT NULL,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    import INTEGER NOT NULL REFERENCES imports (id),
    count INTEGER NOT NULL,
    PRIMARY KEY (day, subject, kind, import)
) STRICT, WITHOUT ROWID;
CREATE INDEX impressions_by_import ON impressions (import);
";

/// When a watermark last moved tells whether its journal can still be somewhere; an older file does not say, so its
/// watermarks begin to age now.
const VERSION_2: &str = "
-- Counters that could not be read when something was to be added to them, as they were found.
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    moved_at TEXT NOT NULL,
    link INTEGER NOT NULL,
    day TEXT NOT NULL,
    reason TEXT NOT NULL,
    counts ANY,
    visitors ANY
) STRICT;
ALTER TABLE watermarks ADD COLUMN moved_at TEXT NOT NULL DEFAULT '';
ALTER TABLE archived ADD COLUMN moved_at TEXT NOT NULL DEFAULT '';
UPDATE watermarks SET moved_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now');
UPDATE archived SET moved_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now');
";

/// An import is what a file said, whole; what its numbers mean is found out when they are read. No release has written
/// imports as rows, so those of a file from before are not carried over: they are imported once more.
const VERSION_3: &str = "
DROP TABLE impressions;
DROP TABLE imports;
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    -- JSON.
    about TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
-- A record that is saved gets a new revision; none is given out twice.
CREATE TABLE records (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (kind, key)
) STRICT;
";

/// Links that were imported from another tool say so, and how often they were clicked there.
const VERSION_4: &str = "
ALTER TABLE links ADD COLUMN import INTEGER;
ALTER TABLE links ADD COLUMN imported_from TEXT;
ALTER TABLE links ADD COLUMN imported_clicks INTEGER;
";

/// Links that are out of the way; who made a link.
const VERSION_5: &str = "
ALTER TABLE links ADD COLUMN made_by TEXT;
ALTER TABLE links ADD COLUMN made_way TEXT;
ALTER TABLE links ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
";

/// What pages need of a day, made of its counters: whoever writes those removes it, and so may anybody else.
const VERSION_6: &str = "
CREATE TABLE day_sums (
    day TEXT NOT NULL PRIMARY KEY,
    sum BLOB NOT NULL
) STRICT;
";

/// Rows of counters hold many links from here on. Those that are there stay as they are until something is added to
/// them; an older Waypost must not take the new ones for garbage.
const VERSION_7: &str = "";

/// What rounds added to counters and is not merged into them yet; an older Waypost would not count it.
const VERSION_8: &str = "
-- The key is the digits of the day, then eleven: those of the first of 1,024 links, plus the number of the row.
CREATE TABLE additions (
    key INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
";

/// Brings the file from `version` to [`NEWEST`], one transaction per step, each with the version it reaches.
pub(super) fn migrate(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(version).unwrap_or(0);
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", step as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
