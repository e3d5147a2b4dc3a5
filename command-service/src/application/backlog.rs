//! What was seen last of the outbox, told as it must be by now.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::ports::Backlog;

/// One for each process, however many look.
#[derive(Debug, Default)]
pub struct SeenBacklog(Mutex<Option<(Backlog, Instant)>>);

impl SeenBacklog {
    /// What the store answered to a question of then. However late the answer comes, the age has grown since the question.
    pub fn see(&self, asked: Instant, backlog: Backlog) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((backlog, asked));
    }

    /// Without rows there is no age; what was there grows older for as long as nobody sees that it is gone. `None`: never seen.
    pub fn by_now(&self) -> Option<Backlog> {
        let (mut backlog, at) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        if backlog.rows > 0 {
            backlog.oldest_seconds += at.elapsed().as_secs_f64();
        }
        Some(backlog)
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
    use std::time::Duration;

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
        seen.see(Instant::now(), of(0, 0.0));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(seen.by_now(), Some(of(0, 0.0)));
    }
}
