//! What a database must hold before it is counted into: the layout, written once, and one epoch per shard.
//!
//! Nothing here may begin a second store where one was: a wiped or wrong database is refused, not filled.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use redis::cmd;

use super::counts::EPOCH;
use super::keys::Keys;
use super::line::{Call, Line};
use super::reaction::{Failure, Result};
use super::scripts;
use crate::domain::position::Shard;
use crate::store::{OpenError, SHARDS};

/// The layout of keys that this Waypost writes and reads.
pub(super) const VERSION: i64 = 1;

/// The file in which a node remembers the store it counts into.
const ID_FILE: &str = "redis-store.id";

/// The fields of the layout that only a store has that is being filled: what is copied into it, and how far.
pub(super) const COPYING: &str = "copying";
pub(super) const BOOKMARK: &str = "bookmark";

/// What a store is opened for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// To count into it. It is begun where there never was one.
    Use,
    CopyFrom,
    /// To be filled from the store of this name.
    CopyInto {
        from: String,
    },
}

/// The layout as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) id: String,
    pub(super) shards: u16,
    /// Every shard has its epoch.
    begun: bool,
    /// The name of the store that is being copied into this one.
    copying: Option<String>,
}

/// Why a database is not opened.
pub(super) enum Refusal {
    Failed(Failure),
    Newer(i64),
    /// This node has counted into a store with this id, and the database does not hold it.
    Lost {
        known: String,
        found: Option<String>,
    },
    Folder(PathBuf, std::io::Error),
    /// There is nothing to be copied.
    Absent,
    /// There is a store where one should be copied to.
    Holds,
    /// A copy of the store of this name was begun here.
    Unfinished(String),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Refusal {
    pub(super) fn at(self, server: &str, data: &Path) -> OpenError {
        match self {
            Self::Failed(failure) => OpenError::Store(failure.at(server)),
            Self::Newer(found) => OpenError::Newer { path: PathBuf::from(server), found, known: VERSION },
            Self::Folder(path, cause) => OpenError::Folder { path, cause },
            Self::Absent => OpenError::Absent(server.to_owned()),
            Self::Holds => OpenError::Holds(server.to_owned()),
            Self::Unfinished(source_name) => OpenError::Unfinished { place: server.to_owned(), source_name },
            Self::Lost { known, found } => {
                let found = found.map_or("no store".to_owned(), |id| format!("the store {id}"));
                OpenError::Url(format!(
                    "{server} holds {found}, but this node has counted into the store {known}: it is the wrong \
                     database, or it was wiped. Put back a backup; or remove {} to go on with what is there",
                    data.join(ID_FILE).display()
                ))
            }
        }
    }
}

/// Reads the layout, or begins a store with `shards` shards where there never was one.
pub(super) async fn open(
    line: &Line,
    keys: &Keys,
    shards: u16,
    data: &Path,
    purpose: &Purpose,
) -> Result<Layout, Refusal> {
    match purpose {
        Purpose::Use => open_to_use(line, keys, shards, data).await,
        Purpose::CopyFrom => {
            let layout = read(line, keys).await?.ok_or(Refusal::Absent)?;
            layout.copying.clone().map_or(Ok(layout), |from| Err(Refusal::Unfinished(from)))
        }
        Purpose::CopyInto { from } => open_to_fill(line, keys, shards, from).await,
    }
}

async fn open_to_fill(line: &Line, keys: &Keys, shards: u16, from: &str) -> Result<Layout, Refusal> {
    if read(line, keys).await?.is_none() {
        begin(line, keys, shards, from).await?;
    }
    let layout = read(line, keys).await?.ok_or(Refusal::Absent)?;
    match &layout.copying {
        Some(copying) if copying == from => {}
        Some(copying) => return Err(Refusal::Unfinished(copying.clone())),
        None => return Err(Refusal::Holds),
    }
    if !layout.begun {
        give_epochs(line, keys, &layout).await?;
    }
    Ok(layout)
}

async fn open_to_use(line: &Line, keys: &Keys, shards: u16, data: &Path) -> Result<Layout, Refusal> {
    let known = known_id(data)?;
    let mut found = read(line, keys).await?;
    if found.is_none() && known.is_none() {
        begin(line, keys, shards, "").await?;
        found = read(line, keys).await?;
    }
    let found_id = found.as_ref().map(|layout| layout.id.clone());
    let Some(layout) = found.filter(|layout| known.as_ref().is_none_or(|known| *known == layout.id)) else {
        return Err(Refusal::Lost { known: known.unwrap_or_default(), found: found_id });
    };
    if let Some(from) = layout.copying {
        return Err(Refusal::Unfinished(from));
    }
    if !layout.begun {
        give_epochs(line, keys, &layout).await?;
    }
    remember(data, &layout.id)?;
    Ok(layout)
}

async fn read(line: &Line, keys: &Keys) -> Result<Option<Layout>, Refusal> {
    let fields: HashMap<String, String> = line.ask(cmd("HGETALL").arg(keys.layout())).await?;
    if fields.is_empty() {
        return Ok(None);
    }
    let unreadable = || Failure::poison(format!("{} is not a layout: {fields:?}", keys.layout()));
    let field = |name: &str| fields.get(name).cloned().ok_or_else(unreadable);
    let version: i64 = field("version")?.parse().map_err(|_| unreadable())?;
    if version > VERSION {
        return Err(Refusal::Newer(version));
    }
    let shards = field("shards")?.parse().ok().filter(|shards| SHARDS.contains(shards));
    let shards = shards.ok_or_else(unreadable)?;
    let copying = fields.get(COPYING).cloned();
    Ok(Some(Layout { id: field("id")?, shards, begun: fields.contains_key("begun"), copying }))
}

async fn begin(line: &Line, keys: &Keys, shards: u16, copying: &str) -> Result<()> {
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id).map_err(|error| Failure::poison(format!("the system gave no random bytes ({error})")))?;
    let call = Call::new(&scripts::BEGIN)
        .key(keys.layout())
        .arg(VERSION.to_string())
        .arg(shards.to_string())
        .arg(format!("{:032x}", u128::from_be_bytes(id)))
        .arg(copying);
    line.run_again(&call).await
}

/// Only while the store is being begun: afterwards a shard without its epoch is a shard that was wiped.
async fn give_epochs(line: &Line, keys: &Keys, layout: &Layout) -> Result<()> {
    for shard in 0..layout.shards {
        let set = cmd("HSETNX").arg(keys.marks(Shard(shard))).arg(EPOCH).arg(&layout.id).to_owned();
        line.ask::<()>(&set).await?;
    }
    line.ask(cmd("HSET").arg(keys.layout()).arg("begun").arg(1)).await
}

fn known_id(data: &Path) -> Result<Option<String>, Refusal> {
    let file = data.join(ID_FILE);
    match fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Refusal::Folder(file, error)),
    }
}

fn remember(data: &Path, id: &str) -> Result<(), Refusal> {
    let file = data.join(ID_FILE);
    fs::write(&file, format!("{id}\n")).map_err(|cause| Refusal::Folder(file, cause))
}
