//! The documents that a lane wrote last, so that it need not read them for the next event.
//!
//! It may be stale: a write guarded by the revision then conflicts, and the document is read.

use std::collections::HashMap;

use read_model::Projection;
use uuid::Uuid;

use crate::application::ports::Revision;

#[derive(Debug, Clone)]
pub struct Known {
    pub revision: Revision,
    pub projection: Projection,
    /// Of its JSON.
    pub bytes: usize,
}

/// Two generations: when the young one has its half of the bound, the old one is dropped and it becomes the old one.
/// What is used moves to the young one.
#[derive(Debug)]
pub struct RecentDocuments {
    young: HashMap<Uuid, Known>,
    old: HashMap<Uuid, Known>,
    young_bytes: usize,
    half: usize,
}

impl RecentDocuments {
    pub fn new(bytes: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            young_bytes: 0,
            half: bytes / 2,
        }
    }

    /// Takes it out: whoever takes it puts it back after the write, or it was stale.
    pub fn take(&mut self, id: &Uuid) -> Option<Known> {
        match self.young.remove(id) {
            Some(known) => {
                self.young_bytes = self.young_bytes.saturating_sub(weight(&known));
                Some(known)
            }
            None => self.old.remove(id),
        }
    }

    pub fn put(&mut self, id: Uuid, known: Known) {
        self.young_bytes += weight(&known);
        if let Some(before) = self.young.insert(id, known) {
            self.young_bytes = self.young_bytes.saturating_sub(weight(&before));
        }
        if self.young_bytes > self.half {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

/// A document takes about as much again as its JSON, and the maps something beside.
fn weight(known: &Known) -> usize {
    512 + known.bytes * 2
}

#[cfg(test)]
mod tests {
    use read_model::Kind;

    use super::*;

    fn known(bytes: usize) -> Known {
        Known {
            revision: Revision {
                seq_no: 1,
                primary_term: 1,
            },
            projection: Projection::new(Kind::Order, Uuid::nil()),
            bytes,
        }
    }

    fn key(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn it_forgets_what_was_not_used_and_stays_within_its_bound() {
        let mut recent = RecentDocuments::new(20 * weight(&known(100)));
        for n in 0..1_000 {
            recent.put(key(n), known(100));
            if let Some(used) = recent.take(&key(0)) {
                recent.put(key(0), used);
            }
            assert!(recent.young.len() + recent.old.len() <= 23);
        }
        assert!(recent.take(&key(0)).is_some());
        assert!(recent.take(&key(999)).is_some());
        assert!(recent.take(&key(1)).is_none());
    }
}
