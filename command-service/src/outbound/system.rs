//! Time and randomness of the machine.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use crate::application::ports::{Clock, Ids};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the time comes from"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// UUIDs of version 7, growing within the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeOrderedIds;

impl Ids for TimeOrderedIds {
    #[expect(clippy::disallowed_methods, reason = "the one place where ids come from")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
