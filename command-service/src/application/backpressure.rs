//! What lies behind the service and fills when it is not emptied: how full it may be before commands are refused.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};

/// Of ten parts, how many may be left in what was full before it takes in again, so that it does not flap.
const TAKES_AGAIN_AT: u64 = 9;

/// Something that may be full. It is told its depth by whoever measures it, and asked by whoever would add to it: what
/// is added between two measurements comes on top of the limit.
#[derive(Debug)]
pub struct Backpressure {
    name: &'static str,
    limit: NonZeroU64,
    full: AtomicBool,
}

impl Backpressure {
    /// Empty, as far as is known. `name` is the label of its gauges.
    pub fn new(name: &'static str, limit: NonZeroU64) -> Self {
        metrics::gauge!("backpressure_limit", "of" => name).set(limit.get() as f64);
        metrics::gauge!("backpressure_full", "of" => name).set(0.0);
        Self {
            name,
            limit,
            full: AtomicBool::new(false),
        }
    }

    /// How deep it was a moment ago. Full at its limit, and until a tenth of that is free again.
    pub fn measured(&self, depth: u64) {
        let was_full = self.full.load(Ordering::Relaxed);
        let full = match was_full {
            false => depth >= self.limit.get(),
            true => u128::from(depth) * 10 > u128::from(self.limit.get()) * u128::from(TAKES_AGAIN_AT),
        };
        if full == was_full {
            return;
        }
        self.full.store(full, Ordering::Relaxed);
        metrics::gauge!("backpressure_full", "of" => self.name).set(f64::from(u8::from(full)));
        match full {
            true => tracing::warn!(
                of = self.name,
                depth,
                limit = self.limit,
                "full: commands are refused"
            ),
            false => tracing::info!(of = self.name, depth, limit = self.limit, "there is room again"),
        }
    }

    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_at_its_limit_and_until_a_tenth_is_free() {
        let outbox = Backpressure::new("outbox", NonZeroU64::new(100).unwrap());
        let after = |depths: &[u64]| -> Vec<bool> {
            let look = |depth: &u64| {
                outbox.measured(*depth);
                outbox.is_full()
            };
            depths.iter().map(look).collect()
        };
        assert!(!outbox.is_full());
        assert_eq!(
            after(&[0, 99, 100, 99, 91, 90]),
            [false, false, true, true, true, false]
        );
        assert_eq!(after(&[99, 5_000, 0]), [false, true, false]);
    }

    #[test]
    fn a_limit_of_one_or_of_all_there_is_works_too() {
        for (limit, below) in [(1, 0), (u64::MAX, u64::MAX / 2)] {
            let room = Backpressure::new("outbox", NonZeroU64::new(limit).unwrap());
            room.measured(limit);
            assert!(room.is_full());
            room.measured(below);
            assert!(!room.is_full());
        }
    }
}
