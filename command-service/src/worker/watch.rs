//! What waits in the queue, measured in the store and not by the worker, so that a stopped worker shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::application::backpressure::Backpressure;
use crate::application::bus::Command as _;
use crate::application::invoicing::IssueInvoice;
use crate::application::ports::{CommandQueue, StoreError, Waiting};

/// The command that an order waits for after its submission.
const ISSUE_INVOICE: &str = IssueInvoice::TYPE;

/// Keeps the queue's gauges true: `command_queue_depth` and `command_queue_oldest_age_seconds` for each type of command,
/// `invoice_wait_seconds` and its limit.
pub struct QueueWatch<Q> {
    queue: Arc<Q>,
    /// How long an order may wait for its invoice.
    invoice_within: Duration,
    room: Arc<Backpressure>,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    /// Every type that was ever seen, so that its gauges fall back to 0.
    types: BTreeMap<String, Waiting>,
    invoices_late: bool,
}

impl<Q: CommandQueue> QueueWatch<Q> {
    /// `room` is told how many commands wait.
    pub fn new(queue: Arc<Q>, invoice_within: Duration, room: Arc<Backpressure>) -> Self {
        metrics::gauge!("invoice_wait_limit_seconds").set(invoice_within.as_secs_f64());
        Self {
            queue,
            invoice_within,
            room,
            seen: Mutex::new(Seen {
                at: Instant::now(),
                types: BTreeMap::new(),
                invoices_late: false,
            }),
        }
    }

    /// Measures now and then after each `every`, until told to stop. While the store does not answer, the ages go on
    /// growing from what was seen last.
    pub async fn run(&self, every: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(self.measure()).await {
                None => return,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "what waits in the queue is not known");
                    self.show();
                }
            }
        }
    }

    /// Looks now, and shows what there is.
    pub async fn measure(&self) -> Result<Vec<Waiting>, StoreError> {
        let waiting = self.queue.waiting().await?;
        self.room
            .measured(waiting.iter().map(|waiting| waiting.commands).sum());
        self.take_in(&waiting);
        self.show();
        Ok(waiting)
    }

    fn take_in(&self, waiting: &[Waiting]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.at = Instant::now();
        for known in seen.types.values_mut() {
            known.commands = 0;
            known.oldest_seconds = 0.0;
        }
        for found in waiting {
            seen.types.insert(found.command_type.clone(), found.clone());
        }
    }

    fn show(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = seen.at.elapsed().as_secs_f64();
        let age = |waiting: &Waiting| match waiting.commands {
            0 => 0.0,
            _ => waiting.oldest_seconds + since,
        };
        for (name, waiting) in &seen.types {
            metrics::gauge!("command_queue_depth", "type" => name.clone()).set(waiting.commands as f64);
            metrics::gauge!("command_queue_oldest_age_seconds", "type" => name.clone()).set(age(waiting));
        }
        let invoices = seen.types.get(ISSUE_INVOICE).map_or(0.0, age);
        metrics::gauge!("invoice_wait_seconds").set(invoices);
        let late = invoices > self.invoice_within.as_secs_f64();
        if late && !seen.invoices_late {
            tracing::warn!(
                waits_seconds = invoices,
                limit = ?self.invoice_within,
                "a submitted order waits too long for its invoice"
            );
        }
        seen.invoices_late = late;
    }
}
