//! The demo's three weeks: which hits arrive when, and what the platforms report. Pure; the same day, the same plan.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::agents::{self, Agent, Arrival};
use super::chance::Chance;
pub(crate) use super::links::DemoLink;
use super::links::{LINKS, Shown};
use super::places::{self, TOWNS};
use crate::domain::hit::{Hit, Method};
use crate::domain::link::LinkId;

/// Today and the twenty days before it.
const DAYS: i64 = 21;
const SEED: u64 = 0x5741_5950_4f53_5421;
const HOUR_MS: i64 = 3_600_000;
/// More hits than this the demo never plans.
pub(crate) const HITS_MAX: usize = 50_000;

/// One request of the demo, everything about it known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoHit {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) time_ms: i64,
    /// Which of [`Plan::links`].
    pub(crate) link: usize,
    method: Method,
    address: IpAddr,
    user_agent: &'static str,
    requested_with: &'static str,
    hints: [&'static str; 3],
    referrer: &'static str,
    language: &'static str,
    purpose: &'static str,
    query: String,
}

impl DemoHit {
    /// The hit as the redirect plane would have seen it, on the link the demo's link became.
    pub(crate) fn hit(&self, link: LinkId) -> Hit<'_> {
        let [brands, mobile, platform] = self.hints;
        Hit {
            method: self.method,
            address: self.address,
            query: &self.query,
            user_agent: self.user_agent,
            referrer: self.referrer,
            accept_language: self.language,
            purpose: self.purpose,
            brands,
            mobile,
            platform,
            requested_with: self.requested_with,
            ..Hit::new(link, self.time_ms)
        }
    }
}

/// What a platform saw of a link on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) shown: u64,
    pub(super) taps: u64,
}

/// Everything the demo makes.
pub(crate) struct Plan {
    pub(crate) links: &'static [DemoLink],
    /// When each link was made: just before it was posted.
    pub(crate) made_at: Vec<Timestamp>,
    /// In order of time, none later than the moment the plan was made for.
    pub(crate) hits: Vec<DemoHit>,
    /// Until when the impressions hold: the beginning of today, UTC.
    pub(crate) as_of: Timestamp,
    /// What platforms saw before today, by link and day.
    pub(super) seen: BTreeMap<(usize, Date), Seen>,
}

impl Plan {
    /// The three weeks that end at `now`.
    pub(crate) fn new(now: Timestamp) -> Self {
        let today = now.to_zoned(TimeZone::UTC).date();
        let weeks = Weeks { first: today.saturating_sub((DAYS - 1).days()), today, now_ms: now.as_millisecond() };
        let mut plan = Self {
            links: &LINKS,
            made_at: Vec::new(),
            hits: Vec::new(),
            as_of: midnight(today),
            seen: BTreeMap::new(),
        };
        for (index, link) in LINKS.iter().enumerate() {
            plan.made_at.push(weeks.instant(weeks.published_h(link) * HOUR_MS - HOUR_MS / 2));
            Author { index, link, weeks: &weeks, chance: Chance::new(SEED + index as u64), regulars: Vec::new() }
                .write(&mut plan);
        }
        plan.hits.retain(|hit| hit.time_ms < weeks.now_ms);
        plan.hits.sort_by_key(|hit| (hit.time_ms, hit.link));
        plan.hits.truncate(HITS_MAX);
        plan
    }
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

/// The days of the demo, in hours since the first one began.
struct Weeks {
    first: Date,
    today: Date,
    now_ms: i64,
}

impl Weeks {
    fn instant(&self, offset_ms: i64) -> Timestamp {
        Timestamp::from_millisecond(self.time_ms(offset_ms)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn time_ms(&self, offset_ms: i64) -> i64 {
        midnight(self.first).as_millisecond() + offset_ms
    }

    fn published_h(&self, link: &DemoLink) -> i64 {
        link.published.day * 24 + link.published.hour
    }

    fn day(&self, hour: i64) -> Date {
        self.first.saturating_add((hour / 24).days())
    }

    /// How busy an hour is: nights are quiet, evenings are not, weekends depend on the trade; this one sells coffee.
    fn rhythm(&self, hour: i64) -> f64 {
        const BY_HOUR: [f64; 24] = [
            0.35, 0.2, 0.15, 0.1, 0.15, 0.35, 0.75, 1.1, 1.2, 1.1, 1.05, 1.2, 1.3, 1.1, 1.0, 1.05, 1.2, 1.4, 1.6, 1.8,
            1.8, 1.55, 1.1, 0.65,
        ];
        let weekend = self.day(hour).weekday().to_monday_zero_offset() >= 5;
        BY_HOUR[hour.rem_euclid(24) as usize] * if weekend { 1.2 } else { 0.95 }
    }
}

/// Writes what happens to one link.
struct Author<'a> {
    index: usize,
    link: &'static DemoLink,
    weeks: &'a Weeks,
    chance: Chance,
    /// People of this day, some of whom come back.
    regulars: Vec<DemoHit>,
}

/// One in this many clicks is somebody who was there before that day.
const COMES_BACK: f64 = 0.12;
const TAPS_TWICE: f64 = 0.025;
const IS_PREFETCHED: f64 = 0.06;

impl Author<'_> {
    fn write(mut self, plan: &mut Plan) {
        let published = self.weeks.published_h(self.link);
        self.arrive_robots_of_the_platform(published, plan);
        let mut liking = 1.0;
        for hour in published..DAYS * 24 {
            if hour == published || hour % 24 == 0 {
                liking = self.chance.around_one(0.15);
                self.regulars.clear();
                self.arrive_crawlers(hour, plan);
            }
            let (seen, clicks) = self.expected(hour, published);
            let seen = (seen * liking).round() as u64;
            let day = self.weeks.day(hour);
            if seen > 0 && day < self.weeks.today {
                self.seen(day, plan).shown += seen;
            }
            for _ in 0..self.chance.poisson(clicks * liking) {
                self.arrive_person(hour, plan);
            }
        }
    }

    /// How often the link is seen in an hour, and how many clicks that should bring.
    fn expected(&self, hour: i64, published: i64) -> (f64, f64) {
        let rhythm = self.weeks.rhythm(hour);
        let faded = |half_life_h: f64| {
            let age = (hour - published) as f64;
            (-age / half_life_h).exp2() - (-(age + 1.0) / half_life_h).exp2()
        };
        match self.link.shown {
            Shown::Steady { per_day, .. } => {
                let seen = per_day / 24.0 * rhythm;
                (seen, seen * self.link.rate)
            }
            Shown::Fading { gone_h, .. } if hour - published >= gone_h => (0.0, 0.0),
            Shown::Fading { total, half_life_h, .. } => {
                let seen = total * faded(half_life_h) * rhythm;
                (seen, seen * self.link.rate)
            }
            Shown::Mailed { delivered } => {
                let seen = if hour == published { delivered as f64 } else { 0.0 };
                (seen, delivered as f64 * self.link.rate * faded(READ_HALF_LIFE_H) * rhythm)
            }
            Shown::Uncounted { per_day } => (0.0, per_day / 24.0 * rhythm),
        }
    }

    fn time_in(&mut self, hour: i64) -> i64 {
        self.weeks.time_ms(hour * HOUR_MS) + self.chance.below(HOUR_MS as u64) as i64
    }

    fn arrive_person(&mut self, hour: i64, plan: &mut Plan) {
        let time_ms = self.time_in(hour);
        let comes_back = !self.regulars.is_empty() && self.chance.happens(COMES_BACK);
        let hit = if comes_back {
            let known = self.chance.below(self.regulars.len() as u64) as usize;
            DemoHit { time_ms, ..self.regulars[known].clone() }
        } else {
            self.stranger(time_ms)
        };
        self.regulars.push(hit.clone());
        if std::ptr::eq(hit.user_agent, agents::CHROME_WINDOWS.user_agent) && self.chance.happens(IS_PREFETCHED) {
            plan.hits.push(DemoHit { time_ms: hit.time_ms - 1500, purpose: "prefetch", ..hit.clone() });
        }
        if self.chance.happens(TAPS_TWICE) {
            let later = 250 + self.chance.below(1500) as i64;
            plan.hits.push(DemoHit { time_ms: hit.time_ms + later, ..hit.clone() });
        }
        let day = self.weeks.day(hour);
        if day < self.weeks.today {
            self.seen(day, plan).taps += 1;
        }
        plan.hits.push(hit);
    }

    fn seen<'p>(&self, day: Date, plan: &'p mut Plan) -> &'p mut Seen {
        plan.seen.entry((self.index, day)).or_default()
    }

    fn stranger(&mut self, time_ms: i64) -> DemoHit {
        let arrival: &Arrival = self.chance.pick(self.link.people, |arrival| arrival.weight);
        let town = self.chance.pick(&TOWNS, |town| town.weight);
        let town_index = TOWNS.iter().position(|other| std::ptr::eq(other, town)).unwrap_or(0);
        let address = if self.chance.happens(0.12) {
            places::office(town_index, self.chance.below(14) as u8)
        } else {
            places::household(town_index, self.chance.below(1 << 16) as u16, 1 + self.chance.below(9) as u16)
        };
        DemoHit {
            address,
            language: town.language,
            referrer: arrival.referrer,
            query: self.click_id(arrival.agent),
            ..self.hit_of(arrival.agent, time_ms)
        }
    }

    fn hit_of(&self, agent: &'static Agent, time_ms: i64) -> DemoHit {
        DemoHit {
            requested_with: agent.requested_with,
            hints: agent.hints,
            ..self.robot(agent.user_agent, time_ms, places::computing_centre(1))
        }
    }

    /// Meta's apps and its ads add a click id to every link they open.
    fn click_id(&mut self, agent: &'static Agent) -> String {
        let is_meta = agent.user_agent.contains("Instagram") || agent.user_agent.contains("FB");
        if is_meta { format!("fbclid=IwZXh0bg{:016x}", self.chance.next()) } else { String::new() }
    }

    fn robot(&self, user_agent: &'static str, time_ms: i64, address: IpAddr) -> DemoHit {
        DemoHit {
            time_ms,
            link: self.index,
            method: Method::Get,
            address,
            user_agent,
            requested_with: "",
            hints: [""; 3],
            referrer: "",
            language: "",
            purpose: "",
            query: String::new(),
        }
    }

    /// The platform draws its preview card within a minute; mail gateways look at every link of a mailing.
    fn arrive_robots_of_the_platform(&mut self, published: i64, plan: &mut Plan) {
        let start = self.weeks.time_ms(published * HOUR_MS);
        if !self.link.robot.is_empty() {
            for _ in 0..2 + self.chance.below(4) {
                let (time_ms, machine) = (start + self.chance.below(60_000) as i64, self.chance.below(256) as u8);
                plan.hits.push(self.robot(self.link.robot, time_ms, places::computing_centre(machine)));
            }
        }
        if matches!(self.link.shown, Shown::Mailed { .. }) {
            for _ in 0..40 + self.chance.below(30) {
                let (time_ms, machine) = (start + self.chance.below(90_000) as i64, self.chance.below(256) as u8);
                let address = places::computing_centre(machine);
                let look = self.robot(agents::EDGE_WINDOWS.user_agent, time_ms, address);
                plan.hits.push(DemoHit { method: Method::Head, ..look });
            }
        }
    }

    /// The robots of a day: previews where the link was shared on, and crawlers.
    fn arrive_crawlers(&mut self, hour: i64, plan: &mut Plan) {
        for (robots, per_day) in [(&agents::PREVIEWS, 1.4), (&agents::CRAWLERS, 0.9)] {
            for _ in 0..self.chance.poisson(per_day) {
                let later = self.chance.below(24) as i64;
                let (time_ms, machine) = (self.time_in(hour + later), self.chance.below(256) as u8);
                let robot = robots[self.chance.below(robots.len() as u64) as usize];
                plan.hits.push(self.robot(robot, time_ms, places::computing_centre(machine)));
            }
        }
    }
}

/// Half of a mailing's clicks come within this many hours.
const READ_HALF_LIFE_H: f64 = 8.0;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T15:20:00Z".parse().unwrap()
    }

    fn is_person(hit: &DemoHit) -> bool {
        hit.method == Method::Get && hit.purpose.is_empty() && !hit.language.is_empty()
    }

    #[test]
    fn the_same_day_gives_the_same_plan() {
        let (one, two) = (Plan::new(now()), Plan::new(now()));
        assert_eq!(one.hits, two.hits);
        assert_eq!(one.seen, two.seen);
    }

    #[test]
    fn hits_are_in_order_after_their_link_was_made_and_not_in_the_future() {
        let plan = Plan::new(now());
        assert!(plan.hits.is_sorted_by_key(|hit| hit.time_ms));
        for hit in &plan.hits {
            assert!(hit.time_ms > plan.made_at[hit.link].as_millisecond(), "{hit:?}");
            assert!(hit.time_ms < now().as_millisecond());
        }
    }

    #[test]
    fn there_is_enough_to_look_at_and_not_too_much_to_wait_for() {
        let plan = Plan::new(now());
        let people = plan.hits.iter().filter(|hit| is_person(hit)).count();
        assert!((2500..8000).contains(&people), "{people} people");
        assert!(plan.hits.len() - people > 300, "{} robots", plan.hits.len() - people);
        assert!(plan.hits.len() < HITS_MAX / 2);
        let agents: HashSet<_> = plan.hits.iter().map(|hit| hit.user_agent).collect();
        assert!(agents.len() >= 25, "{} user agents", agents.len());
    }

    #[test]
    fn every_counted_link_has_a_rate_between_a_third_and_four_per_cent() {
        let plan = Plan::new(now());
        for (index, link) in plan.links.iter().enumerate().filter(|(_, link)| link.shown.kind().is_some()) {
            let seen: u64 = plan.seen.iter().filter(|((of, _), _)| *of == index).map(|(_, seen)| seen.shown).sum();
            let until = plan.as_of.as_millisecond();
            let people = plan.hits.iter().filter(|hit| hit.link == index && is_person(hit) && hit.time_ms < until);
            let rate = people.count() as f64 / seen as f64;
            assert!((0.003..0.04).contains(&rate), "{}: {rate} of {seen}", link.slug);
        }
    }

    #[test]
    fn a_weekend_is_busier_than_the_days_before_it() {
        let weeks = Weeks { first: "2026-11-01".parse().unwrap(), today: "2026-11-21".parse().unwrap(), now_ms: 0 };
        assert!(weeks.rhythm(13 * 24 + 12) > weeks.rhythm(12 * 24 + 12));
        assert!(weeks.rhythm(3) < weeks.rhythm(19));
    }

    #[test]
    fn a_planned_hit_carries_everything_a_request_would() {
        let plan = Plan::new(now());
        let android = plan.hits.iter().find(|hit| hit.requested_with == "com.instagram.android").unwrap();
        let hit = android.hit(LinkId(4));
        assert_eq!((hit.link, hit.time_ms, hit.platform), (LinkId(4), android.time_ms, "\"Android\""));
        assert!(hit.query.starts_with("fbclid="));
    }
}
