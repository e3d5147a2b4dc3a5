//! Reads your own writes: waits until what a consistency token names can be seen.
//!
//! A document is looked at in real time; who waits is woken by the changes that the projector announces, and looks again
//! now and then in case nothing is announced. A search sees the last refresh: one small request at a time asks for all who
//! wait what searches see by now.

use std::sync::Arc;
use std::time::Duration;

use read_model::Kind;
use shared_events::ConsistencyToken;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub mod lag;
mod searchable;
mod waiters;

use self::searchable::{Reached, SearchWatch};
use self::waiters::{Waiter, Waiters};
use super::ports::reading::{VersionReader, Watched};
use super::ports::{Change, StoreError};

/// The wait is over and the version was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("version {} of {} {} cannot be seen yet", .token.version, .token.aggregate, .token.id)]
pub struct NotYetVisible {
    pub token: ConsistencyToken,
    /// The version that can be seen, 0 if none.
    pub seen: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error(transparent)]
    NotYetVisible(NotYetVisible),
    #[error("too many queries wait for a consistency token")]
    TooManyWaiting,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many may wait at once.
    pub max_waiting: usize,
    /// Between two looks at what searches see.
    pub search_check: Duration,
    /// Between two looks at a document whose change nobody announced: the first pause, doubled up to the longest.
    pub recheck_first: Duration,
    pub recheck_longest: Duration,
}

pub struct Freshness<R> {
    reader: Arc<R>,
    waiters: Arc<Waiters>,
    search_watch: SearchWatch,
    pace: Pace,
}

impl<R: VersionReader> Freshness<R> {
    pub fn new(reader: Arc<R>, pace: Pace) -> Self {
        Self {
            reader,
            waiters: Arc::new(Waiters::new(pace.max_waiting)),
            search_watch: SearchWatch::default(),
            pace,
        }
    }

    /// Answers those who wait for searches, until it is cancelled: without it they wait in vain.
    pub async fn run(&self, cancelled: CancellationToken) {
        self.search_watch
            .run(&*self.reader, self.pace.search_check, cancelled)
            .await;
    }

    /// Wakes those who wait for this aggregate.
    pub fn announce(&self, change: &Change) {
        self.waiters.announce(change);
    }

    /// Registers a wait: changes are noticed from here on.
    pub fn wait_for(&self, token: ConsistencyToken, until: Instant) -> Result<Wait, WaitError> {
        Ok(Wait {
            waiter: self.waiters.register(token)?,
            token,
            until,
            pause: self.pace.recheck_first,
            longest_pause: self.pace.recheck_longest,
            expired: false,
        })
    }

    /// Waits until a look shows the version.
    pub async fn visible(&self, wait: &mut Wait, watched: Watched, version: u64) -> Result<(), WaitError> {
        loop {
            let seen = self.reader.visible_version(watched).await?.unwrap_or(0);
            if seen >= version {
                return Ok(());
            }
            wait.pause(seen).await?;
        }
    }

    /// Waits until searches of `kind` see the version of a document, too.
    pub async fn searchable(
        &self,
        wait: &mut Wait,
        kind: Kind,
        id: Uuid,
        version: u64,
    ) -> Result<(), WaitError> {
        // Searches are not asked for what is not written yet.
        self.visible(wait, Watched::Document(kind, id), version).await?;
        match self.search_watch.reached((kind, id), version, wait.until).await? {
            Reached::Seen => Ok(()),
            Reached::NotYet(seen) => Err(WaitError::NotYetVisible(NotYetVisible {
                token: wait.token,
                seen,
            })),
        }
    }
}

/// One query's wait for one token, with its place among those who may wait.
pub struct Wait {
    waiter: Waiter,
    token: ConsistencyToken,
    until: Instant,
    pause: Duration,
    longest_pause: Duration,
    expired: bool,
}

impl Wait {
    /// For what never comes.
    pub async fn in_vain(&mut self) -> Result<(), WaitError> {
        loop {
            self.pause(0).await?;
        }
    }

    /// Returns when it is worth to look again after a look that showed `seen`; the last look is due when the time is up.
    pub async fn pause(&mut self, seen: u64) -> Result<(), WaitError> {
        if self.expired {
            return Err(WaitError::NotYetVisible(NotYetVisible {
                token: self.token,
                seen,
            }));
        }
        let recheck = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(self.longest_pause);
        self.expired = recheck >= self.until;
        if tokio::time::timeout_at(recheck.min(self.until), self.waiter.changed())
            .await
            .is_ok()
        {
            self.expired = Instant::now() >= self.until;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
