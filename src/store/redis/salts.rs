//! The salts of visitor hashes: one a day, destroyed after two. Redis forgets one at once; its append-only file does at
//! the next rewrite (`docs/redis.md`).

use jiff::ToSpan;
use jiff::civil::Date;

use super::Server;
use super::keys::score;
use super::line::Call;
use super::reaction::{Failure, Reaction, Result};
use super::scripts;
use crate::domain::visitor::Salt;

/// Days a salt outlives its own.
const KEPT_DAYS: i64 = 2;

/// The salt of `day`, made on first asking; older ones than [`KEPT_DAYS`] before it are destroyed.
pub(super) async fn of(server: &Server, day: Date) -> Result<Salt> {
    let mut offered = [0_u8; 32];
    getrandom::fill(&mut offered).map_err(|error| {
        Failure::of(Reaction::Wait, format!("the system gave no random bytes for a salt ({error})"))
    })?;
    let call = Call::new(&scripts::SALT)
        .key(server.keys.salts())
        .arg(score(day).to_string())
        .arg(score(day.saturating_sub(KEPT_DAYS.days())).to_string())
        .arg(offered);
    let salt: Vec<u8> = server.lookups.run_again(&call).await?;
    let unreadable = |_| Failure::poison(format!("{}: the salt of {day} is not 32 bytes long", server.keys.salts()));
    salt.try_into().map(Salt).map_err(unreadable)
}
