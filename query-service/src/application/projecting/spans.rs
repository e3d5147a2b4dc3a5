//! The trace that began with a command goes on to the write of its document.
//!
//! One bulk request serves many traces. The batch's span continues the first; each of some more gets a span of its own
//! that links to the batch. In a backlog most records get none: it would cost more than the work.

use std::sync::Arc;

use opentelemetry::trace::TraceContextExt as _;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::record::Record;
use crate::telemetry::traceparent;

const MAX_SPANS: usize = 32;

pub struct BatchSpans {
    pub batch: Span,
    /// End with the batch.
    _records: Vec<Span>,
}

pub fn spans(records: &[Arc<Record>]) -> BatchSpans {
    let batch = tracing::info_span!("project batch", records = records.len());
    let mut traced = records.iter().filter_map(|record| {
        let parent = record.metadata.traceparent.as_deref()?;
        // Sampled where the lowest bit of the last digit is set.
        let sampled = parent
            .chars()
            .last()
            .and_then(|digit| digit.to_digit(16))
            .is_some_and(|digit| digit & 1 == 1);
        sampled.then_some((record, parent))
    });
    let mut own = Vec::new();
    if let Some((_, first)) = traced.next() {
        traceparent::continue_from(&batch, first);
        let context = batch.context().span().span_context().clone();
        if context.is_valid() {
            for (record, parent) in traced.take(MAX_SPANS) {
                let span = tracing::info_span!(
                    "project event",
                    event_type = record.metadata.event_type,
                    id = %record.metadata.aggregate_id,
                    version = record.metadata.version,
                );
                traceparent::continue_from(&span, parent);
                span.add_link(context.clone());
                own.push(span);
            }
        }
    }
    BatchSpans { batch, _records: own }
}
