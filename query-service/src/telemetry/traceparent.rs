//! W3C trace context: a caller's trace is continued, over HTTP and over Kafka alike.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes `span` a child of the span that a `traceparent` header names; a malformed one is as if absent. Only before the
/// span is entered.
pub fn continue_from(span: &Span, header: &str) {
    if let Some(parent) = parse(header) {
        // Fails where spans are not exported: then there is no trace to continue.
        _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// The trace's id, for log lines.
pub fn trace_id(header: &str) -> Option<String> {
    parse(header).map(|context| context.trace_id().to_string())
}

fn parse(header: &str) -> Option<SpanContext> {
    let parts: Vec<&str> = header.trim().splitn(5, '-').collect();
    let [version, trace_id, span_id, flags, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed = is_hex(version, 2) && is_hex(trace_id, 32) && is_hex(span_id, 16) && is_hex(flags, 2);
    // Later versions may append parts; version 00 has none, and ff is never one.
    if !well_formed || *version == "ff" || (*version == "00" && !rest.is_empty()) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace_id).ok()?,
        SpanId::from_hex(span_id).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_well_formed_header_names_its_trace() {
        assert_eq!(
            trace_id(&format!("00-{TRACE}-00f067aa0ba902b7-01")).as_deref(),
            Some(TRACE)
        );
        assert_eq!(
            trace_id(&format!("42-{TRACE}-00f067aa0ba902b7-01-later")).as_deref(),
            Some(TRACE)
        );
    }

    #[test]
    fn any_other_is_as_if_absent() {
        for header in [
            String::new(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
        ] {
            assert_eq!(trace_id(&header), None, "{header}");
        }
    }
}
