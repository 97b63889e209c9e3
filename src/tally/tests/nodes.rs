//! Two nodes on one store and one archive: one judges the past again, and at a moment that is named the other goes on
//! counting, or the store goes back and the other counts again (`docs/adr/005-object-store.md`).
//!
//! The order is forced: what happens meanwhile happens inside a question that the first one asks.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::*;
use crate::clock::Clock;
use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::delta::Delta;
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::position::{Position, Shard};
use crate::domain::utm::Utm;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::{Salt, Visitor};
use crate::links::fake_store::FakeStore;
use crate::store::simulated::{Backup, Counted};
use crate::store::{CountStore, Result};
use crate::tally::recount::{self, Report};

const DAY: Date = jiff::civil::date(2026, 11, 21);
/// Noon of it.
const NOON: i64 = 1_795_262_400_000;
const OTHERS: Incarnation = Incarnation(0xabc);

/// When something happens while the past is judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It was just said up to where files are finished.
    Settled,
    /// A file is about to be read.
    BeforeReading,
    /// Files are written and were just added up.
    BeforeCounting,
    /// The counters of the day were just read.
    Counted,
    /// The day is about to be replaced.
    BeforeReplacing,
}

const MOMENTS: [Moment; 5] =
    [Moment::Settled, Moment::BeforeReading, Moment::BeforeCounting, Moment::Counted, Moment::BeforeReplacing];

type Act = Box<dyn FnOnce(&mut Counted) + Send>;

/// The store that both share, and what happens at a moment.
struct Meeting {
    store: Mutex<Counted>,
    act: Mutex<Option<(Moment, Act)>>,
}

impl Meeting {
    fn store(&self) -> MutexGuard<'_, Counted> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn comes(&self, moment: Moment) {
        let due = self.act.lock().unwrap().take_if(|(when, _)| *when == moment);
        if let Some((_, act)) = due {
            act(&mut self.store());
        }
    }
}

#[async_trait]
impl CountStore for Meeting {
    fn shards(&self) -> u16 {
        1
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied> {
        Ok(self.store().apply(batch))
    }

    async fn watermark(&self, incarnation: Incarnation, shard: Shard) -> Result<Position> {
        Ok(self.store().watermark(incarnation, shard))
    }

    async fn archived(&self, incarnation: Incarnation) -> Result<Position> {
        let archived = self.store().archived(incarnation);
        self.comes(Moment::Settled);
        Ok(archived)
    }

    async fn set_archived(&self, incarnation: Incarnation, to: Position) -> Result<()> {
        self.store().set_archived(incarnation, to);
        Ok(())
    }

    async fn counters_of(
        &self,
        _of: Dimensions,
        _links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>> {
        self.comes(Moment::BeforeCounting);
        let counters = self.store().counters(first, last);
        self.comes(Moment::Counted);
        Ok(counters)
    }

    async fn replace_day(&self, day: Date, counted: &[DayCounters], deltas: &[Delta]) -> Result<bool> {
        self.comes(Moment::BeforeReplacing);
        let hits = counted.iter().map(|day| day.counters.hits()).sum();
        Ok(self.store().replace_day(day, hits, deltas))
    }

    async fn add_misses(&self, _day: Date, _misses: &[(String, String, u64)]) -> Result<()> {
        Ok(())
    }

    async fn misses(&self, _first: Date, _last: Date) -> Result<Vec<(Date, String, String, u64)>> {
        Ok(Vec::new())
    }

    async fn salt(&self, _day: Date) -> Result<Salt> {
        Ok(Salt([0; 32]))
    }
}

/// Clicks that old rules took for a bot's; those of now know better.
fn clicks(range: std::ops::Range<u64>) -> Vec<Click> {
    let (domain, slug, utm) = (String::new(), "a".to_owned(), Utm::default());
    let link = Arc::new(LinkFacts { id: LinkId(1), domain, slug, utm, platform: None, level: Level::Post });
    let mut ids = ClickIds::new(OTHERS);
    let mut click = |at: u64| {
        let mut click = Click::blank(Arc::clone(&link), Visitor(at));
        click.time_ms = NOON + at.cast_signed();
        click.id = ids.of(click.time_ms, Position(at));
        Arc::make_mut(click.look.to_mut()).user_agent =
            "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".into();
        (click.verdict, click.reason) = (Verdict::Bot, Cow::Owned("user-agent:old".into()));
        click
    };
    range.map(&mut click).collect()
}

/// The node that counts: a batch, its click file, and word to the store of it.
fn counts(store: &mut Counted, archive: &Archive, range: std::ops::Range<u64>) {
    let (from, to) = (Position(range.start), Position(range.end));
    let (mut sum, mut gathered) = (DaySum::new(TimeZone::UTC), crate::archive::Gathered::default());
    for click in clicks(range) {
        sum.add(click.clone());
        gathered.add(&click);
    }
    let batch = Batch { incarnation: OTHERS, shard: Shard(0), from, to, deltas: sum.finish().into() };
    assert_eq!(store.apply(&batch), Applied::Yes);
    archive.push(gathered);
    archive.seal(OTHERS, from).unwrap();
    store.set_archived(OTHERS, to);
}

/// The store forgets the node, which counts all again, and writes one file where there were to be two.
fn goes_back(store: &mut Counted, empty: &Backup, archive: &Archive) {
    store.restore(empty);
    archive.discard(OTHERS, Position::START).unwrap();
    counts(store, archive, 0..20);
}

/// The node that is asked to judge the past again.
struct Asker {
    tools: Tools,
    meeting: Arc<Meeting>,
    _folder: tempfile::TempDir,
}

impl Asker {
    fn new(archive: Archive, meeting: Arc<Meeting>) -> Self {
        let (parts, folder) = (parts(), tempfile::tempdir().unwrap());
        let (config, clock) = (parts.config.clone(), Clock::fixed(NOON));
        let shared = FakeStore::default();
        shared.is_shared.store(true, Ordering::Relaxed);
        let nowhere = ([127, 0, 0, 1], 1).into();
        let domains = Arc::new(Domains::new(&[], nowhere, nowhere).unwrap());
        let sync = syncing(&Arc::default());
        let own = Incarnation(1);
        let journal = Journal::unattended(folder.path(), &config.journal, &clock, own, SEGMENT_BYTES, sync).unwrap();
        let tools = Tools {
            memory: Judging { double_tap_ms: config.classify.duplicate_ms, stretch: 16 },
            config: config.tally,
            zone: TimeZone::UTC,
            folder: folder.path().to_owned(),
            journal: Arc::new(journal),
            cache: Arc::new(Cache::new(Arc::new(shared), domains, &config.links)),
            store: meeting.clone(),
            archive: Arc::new(archive),
            classifier: parts.classifier.clone(),
            geo: Arc::new(Geo::new(Vec::new())),
            misses: Arc::default(),
            accounts: Arc::default(),
            classify: config.classify,
            clock,
        };
        Self { tools, meeting, _folder: folder }
    }

    fn judges_again(&mut self) -> Report {
        let request = recount::Request { since: DAY, dry_run: false, done: Box::new(drop) };
        let meeting = self.meeting.clone();
        let is_stopping = || {
            meeting.comes(Moment::BeforeReading);
            false
        };
        recount::run(&mut self.tools, &parts().runtime, &request, is_stopping).unwrap()
    }

    /// The clicks of the click files, and what the counters say otherwise.
    fn finds(&self) -> (Vec<Click>, Vec<verify::Difference>) {
        let (mut clicks, mut sum) = (Vec::new(), DaySum::new(TimeZone::UTC));
        self.tools.archive.clicks(ClickQuery::default(), |click| clicks.push(click)).unwrap();
        clicks.iter().for_each(|click| sum.add(click.clone()));
        let differences = verify::compare(&self.meeting.store().counters(DAY, DAY), &sum.finish());
        (clicks, differences)
    }

    fn hits(&self) -> u64 {
        self.meeting.store().counters(DAY, DAY).iter().map(|day| day.counters.hits()).sum()
    }
}

/// Two nodes that write into one folder, and a store that knows of nothing yet.
fn two_nodes(folder: &tempfile::TempDir) -> (Archive, Asker, Backup) {
    let open = || Archive::open(&parts().config.archive, folder.path(), parts().runtime.handle()).unwrap();
    let store = Counted::new();
    let empty = store.backup();
    let meeting = Arc::new(Meeting { store: Mutex::new(store), act: Mutex::new(None) });
    (open(), Asker::new(open(), meeting), empty)
}

/// What happens at each moment must cost no hit; and once it is calm again, judging again reaches every click.
fn whenever(act: impl Fn(Archive, Backup) -> Act) {
    for moment in MOMENTS {
        let folder = tempfile::tempdir().unwrap();
        let (counting, mut asker, empty) = two_nodes(&folder);
        counts(&mut asker.meeting.store(), &counting, 0..10);
        *asker.meeting.act.lock().unwrap() = Some((moment, act(counting, empty)));
        let report = asker.judges_again();
        assert!(asker.meeting.act.lock().unwrap().is_none(), "{moment:?} came");
        assert_eq!(asker.hits(), 20, "{moment:?}: counters");
        let (clicks, differences) = asker.finds();
        assert_eq!(clicks.iter().map(|click| click.id).collect::<HashSet<_>>().len(), 20, "{moment:?}: click files");
        assert_eq!(clicks.len(), 20, "{moment:?}: click files");
        assert!(differences.is_empty() || report.days_kept == [DAY.to_string()], "{moment:?}: {differences:?}");
        let calm = asker.judges_again();
        assert_eq!((calm.hits, calm.files_left_out, calm.days_kept.len()), (20, 0, 0), "{moment:?}");
        let (clicks, differences) = asker.finds();
        assert!(clicks.iter().all(|click| click.verdict == Verdict::Human), "{moment:?}");
        assert_eq!((clicks.len(), asker.hits(), differences), (20, 20, Vec::new()), "{moment:?}");
    }
}

#[test]
fn another_node_that_delivers_while_the_past_is_judged_again_loses_nothing() {
    whenever(|counting, _| Box::new(move |store| counts(store, &counting, 10..20)));
}

#[test]
fn a_store_that_goes_back_while_the_past_is_judged_again_costs_nothing() {
    whenever(|counting, empty| Box::new(move |store| goes_back(store, &empty, &counting)));
}

#[test]
fn a_file_that_its_node_may_write_anew_is_left_alone_until_the_store_knows_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (counting, mut asker, _) = two_nodes(&folder);
    counts(&mut asker.meeting.store(), &counting, 0..10);
    // It was killed before it could tell.
    asker.meeting.store().set_archived(OTHERS, Position::START);
    let report = asker.judges_again();
    assert_eq!((report.hits, report.files, report.files_left_out), (0, 0, 1));
    assert!(asker.finds().0.iter().all(|click| click.verdict == Verdict::Bot));
    asker.meeting.store().set_archived(OTHERS, Position(10));
    let report = asker.judges_again();
    assert_eq!((report.hits, report.changed, report.files_left_out), (10, 10, 0));
    assert_eq!(asker.finds().1, Vec::new());
}
