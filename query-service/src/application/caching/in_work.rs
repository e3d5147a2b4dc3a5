//! The reads of one order that are in work, and what became known of it in the meantime.

use std::sync::Arc;

use futures_util::future::{BoxFuture, WeakShared};

use super::kept::Kept;
use crate::application::ports::StoreError;

type Reading = BoxFuture<'static, Result<Arc<Kept>, Arc<StoreError>>>;
pub(super) type Shared = futures_util::future::Shared<Reading>;

#[derive(Default)]
pub(super) struct InWork {
    /// Goes up with each read that begins and each change.
    now: u64,
    running: usize,
    /// The read that began last, while nothing has become known since.
    joinable: Option<WeakShared<Reading>>,
    /// When the order changed last and to which version.
    invalidated: Option<(u64, u64)>,
    /// The newest that one of these reads has answered.
    newest: Option<Arc<Kept>>,
}

impl InWork {
    pub fn begin(&mut self) -> u64 {
        self.now += 1;
        self.running += 1;
        self.now
    }

    pub fn let_join(&mut self, shared: &Shared) {
        self.joinable = shared.downgrade();
    }

    pub fn joinable(&self) -> Option<Shared> {
        self.joinable.as_ref()?.upgrade()
    }

    /// Who asks from now on knows of the change.
    pub fn invalidate(&mut self, version: u64) {
        self.now += 1;
        let highest = self.invalidated.map_or(version, |(_, known)| known.max(version));
        self.invalidated = Some((self.now, highest));
        self.joinable = None;
    }

    pub fn is_invalidated(&self, begun: u64, version: u64) -> bool {
        self.invalidated
            .is_some_and(|(at, changed_to)| at > begun && changed_to >= version)
    }

    /// Answers the newest of what was read. Who asks from now on may have seen it, and joins no earlier read.
    pub fn end(&mut self, read: Arc<Kept>) -> Arc<Kept> {
        self.joinable = None;
        let newest = match self.newest.take() {
            Some(newest) if newest.rank() > read.rank() => newest,
            _ => read,
        };
        self.newest = Some(newest.clone());
        newest
    }

    /// True when the last one has left.
    pub fn leave(&mut self) -> bool {
        self.running -= 1;
        self.running == 0
    }
}
