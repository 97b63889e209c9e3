//! What the texts of a hit show, read once and remembered: the agent, the referrer, the language.
//!
//! Pure: the memory changes what reading costs, never what it says. It must never read the address, the query or the
//! link, which differ from click to click.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::hash_map::EntryRef;
use hashbrown::{Equivalent, HashMap};

use crate::domain::click::Look;
use crate::domain::hit::{Hit, HitOf};

use super::agent::{Agent, Agents};
use super::language;
use super::referrer::Referrer;

/// The most looks remembered; beyond it the memory starts anew. One takes about 2 KiB at the most.
const REMEMBERED_MAX: usize = 8192;

/// Everything that the texts of a hit tell.
pub(super) struct Shown {
    /// Nothing else that was ever shown to the same memory has it.
    pub(super) number: u64,
    pub(super) agent: Agent,
    pub(super) referrer: Referrer,
    pub(super) look: Arc<Look>,
}

/// What hits showed lately.
#[derive(Default)]
pub(super) struct Looks {
    // The hasher draws random keys at every start, so that no stranger can choose texts that collide.
    remembered: HashMap<Seen, Shown>,
    next: u64,
}

impl Looks {
    /// What a hit shows, from memory if the same texts were read before.
    pub(super) fn read<T: AsRef<[u8]>>(&mut self, agents: &Agents, hit: &HitOf<T>) -> &Shown {
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        let texts = Texts::of(hit);
        match self.remembered.entry_ref(&texts) {
            EntryRef::Occupied(known) => known.into_mut(),
            EntryRef::Vacant(new) => {
                self.next += 1;
                new.insert_with_key(Seen::from(&texts), interpret(self.next, &hit.text(), agents))
            }
        }
    }
}

fn interpret(number: u64, hit: &Hit<'_>, agents: &Agents) -> Shown {
    let agent = agents.read(hit);
    let referrer = Referrer::parse(hit.referrer);
    let sent = Look {
        referrer_host: referrer.host.clone(),
        referrer_path: referrer.path.clone(),
        language: language::first(hit.accept_language),
        user_agent: CompactString::from(hit.user_agent),
        purpose: CompactString::from(hit.purpose),
        hints: agent.hints.clone(),
        ..Look::default()
    };
    Shown { number, look: Arc::new(with_agent(sent, &agent)), agent, referrer }
}

/// A look that was kept, with its agent read anew; the same one if that changes nothing.
pub(super) fn again<'a>(kept: &'a Arc<Look>, agent: &Agent) -> Cow<'a, Arc<Look>> {
    let read = with_agent(Look::clone(kept), agent);
    if read == **kept { Cow::Borrowed(kept) } else { Cow::Owned(Arc::new(read)) }
}

fn with_agent(look: Look, agent: &Agent) -> Look {
    Look { app: agent.app.clone(), device: agent.device, os: agent.os.clone(), browser: agent.browser.clone(), ..look }
}

const TEXTS: usize = 9;

/// The texts a look is read from, as they were sent: what is remembered was found to be text, or not, when it was new.
struct Texts<'a>([&'a [u8]; TEXTS]);

impl<'a> Texts<'a> {
    fn of<T: AsRef<[u8]>>(hit: &'a HitOf<T>) -> Self {
        // The query differs from hit to hit.
        let [_, texts @ ..] = hit.texts();
        Self(texts.map(T::as_ref))
    }
}

impl Hash for Texts<'_> {
    /// Most hits have three of the nine texts; where those end tells the rest.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ends = self.0.iter().fold(0_u64, |ends, text| ends.wrapping_mul(1031).wrapping_add(text.len() as u64));
        state.write_u64(ends);
        self.0.iter().filter(|text| !text.is_empty()).for_each(|text| state.write(text));
    }
}

/// The texts a look was read from: end to end, with the length of each. It hashes like the [`Texts`] it was made of.
#[derive(PartialEq, Eq)]
struct Seen {
    sent: Box<[u8]>,
    lengths: [usize; TEXTS],
}

impl Seen {
    fn texts(&self) -> Texts<'_> {
        let mut rest = &*self.sent;
        Texts(self.lengths.map(|length| {
            let (text, after) = rest.split_at_checked(length).unwrap_or_default();
            rest = after;
            text
        }))
    }
}

impl From<&Texts<'_>> for Seen {
    fn from(texts: &Texts<'_>) -> Self {
        let lengths = texts.0.map(<[u8]>::len);
        Self { sent: texts.0.concat().into_boxed_slice(), lengths }
    }
}

impl Hash for Seen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.texts().hash(state);
    }
}

impl Equivalent<Seen> for Texts<'_> {
    fn equivalent(&self, seen: &Seen) -> bool {
        if self.0.map(<[u8]>::len) != seen.lengths {
            return false;
        }
        let mut rest = &*seen.sent;
        // Most are empty, and comparing those would cost as much as comparing others.
        self.0.iter().filter(|text| !text.is_empty()).all(|text| {
            let after = rest.strip_prefix(*text);
            rest = after.unwrap_or_default();
            after.is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::super::tables::Tables;
    use super::*;
    use crate::domain::hit::RawHit;
    use crate::domain::link::LinkId;

    #[test]
    fn hits_that_show_the_same_share_one_look_and_others_do_not() {
        let (agents, mut looks) = (Agents::compile(&Tables::built_in()), Looks::default());
        let hit = Hit { user_agent: "Mozilla/5.0", referrer: "https://t.co/a", ..Hit::new(LinkId(1), 0) };
        let later = Hit { time_ms: 9, query: "fbclid=1", ..hit };
        let (first, number) = (looks.read(&agents, &hit).look.clone(), looks.read(&agents, &hit).number);
        let shown = looks.read(&agents, &later);
        assert!(Arc::ptr_eq(&first, &shown.look) && number == shown.number);
        let other = looks.read(&agents, &Hit { referrer: "https://t.co/b", ..hit });
        assert!(other.look.referrer_path == "/b" && other.number != number);
        assert_eq!(looks.remembered.len(), 2);
    }

    #[test]
    fn bytes_that_are_no_text_are_cut_there_and_tell_hits_apart() {
        let (agents, mut looks) = (Agents::compile(&Tables::built_in()), Looks::default());
        let mut user_agent = |user_agent: &'static [u8]| {
            let shown = looks.read(&agents, &RawHit { user_agent, ..RawHit::new(LinkId(1), 0) });
            (shown.look.user_agent.to_string(), shown.number)
        };
        assert_eq!(user_agent(b"curl/8\xff.5"), ("curl/8".to_owned(), 1));
        assert_eq!(user_agent(b"curl/8\xfe.5"), ("curl/8".to_owned(), 2));
        assert_eq!(user_agent(b"\xff"), (String::new(), 3));
        assert_eq!(user_agent(b"curl/8\xff.5"), ("curl/8".to_owned(), 1));
    }

    #[test]
    fn agents_that_somebody_makes_up_do_not_grow_the_memory() {
        let (agents, mut looks) = (Agents::compile(&Tables::built_in()), Looks::default());
        let padding = "x".repeat(400);
        for number in 0..REMEMBERED_MAX + 1000 {
            let made_up = format!("Mozilla/5.0 (Windows NT 10.0) Chrome/{number} {padding}");
            looks.read(&agents, &Hit { user_agent: &made_up, ..Hit::new(LinkId(1), 0) });
        }
        assert_eq!((looks.remembered.len(), looks.next), (1000, REMEMBERED_MAX as u64 + 1000));
    }

    #[test]
    fn a_look_read_again_by_the_same_rules_is_the_same_one() {
        let (agents, mut looks) = (Agents::compile(&Tables::built_in()), Looks::default());
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
        let hit = Hit { user_agent: firefox, accept_language: "sv", ..Hit::new(LinkId(1), 0) };
        let shown = looks.read(&agents, &hit);
        assert!(Arc::ptr_eq(&again(&shown.look, &shown.agent), &shown.look));
        let older = Arc::new(Look { os: "BeOS".into(), ..Look::clone(&shown.look) });
        assert_eq!(*again(&older, &shown.agent), shown.look);
    }

    #[test]
    fn what_is_remembered_hashes_and_compares_like_what_is_looked_up() {
        let of = |texts: [&'static str; TEXTS]| Texts(texts.map(str::as_bytes));
        let texts = of(["agent", "https://a/", "", "", "", "?1", "\"Android\"", "", "com.instagram.android"]);
        let seen = Seen::from(&texts);
        let hasher = hashbrown::DefaultHashBuilder::default();
        assert_eq!(hasher.hash_one(&seen), hasher.hash_one(&texts));
        assert!(texts.equivalent(&seen));
        assert!(!of(["agent", "https://a/?1", "", "", "", "", "\"Android\"", "", ""]).equivalent(&seen));
        assert!(
            !of(["agent", "https://b/", "", "", "", "?1", "\"Android\"", "", "com.instagram.android"])
                .equivalent(&seen)
        );
    }
}
