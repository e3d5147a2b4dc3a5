//! One batch: the oldest rows of some buckets, from the outbox to the brokers and out of the outbox.

use std::collections::HashSet;
use std::time::Instant;

use tracing::Instrument;

use crate::application::ports::{Lease, Outbox, OutboxRow, PublishError, Publisher};
use crate::failpoints;
use crate::sharing::{Outcome, Report};
use crate::telemetry::InWork;

pub async fn publish_batch<O: Outbox, P: Publisher>(
    outbox: &O,
    publisher: &P,
    leases: Vec<Lease>,
    per_bucket: usize,
) -> Vec<Report> {
    let began = Instant::now();
    let buckets: Vec<u16> = leases.iter().map(|lease| lease.bucket).collect();
    let rows = match outbox.pending(&buckets, per_bucket).await {
        Ok(rows) => rows,
        Err(error) => {
            failed("read", anyhow::Error::new(error));
            return report(&leases, |_| Outcome::Failed);
        }
    };
    if rows.is_empty() {
        return report(&leases, |_| Outcome::Empty);
    }
    let _in_work = InWork::new(metrics::gauge!("relay_rows_in_work"), rows.len());
    let span = tracing::info_span!("relay.batch", rows = rows.len(), buckets = buckets.len());
    let reports = publish_rows(outbox, publisher, &leases, &rows, per_bucket)
        .instrument(span)
        .await;
    metrics::histogram!("relay_batch_seconds").record(began.elapsed().as_secs_f64());
    reports
}

async fn publish_rows<O: Outbox, P: Publisher>(
    outbox: &O,
    publisher: &P,
    leases: &[Lease],
    rows: &[OutboxRow],
    per_bucket: usize,
) -> Vec<Report> {
    if failpoints::planted("planted::mark_before_acknowledgement") {
        let unsent = acknowledged_prefixes(leases, rows, rows.iter().map(|_| Ok(())).collect());
        _ = outbox.mark_published(&unsent.0).await;
    }
    failpoints::cut("relay::after_read");
    let results = publisher.publish(rows).await;
    failpoints::cut("relay::after_acknowledged");
    let (published, stopped) = acknowledged_prefixes(leases, rows, results);
    let marked = match published.is_empty() {
        true => Ok(0),
        false => outbox.mark_published(&published).await,
    };
    failpoints::cut("relay::after_mark");
    let verdict = match marked {
        Err(error) => {
            failed("mark", anyhow::Error::new(error));
            Some(Outcome::Failed)
        }
        Ok(marked) => {
            metrics::counter!("relay_published_total").increment(marked as u64);
            (marked < published.len()).then(|| {
                tracing::warn!(
                    marked,
                    published = published.len(),
                    "a lease was lost in mid-batch"
                );
                Outcome::LeaseLost
            })
        }
    };
    report(leases, |bucket| {
        let read = rows.iter().filter(|row| row.bucket == bucket).count();
        match verdict {
            _ if read == 0 => Outcome::Empty,
            Some(verdict) => verdict,
            None if stopped.contains(&bucket) => Outcome::Failed,
            None => Outcome::Done {
                more: read >= per_bucket,
            },
        }
    })
}

/// The rows of each bucket up to the first that was not acknowledged, and the buckets that have one.
fn acknowledged_prefixes(
    leases: &[Lease],
    rows: &[OutboxRow],
    results: Vec<Result<(), PublishError>>,
) -> (Vec<(Lease, i64)>, HashSet<u16>) {
    let mut published = Vec::with_capacity(rows.len());
    let mut stopped = HashSet::new();
    let mut results = results.into_iter();
    for row in rows {
        match results.next() {
            _ if stopped.contains(&row.bucket) => {}
            Some(Ok(())) => {
                if let Some(lease) = leases.iter().find(|lease| lease.bucket == row.bucket) {
                    published.push((*lease, row.id));
                }
            }
            Some(Err(error)) => {
                stopped.insert(row.bucket);
                failed("publish", anyhow::Error::new(error));
            }
            None => {
                stopped.insert(row.bucket);
                failed(
                    "publish",
                    anyhow::anyhow!("the publisher answered for fewer rows than it got"),
                );
            }
        }
    }
    (published, stopped)
}

fn report(leases: &[Lease], outcome: impl Fn(u16) -> Outcome) -> Vec<Report> {
    leases
        .iter()
        .map(|lease| Report {
            lease: *lease,
            outcome: outcome(lease.bucket),
        })
        .collect()
}

fn failed(stage: &'static str, error: anyhow::Error) {
    tracing::warn!(
        stage,
        error = format!("{error:#}"),
        "rows stay in the outbox for now"
    );
    metrics::counter!("relay_failures_total", "stage" => stage).increment(1);
}
