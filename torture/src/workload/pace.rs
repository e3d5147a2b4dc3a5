//! How fast all clients together send commands.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What was not sent while the system was away is made up for, of so long at most…
const MADE_UP_FOR: Duration = Duration::from_secs(20);
/// …and not faster than so many times the rate.
const HASTE: u32 = 3;

/// Cheap to clone.
#[derive(Clone)]
pub struct Pace {
    every: Duration,
    next: Arc<Mutex<Next>>,
}

#[derive(Debug, Clone, Copy)]
struct Next {
    /// By the rate.
    due: Instant,
    /// By the last that was given.
    earliest: Instant,
}

impl Pace {
    pub fn per_second(rate: u32) -> Self {
        let now = Instant::now();
        Self {
            every: Duration::from_secs(1) / rate.max(1),
            next: Arc::new(Mutex::new(Next {
                due: now,
                earliest: now,
            })),
        }
    }

    /// Returns when the next command may be sent.
    pub async fn turn(&self) {
        sleep_until(self.slot(Instant::now())).await;
    }

    fn slot(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let long_ago = now.checked_sub(MADE_UP_FOR).unwrap_or(now);
        let due = next.due.max(long_ago);
        let slot = due.max(next.earliest).max(now);
        next.due = due + self.every;
        next.earliest = slot + self.every / HASTE;
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_missed_is_made_up_for_in_haste_but_not_at_once() {
        let pace = Pace::per_second(10);
        let later = Instant::now() + Duration::from_secs(2);
        let slots: Vec<Instant> = (0..40).map(|_| pace.slot(later)).collect();
        // Twenty were missed; they go out three times as fast as usual…
        assert!(slots[1] - slots[0] < Duration::from_millis(34));
        // …and after these, and those that fell due meanwhile, the rate is the usual one.
        let last = slots[39] - slots[38];
        assert!(last >= Duration::from_millis(99), "{last:?}");
        assert!(slots[39] - later < Duration::from_millis(2_100));
    }
}
