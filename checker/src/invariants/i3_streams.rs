//! Versions are 1..n without gap or double, and each event is legal where it stands.

use std::collections::HashMap;

use shared_events::{AggregateType, Event, OrderForInvoicingEvent};
use uuid::Uuid;

use crate::context::{Context, Stood};
use crate::fold::subject;
use crate::history::{History, StoredEvent};
use crate::report::Verdict;
use crate::telling;

pub fn check(_: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let mut ids: HashMap<Uuid, &StoredEvent> = HashMap::new();
    for ((aggregate, stream), events) in context.streams() {
        let explain = || events.iter().map(|stood| telling::event(stood.event));
        if aggregate.parse::<AggregateType>().is_err() {
            let seen = format!("{aggregate}:{stream} is of no kind that there is");
            verdict.violate("every stream is of a known kind", seen, explain());
        }
        let versions: Vec<u64> = events.iter().map(|stood| stood.event.version).collect();
        if !versions.iter().copied().eq(1..=events.len() as u64) {
            let seen = format!("{aggregate}:{stream} has the versions {versions:?}");
            verdict.violate("versions are 1..n without gap or double", seen, explain());
        }
        for (at, stood) in events.iter().enumerate() {
            verdict.compare();
            if let Some(why) = illegal(&events[..at], stood) {
                let before = events[..=at].iter().map(|stood| telling::event(stood.event));
                verdict.violate("each event is legal where it stands", why, before);
            }
            if let Some(first) = ids.insert(stood.event.event_id, stood.event) {
                let both = [telling::event(first), telling::event(stood.event)];
                verdict.violate("an event's id is its own", "two have one id", both);
            }
        }
    }
    verdict
}

fn illegal(before: &[Stood<'_>], stood: &Stood<'_>) -> Option<String> {
    if let Some(misfit) = &stood.misfit {
        return Some(misfit.clone());
    }
    let says = stood.says.as_ref()?;
    let told_of = subject(says);
    if told_of != stood.event.stream {
        return Some(format!("it tells of {told_of}"));
    }
    if let Event::OrderForInvoicing(told) = says {
        let first = before.is_empty();
        let submitted = matches!(told, OrderForInvoicingEvent::Submitted(_));
        if first != submitted || before.len() > 1 {
            return Some(
                "invoicing is told of a submission, and after it of one cancellation at most".to_owned(),
            );
        }
    }
    None
}
