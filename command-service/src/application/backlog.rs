//! What was seen last of the outbox, told as it must be by now.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ports::Backlog;

/// One for each process, however many look.
#[derive(Debug, Default)]
pub struct SeenBacklog(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    last: Option<(Backlog, Instant)>,
    /// How often somebody looks, where all is well.
    every: Duration,
}

impl SeenBacklog {
    pub fn looked_at_every(&self, interval: Duration) {
        self.seen().every = interval;
    }

    /// What the store answered to a question of then. However late the answer comes, the age has grown since the question.
    pub fn see(&self, asked: Instant, backlog: Backlog) {
        self.seen().last = Some((backlog, asked));
    }

    /// What was there grows older for as long as nobody sees that it is gone. Where nothing was there, and the next look is
    /// overdue, something may be there since: it is told as old as it may be. `None`: never seen.
    pub fn by_now(&self) -> Option<Backlog> {
        let seen = self.seen();
        let (mut backlog, at) = seen.last?;
        backlog.oldest_seconds += match backlog.rows {
            0 => at.elapsed().saturating_sub(seen.every).as_secs_f64(),
            _ => at.elapsed().as_secs_f64(),
        };
        Some(backlog)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the gauges `outbox_depth` and `outbox_oldest_age_seconds`.
    pub fn tell(&self) {
        if let Some(backlog) = self.by_now() {
            metrics::gauge!("outbox_depth").set(backlog.rows as f64);
            metrics::gauge!("outbox_oldest_age_seconds").set(backlog.oldest_seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_there_grows_older_while_nobody_can_look() {
        let seen = SeenBacklog::default();
        assert_eq!(seen.by_now(), None);
        let of = |rows, oldest_seconds| Backlog { rows, oldest_seconds };
        let asked = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        seen.see(asked, of(3, 1.5));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(seen.by_now(), Some(of(3, 5.5)));
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_was_there_something_may_be_once_a_look_is_overdue() {
        let seen = SeenBacklog::default();
        seen.looked_at_every(Duration::from_secs(1));
        let of = |rows, oldest_seconds| Backlog { rows, oldest_seconds };
        seen.see(Instant::now(), of(0, 0.0));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(seen.by_now(), Some(of(0, 0.0)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(seen.by_now(), Some(of(0, 3.0)));
    }
}
