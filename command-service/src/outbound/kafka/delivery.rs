//! What became of the records of a batch, as the producer's own thread reports it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The records of one call that are still out, and the failures among those that came back.
#[derive(Debug)]
pub struct Outstanding {
    /// One more than the records that are out, until all are sent.
    count: AtomicUsize,
    failures: Mutex<Vec<(usize, KafkaError)>>,
    settled: Notify,
}

impl Outstanding {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            count: AtomicUsize::new(1),
            failures: Mutex::default(),
            settled: Notify::new(),
        })
    }

    /// A ticket to send along with the record at `place`.
    pub fn ticket(self: &Arc<Self>, place: usize) -> Box<Ticket> {
        self.count.fetch_add(1, Ordering::Relaxed);
        Box::new(Ticket {
            batch: Arc::clone(self),
            place,
        })
    }

    /// Of the tickets that are still out; one more before `settled` is asked.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until every ticket is back, then tells which failed. To be called once, after the last ticket went out.
    pub async fn settled(&self) -> Vec<(usize, KafkaError)> {
        self.one_less();
        while self.count.load(Ordering::Acquire) > 0 {
            self.settled.notified().await;
        }
        std::mem::take(&mut self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn one_less(&self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settled.notify_one();
        }
    }
}

/// Comes back with the record's fate. One that is dropped unused counts as back.
#[derive(Debug)]
pub struct Ticket {
    batch: Arc<Outstanding>,
    place: usize,
}

impl Ticket {
    pub fn failed(&self, error: KafkaError) {
        let mut failures = self.batch.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push((self.place, error));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.batch.one_less();
    }
}

/// Hands the tickets back, and the client's errors to the log.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// Cancelled once the producer has failed for good.
    pub given_up: CancellationToken,
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "the connection to Kafka");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.given_up.cancel();
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        if let Err((error, _)) = result {
            ticket.failed(error.clone());
        }
    }
}
