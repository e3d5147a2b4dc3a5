//! Who is let in: a bounded number of commands in work, a bounded number that wait for a moment, and nobody while what a
//! command adds to is full.
//!
//! A request is looked at twice. At first before anything of it is read or checked, so that a refusal costs little; then,
//! once it has come whole, it takes its place: a client that sends slowly holds none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::Gauge;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::{Problem, ProblemKind};
use crate::application::backpressure::Backpressure;
use crate::settings::HttpSettings;

/// Shared by all workers of the process.
pub struct Admission {
    places: Semaphore,
    waiting: AtomicUsize,
    max_waiting: usize,
    max_wait: Duration,
    /// What every command adds to.
    outbox: Arc<Backpressure>,
    /// What commands add to that are decided later.
    queue: Arc<Backpressure>,
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
    pub fn new(settings: &HttpSettings, outbox: Arc<Backpressure>, queue: Arc<Backpressure>) -> Self {
        metrics::gauge!("http_commands_in_work_limit").set(settings.max_in_flight.get() as f64);
        metrics::gauge!("http_commands_waiting_limit").set(settings.max_waiting as f64);
        Self {
            places: Semaphore::new(settings.max_in_flight.get()),
            waiting: AtomicUsize::new(0),
            max_waiting: settings.max_waiting,
            max_wait: settings.max_wait,
            outbox,
            queue,
            in_work_now: metrics::gauge!("http_commands_in_work"),
            waiting_now: metrics::gauge!("http_commands_waiting"),
        }
    }

    /// Whether there is a place at all, for now: before anything of the request is read.
    pub fn look(&self) -> Result<(), Problem> {
        let full =
            self.places.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= self.max_waiting;
        match full {
            true => Err(overloaded()),
            false => Ok(()),
        }
    }

    /// Whether a command may be begun: nothing of it is there yet, and nothing will be.
    pub fn may_add(&self, later: bool) -> Result<(), Problem> {
        if self.outbox.is_full() {
            return Err(shed(
                "outbox",
                ProblemKind::OutboxFull,
                "Too many events wait to be published; the command was not begun. Try again later.",
            ));
        }
        if later && self.queue.is_full() {
            return Err(shed(
                "queue",
                ProblemKind::QueueFull,
                "Too many commands wait to be decided; this one was not taken in. Try again later.",
            ));
        }
        Ok(())
    }

    /// Takes a place in work, or waits for one within the bounds.
    pub async fn enter(&self) -> Result<Place<'_>, Problem> {
        let permit = match self.places.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = self.wait().ok_or_else(overloaded)?;
                match tokio::time::timeout(self.max_wait, self.places.acquire()).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(_)) | Err(_) => return Err(overloaded()),
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

fn overloaded() -> Problem {
    shed(
        "in-work",
        ProblemKind::Overloaded,
        "As many commands as this service takes are in work. Try again soon.",
    )
}

fn shed(reason: &'static str, kind: ProblemKind, detail: &'static str) -> Problem {
    metrics::counter!("http_commands_shed_total", "reason" => reason).increment(1);
    Problem::new(kind, detail)
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU64, NonZeroUsize};

    use super::*;

    fn admission(max_waiting: usize) -> Admission {
        let settings = HttpSettings {
            max_in_flight: NonZeroUsize::MIN,
            max_waiting,
            ..HttpSettings::default()
        };
        let room = |name| Arc::new(Backpressure::new(name, NonZeroU64::new(10).unwrap()));
        Admission::new(&settings, room("outbox"), room("command_queue"))
    }

    fn kind<T>(answer: Result<T, Problem>) -> Option<ProblemKind> {
        answer.err().map(|problem| problem.kind)
    }

    #[tokio::test(start_paused = true)]
    async fn one_waits_for_its_turn_and_the_next_is_shed_at_once() {
        let admission = admission(1);
        let first = admission.enter().await.unwrap();
        assert_eq!(kind(admission.look()), None);
        let (second, ()) = tokio::join!(admission.enter(), async {
            assert_eq!(kind(admission.look()), Some(ProblemKind::Overloaded));
            assert_eq!(kind(admission.enter().await), Some(ProblemKind::Overloaded));
            drop(first);
        });
        drop(second.unwrap());
        assert_eq!(kind(admission.look()), None);
        drop(admission.enter().await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_bound_and_who_leaves_makes_room() {
        let admission = admission(1);
        let first = admission.enter().await.unwrap();
        let before = tokio::time::Instant::now();
        assert_eq!(kind(admission.enter().await), Some(ProblemKind::Overloaded));
        assert_eq!(before.elapsed(), HttpSettings::default().max_wait);
        // A client that goes while it waits.
        let given_up = tokio::time::timeout(Duration::from_millis(10), admission.enter()).await;
        assert!(given_up.is_err());
        assert_eq!(kind(admission.look()), None);
        drop(first);
        drop(admission.enter().await.unwrap());
    }

    #[tokio::test]
    async fn a_full_outbox_refuses_all_and_a_full_queue_those_for_later() {
        let admission = admission(0);
        admission.queue.measured(10);
        assert_eq!(kind(admission.may_add(false)), None);
        assert_eq!(kind(admission.may_add(true)), Some(ProblemKind::QueueFull));
        admission.outbox.measured(10);
        assert_eq!(kind(admission.may_add(false)), Some(ProblemKind::OutboxFull));
        assert_eq!(kind(admission.look()), None);
        admission.outbox.measured(9);
        admission.queue.measured(0);
        assert_eq!(kind(admission.may_add(true)), None);
    }
}
