//! Whether what is written is told. While a generation that nobody queries catches up, it writes what is long known.

use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Default)]
pub struct Announcing {
    queried: AtomicBool,
    been_level: AtomicBool,
}

impl Announcing {
    /// Queries read what is written here, or do not.
    pub fn set_queried(&self, queried: bool) {
        self.queried.store(queried, Ordering::Relaxed);
    }

    /// It has caught up once: queries may be pointed here at any time, before anybody could say so.
    pub fn set_level(&self) {
        self.been_level.store(true, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.queried.load(Ordering::Relaxed) || self.been_level.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_that_catches_up_tells_nothing_and_one_that_was_level_tells_on() {
        let announcing = Announcing::default();
        assert!(!announcing.is_on());
        announcing.set_queried(true);
        assert!(announcing.is_on());
        announcing.set_queried(false);
        assert!(!announcing.is_on());
        announcing.set_level();
        assert!(announcing.is_on());
    }
}
