//! The world around a tally that is simulated: a clock, a disk that can lose power, a store that can fail, go back and
//! lose its answers, and visitors. Everything that happens follows from one number.
//!
//! The journal, the tally, the archive and the counting of the embedded store are the real ones, on real files.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Date;

use crate::clock::Clock;
use crate::domain::counter::{Applied, Batch, DayCounters};
use crate::domain::delta::Delta;
use crate::domain::hit::Hit;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::journal::Journal;
use crate::store::simulated::{Backup, Counted};
use crate::store::{Result, StoreError};
use crate::tally::judge::NEAR_MAX;
use crate::tally::recount::{self, RecountError};
use crate::tally::running::{Order, Pace};

/// What is left of a file after a power cut is decided for each of these.
const SECTOR: usize = 512;

/// States of the store that it may go back to.
const BACKUPS: usize = 12;

/// Waits without any fault at the end: the store is asked where it stands every second of these.
const CALM_WAITS: u32 = 16;

/// Noon, and half a minute before midnight, when the clicks of one journal are of two days.
const BEGIN_MS: [i64; 2] = [1_795_262_400_000, 1_795_305_570_000];

/// How the process ended, thrown through it like a kill.
pub(super) enum End {
    Killed,
    PowerCut,
}

/// How a store decides whether to take a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It begins at the watermark: the real one.
    Equal,
    /// It ends after the watermark.
    Newer,
    /// Always.
    Blind,
}

/// xorshift64*: the same world for the same number.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..4).for_each(|_| {
            chance.next();
        });
        chance
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// True this many times in a thousand.
    pub(super) fn per_mille(&mut self, times: u64) -> bool {
        self.below(1000) < times
    }
}

/// Links of every shard, some of which share a place among those that the tally has at hand.
const LINKS: [u64; 7] = [1, 2, 3, 1 + NEAR_MAX as u64, 2 + NEAR_MAX as u64, 3 + NEAR_MAX as u64, 4];

/// A hit that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) incarnation: Incarnation,
    pub(super) position: Position,
    pub(super) time_ms: i64,
    pub(super) link: LinkId,
    /// A power cut may have taken it, and may not have.
    pub(super) at_risk: bool,
}

/// What the last sync of each file confirmed, by its number in the file system.
#[derive(Default)]
pub(super) struct Disk {
    synced: HashMap<u64, Vec<u8>>,
    fails_once: bool,
}

impl Disk {
    fn sync(&mut self, file: &File) -> io::Result<()> {
        if std::mem::take(&mut self.fails_once) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let about = file.metadata()?;
        let mut bytes = vec![0; usize::try_from(about.len()).unwrap_or(0)];
        file.read_exact_at(&mut bytes, 0)?;
        self.synced.insert(about.ino(), bytes);
        Ok(())
    }
}

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) clock: Clock,
    pub(super) folder: PathBuf,
    pub(super) answered: Vec<Answered>,
    pub(super) store: Counted,
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) disk: Arc<Mutex<Disk>>,
    rule: Rule,
    /// Of every incarnation: hits below this are on disk.
    safe: HashMap<Incarnation, Position>,
    backups: VecDeque<Backup>,
    /// Journals are kept for long and the store may go back; else it never does.
    pub(super) keeps: bool,
    /// Hits after which the memory of double taps begins anew.
    pub(super) stretch: u64,
    begun: Instant,
    elapsed: Duration,
    /// Calls of the store that fail from now on.
    away: u64,
    waits_left: u32,
    pub(super) is_last_life: bool,
    calm: Option<u32>,
    /// How judging the past again went, each time.
    pub(super) recounts: Arc<Mutex<Vec<Recounted>>>,
    /// What happened, for whoever plays a world again.
    pub(super) story: Vec<String>,
}

type Recounted = std::result::Result<recount::Report, RecountError>;

/// Shared by the store and the pace of one simulation, which has one thread.
pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    // A simulated kill unwinds through whoever holds it.
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(super) fn new(seed: u64, folder: PathBuf, rule: Rule) -> Self {
        let mut chance = Chance::new(seed);
        let keeps = chance.per_mille(800);
        let stretch = 10 + chance.below(40);
        let begin_ms = BEGIN_MS[chance.below(2) as usize];
        Self {
            chance,
            clock: Clock::fixed(begin_ms),
            folder,
            answered: Vec::new(),
            store: Counted::new(),
            journal: None,
            disk: Arc::default(),
            rule,
            safe: HashMap::new(),
            backups: VecDeque::new(),
            keeps,
            stretch,
            begun: Instant::now(),
            elapsed: Duration::ZERO,
            away: 0,
            waits_left: 0,
            is_last_life: false,
            calm: None,
            recounts: Arc::default(),
            story: Vec::new(),
        }
    }

    /// A process begins; what killed ones left is safe once it works.
    pub(super) fn begin_life(&mut self, journal: Arc<Journal>, is_last: bool) {
        self.journal = Some(journal);
        self.is_last_life = is_last;
        self.waits_left = 4 + self.chance.below(30) as u32;
        self.away = 0;
    }

    pub(super) fn tell(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    fn journal(&self) -> Arc<Journal> {
        self.journal.clone().expect("a process runs")
    }

    pub(super) fn sync(&mut self) {
        let journal = self.journal();
        journal.sync();
        self.tell(format!("synced up to {}", journal.synced()));
        self.safe.insert(journal.incarnation(), journal.synced());
    }

    fn pass(&mut self, time: Duration) {
        self.elapsed += time;
        self.clock.set(self.clock.now_ms() + i64::try_from(time.as_millis()).unwrap_or(0));
    }

    /// Something happens while the tally waits.
    fn step(&mut self) -> Option<Order> {
        let journal = self.journal();
        if let Some(left) = self.calm {
            journal.keep();
            self.sync();
            self.calm = left.checked_sub(1);
            return self.calm.is_none().then_some(Order::Stop);
        }
        // Whatever earlier processes left was put on the disk before this one began to work.
        for hit in self.answered.iter().filter(|hit| hit.incarnation != journal.incarnation()) {
            let safe = self.safe.entry(hit.incarnation).or_default();
            *safe = (*safe).max(hit.position.next());
        }
        (0..self.chance.below(7)).for_each(|_| self.answer(&journal));
        if self.chance.per_mille(400) {
            journal.keep();
        }
        if self.chance.per_mille(40) {
            // Only with a fresh file at hand; without one the journal waits for the keeper.
            journal.keep();
            lock_disk(&self.disk).fails_once = true;
            self.tell("a sync fails");
            self.sync();
        }
        if self.chance.per_mille(600) {
            self.sync();
        }
        if self.chance.per_mille(40) {
            let hours = self.chance.below(5) as i64 - 2;
            self.clock.set(self.clock.now_ms() + hours * 3_600_000);
        }
        if self.chance.per_mille(50) {
            self.go_back();
        }
        self.may_end(25);
        self.waits_left = self.waits_left.saturating_sub(1);
        if self.waits_left == 0 {
            return self.end_of_life();
        }
        if self.chance.per_mille(30) {
            return Some(self.recount());
        }
        self.chance.per_mille(10).then_some(Order::Stop).filter(|_| !self.is_last_life)
    }

    /// Somebody wants the past judged again, by the same rules: nothing may change by it.
    fn recount(&mut self) -> Order {
        let now = jiff::Timestamp::from_millisecond(self.clock.now_ms()).expect("a simulation ends within days");
        let days_back = i64::try_from(self.chance.below(2)).expect("it is 0 or 1");
        let since = now.to_zoned(jiff::tz::TimeZone::UTC).date().saturating_sub(jiff::Span::new().days(days_back));
        let dry_run = self.chance.per_mille(200);
        self.tell(format!("everything since {since} shall be judged again"));
        let recounts = self.recounts.clone();
        let done = move |done| recounts.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        Order::Recount(recount::Request { since, dry_run, done: Box::new(done) })
    }

    fn end_of_life(&mut self) -> Option<Order> {
        if self.is_last_life {
            // One that nobody tells of: no click follows it.
            if self.chance.per_mille(500) {
                self.go_back();
            }
            self.away = 0;
            self.calm = Some(CALM_WAITS);
            return None;
        }
        if self.chance.per_mille(500) {
            return Some(Order::Stop);
        }
        self.may_end(1000);
        None
    }

    /// A visitor is answered, if the journal takes the hit.
    fn answer(&mut self, journal: &Journal) {
        let time_ms = self.clock.now_ms() + self.chance.below(400) as i64;
        let link = LinkId(LINKS[self.chance.below(LINKS.len() as u64) as usize]);
        let mut hit = Hit::new(link, time_ms);
        hit.address = std::net::IpAddr::from([11, 0, self.chance.below(4) as u8, 1]);
        hit.user_agent = ["Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "curl/8.5.0", ""]
            [self.chance.below(3) as usize];
        hit.accept_language = "en";
        if let Ok(position) = journal.append(&hit) {
            let incarnation = journal.incarnation();
            self.tell(format!("answered {position}"));
            self.answered.push(Answered { incarnation, position, time_ms, link, at_risk: false });
        }
    }

    /// The store is what it was a while ago, as after a failover.
    fn go_back(&mut self) {
        if self.keeps && !self.backups.is_empty() {
            let number = self.chance.below(self.backups.len() as u64) as usize;
            self.tell(format!("the store goes back by {number}"));
            let backup = self.backups[number].clone();
            self.store.restore(&backup);
            // What came after it has never been.
            self.backups.drain(..number);
        }
    }

    /// Not while it waits, but between two questions.
    pub(super) fn go_back_at_times(&mut self) {
        if self.calm.is_none() && self.chance.per_mille(100) {
            self.go_back();
        }
    }

    /// The process may end here and now, so many times in a thousand.
    fn may_end(&mut self, per_mille: u64) {
        if self.calm.is_none() && !self.is_last_life && self.chance.per_mille(per_mille) {
            let end = if self.chance.per_mille(500) { End::Killed } else { End::PowerCut };
            std::panic::resume_unwind(Box::new(end));
        }
    }

    /// Of every file in the journal's folder each sector is as it was written last or as it was synced last.
    pub(super) fn cut_power(&mut self) {
        self.tell("power cut");
        for hit in &mut self.answered {
            let safe = self.safe.get(&hit.incarnation).copied().unwrap_or_default();
            hit.at_risk = hit.at_risk || hit.position >= safe;
        }
        let disk = self.disk.clone();
        let mut disk = lock_disk(&disk);
        disk.fails_once = false;
        let Ok(entries) = std::fs::read_dir(self.folder.join("journal")) else { return };
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
        paths.sort();
        for path in paths {
            let file = File::options().read(true).write(true).open(&path).unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            let synced = disk.synced.entry(file.metadata().unwrap().ino()).or_default();
            // A file is made of zeroes that are on disk before it is used, and never grows.
            synced.resize(bytes.len(), 0);
            for (now, then) in bytes.chunks_mut(SECTOR).zip(synced.chunks(SECTOR)) {
                if now != then && self.chance.per_mille(600) {
                    now.copy_from_slice(then);
                }
            }
            file.write_all_at(&bytes, 0).unwrap();
            *synced = bytes;
        }
        drop(disk);
        // What was counted last may be gone, too: the store syncs later than it answers.
        self.go_back();
    }

    /// What can happen before a call reaches the store.
    pub(super) fn before(&mut self) -> Result<()> {
        self.may_end(8);
        if self.calm.is_none() && self.away == 0 && self.chance.per_mille(20) {
            self.away = 1 + self.chance.below(6);
        }
        if self.away > 0 && self.calm.is_none() {
            self.away -= 1;
            return Err(StoreError::Unavailable("away".to_owned()));
        }
        Ok(())
    }

    /// What can happen to its answer.
    pub(super) fn after<T>(&mut self, answer: T) -> Result<T> {
        self.may_end(8);
        if self.calm.is_none() && self.chance.per_mille(30) {
            return Err(StoreError::Unavailable("no answer in time".to_owned()));
        }
        Ok(answer)
    }

    pub(super) fn apply(&mut self, batch: &Batch) -> Applied {
        let watermark = self.store.watermark(batch.incarnation, batch.shard);
        let is_taken = match self.rule {
            Rule::Equal => false,
            Rule::Newer => batch.to > watermark,
            Rule::Blind => true,
        };
        if is_taken {
            self.store.pretend(batch.incarnation, batch.shard, batch.from);
        }
        let applied = self.store.apply(batch);
        let hits: u64 = batch.deltas.iter().map(|delta| delta.to_owned().counters.hits()).sum();
        let (shard, from, to) = (batch.shard.0, batch.from, batch.to);
        self.tell(format!(
            "shard {shard} of {:.4}: {from} to {to}, {hits} hits: {applied:?}",
            batch.incarnation.to_string()
        ));
        self.keep_backup();
        applied
    }

    pub(super) fn replace_day(&mut self, day: Date, counted: &[DayCounters], deltas: &[Delta]) -> bool {
        let hits = counted.iter().map(|day| day.counters.hits()).sum();
        let is_replaced = self.store.replace_day(day, hits, deltas);
        self.tell(format!("{day} counted anew: {is_replaced}"));
        self.keep_backup();
        is_replaced
    }

    fn keep_backup(&mut self) {
        self.backups.push_front(self.store.backup());
        self.backups.truncate(BACKUPS);
    }
}

pub(super) fn lock_disk(disk: &Arc<Mutex<Disk>>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

type SyncFile = Box<dyn Fn(&File) -> io::Result<()> + Send + Sync>;

/// What the journal of a simulation syncs its files with.
pub(super) fn syncing(disk: &Arc<Mutex<Disk>>) -> SyncFile {
    let disk = disk.clone();
    Box::new(move |file| lock_disk(&disk).sync(file))
}

/// Time that passes when the tally waits, and only then.
pub(super) struct Simulated(pub(super) Shared);

impl Pace for Simulated {
    fn now(&self) -> Instant {
        let world = lock(&self.0);
        world.begun + world.elapsed
    }

    fn sleep(&mut self, pause: Duration) {
        let mut world = lock(&self.0);
        world.pass(pause);
        world.may_end(8);
    }

    fn wait(&mut self, pause: Duration) -> Option<Order> {
        let mut world = lock(&self.0);
        world.pass(pause);
        if pause.is_zero() { None } else { world.step() }
    }
}
