//! Who is let in: a bounded number of queries in work, and a bounded number that wait for a moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::Gauge;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::{Problem, ProblemKind};
use crate::settings::HttpSettings;

/// Shared by all workers of the process.
pub struct Admission {
    places: Semaphore,
    waiting: AtomicUsize,
    max_waiting: usize,
    max_wait: Duration,
    in_work_now: Gauge,
    waiting_now: Gauge,
}

/// A place among those in work, until it is dropped.
pub struct Place<'a> {
    _permit: SemaphorePermit<'a>,
    in_work_now: &'a Gauge,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.in_work_now.decrement(1);
    }
}

/// A place among those who wait, until it is dropped.
struct Waiting<'a>(&'a Admission);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.waiting_now.decrement(1);
    }
}

impl Admission {
    pub fn new(settings: &HttpSettings) -> Self {
        metrics::gauge!("http_queries_in_work_limit").set(settings.max_in_flight.get() as f64);
        metrics::gauge!("http_queries_waiting_limit").set(settings.max_waiting as f64);
        Self {
            places: Semaphore::new(settings.max_in_flight.get()),
            waiting: AtomicUsize::new(0),
            max_waiting: settings.max_waiting,
            max_wait: settings.max_wait,
            in_work_now: metrics::gauge!("http_queries_in_work"),
            waiting_now: metrics::gauge!("http_queries_waiting"),
        }
    }

    /// Takes a place in work, or waits for one within the bounds.
    pub async fn enter(&self) -> Result<Place<'_>, Problem> {
        let permit = match self.places.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = self.wait().ok_or_else(shed)?;
                match tokio::time::timeout(self.max_wait, self.places.acquire()).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(_)) | Err(_) => return Err(shed()),
                }
            }
        };
        self.in_work_now.increment(1);
        Ok(Place {
            _permit: permit,
            in_work_now: &self.in_work_now,
        })
    }

    fn wait(&self) -> Option<Waiting<'_>> {
        let joined = |waiting| (waiting < self.max_waiting).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, joined)
            .ok()?;
        self.waiting_now.increment(1);
        Some(Waiting(self))
    }
}

fn shed() -> Problem {
    metrics::counter!("http_queries_shed_total").increment(1);
    Problem::new(
        ProblemKind::Overloaded,
        "As many queries as this service takes are in work. Try again soon.",
    )
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_waits_for_its_turn_within_the_bound_and_the_next_is_shed_at_once() {
        let admission = Admission::new(&HttpSettings {
            max_in_flight: NonZeroUsize::MIN,
            max_waiting: 1,
            ..HttpSettings::default()
        });
        let first = admission.enter().await.unwrap();
        let (second, ()) = tokio::join!(admission.enter(), async {
            let shed = admission.enter().await.err().unwrap();
            assert_eq!(shed.kind, ProblemKind::Overloaded);
            drop(first);
        });
        let second = second.unwrap();
        let before = tokio::time::Instant::now();
        assert!(admission.enter().await.is_err());
        assert_eq!(before.elapsed(), HttpSettings::default().max_wait);
        // A client that goes while it waits leaves its place.
        let given_up = tokio::time::timeout(Duration::from_millis(10), admission.enter()).await;
        assert!(given_up.is_err());
        let (third, ()) = tokio::join!(admission.enter(), async { drop(second) });
        assert!(third.is_ok());
    }
}
