//! Looks through the whole event store for what breaks an invariant.
//!
//! What tables say of each other is asked in SQL ([`Records`]); what events mean is found here: each stream is read whole
//! and folded as the service does it, an order beside its invoice and what others were told of it. In memory are a few
//! streams at a time, and a bit for each number that was given.

mod findings;
mod numbers;
mod orders;
mod streams;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::AggregateType;
use tokio_util::sync::CancellationToken;

pub use findings::{Finding, Kind};

use crate::application::ports::{EventArchive, NumberSeries, StoreError};
use numbers::Numbers;

/// Ids that are read at once.
const PAGE: usize = 1000;
/// Streams that are looked at together.
const STREAMS_AT_ONCE: usize = 16;

/// How long things may take before they count as broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// For a row in the outbox or in the queue of commands.
    pub outbox_older_than: TimeDelta,
    /// For what follows from an event: an invoice, a credit note, a confirmation.
    pub follow_up_within: TimeDelta,
}

/// What the tables say, beside the events themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    pub findings: Vec<Finding>,
    pub commands: u64,
    pub outbox_rows: u64,
    pub queued: u64,
    pub keys: u64,
    /// The last number of each series.
    pub numbers: Vec<(NumberSeries, i64)>,
    /// When the tables were looked at, by the store's clock.
    pub at: DateTime<Utc>,
}

/// How much was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub streams: u64,
    pub events: u64,
    pub commands: u64,
    pub outbox_rows: u64,
    pub queued: u64,
    pub keys: u64,
    pub numbers: u64,
    /// Told to stop before the end.
    pub stopped: bool,
}

/// Walks through all streams. `records` are of the same moment as `archive`, or earlier.
pub async fn verify<A: EventArchive>(
    archive: Arc<A>,
    records: Records,
    bounds: Bounds,
    stop: &CancellationToken,
    mut progress: impl FnMut(&Report) + Send,
) -> Result<Report, StoreError> {
    let mut numbers = Numbers::new(&records.numbers);
    let mut report = Report {
        numbers: numbers.given(),
        findings: records.findings,
        commands: records.commands,
        outbox_rows: records.outbox_rows,
        queued: records.queued,
        keys: records.keys,
        ..Report::default()
    };
    let overdue = records.at - bounds.follow_up_within;
    for aggregate in AggregateType::ALL {
        let mut after = None;
        loop {
            let page = archive.streams(aggregate, after, PAGE).await?;
            for ids in page.chunks(STREAMS_AT_ONCE) {
                if stop.is_cancelled() {
                    report.stopped = true;
                    return Ok(report);
                }
                let streams = streams::read(&*archive, aggregate, ids).await?;
                report.streams += streams.len() as u64;
                for stream in &streams {
                    report.events += stream.events.len() as u64;
                    report.findings.extend(streams::check(stream));
                    numbers.note(stream, &mut report.findings);
                }
                if aggregate == AggregateType::Order {
                    orders::check(&*archive, &streams, overdue, &mut report.findings).await?;
                }
                orders::check_origin(&*archive, aggregate, &streams, &mut report.findings).await?;
                progress(&report);
            }
            after = page.last().copied();
            if page.len() < PAGE {
                break;
            }
        }
    }
    numbers.end(&mut report.findings);
    Ok(report)
}
