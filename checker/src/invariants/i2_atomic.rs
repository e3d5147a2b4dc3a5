//! A command is there whole, with state, events, what others are told, and record, or not at all.

use std::collections::HashMap;

use shared_events::{AggregateType, Event, OrderEvent, OrderForDeliveryEvent, OrderForInvoicingEvent};
use uuid::Uuid;

use crate::answered::{Meaning, meaning};
use crate::context::{Context, Stood};
use crate::history::{Call, History, Outcome};
use crate::report::Verdict;
use crate::telling;

const WHOLE: &str = "a command is there whole or not at all";

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    for outcome in &history.outcomes {
        verdict.compare();
        recorded(&mut verdict, context, outcome);
    }
    for (_, events) in context.streams() {
        for stood in events {
            verdict.compare();
            written(&mut verdict, context, stood);
        }
    }
    let mut keys: HashMap<&str, Vec<&Call>> = HashMap::new();
    for call in &history.calls {
        if let Some(key) = &call.key {
            keys.entry(key).or_default().push(call);
        }
    }
    for (key, calls) in keys {
        verdict.compare();
        under_key(&mut verdict, context, key, &calls);
    }
    shown(history, context, &mut verdict);
    verdict
}

fn recorded(verdict: &mut Verdict, context: &Context<'_>, outcome: &Outcome) {
    let events = context.events_of(outcome.command_id);
    let explain = || {
        let events = context.events_of(outcome.command_id);
        [telling::outcome(outcome)]
            .into_iter()
            .chain(events.map(|stood| telling::event(stood.event)))
    };
    if outcome.outcome != "succeeded" {
        if events.clone().next().is_some() {
            let seen = format!("a command that was {} left events", outcome.outcome);
            verdict.violate("a refused command leaves no event", seen, explain());
        }
        return;
    }
    let Some(version) = outcome.version else {
        return verdict.violate(WHOLE, "it succeeded at no version", explain());
    };
    let own = events.filter(|stood| {
        (stood.event.aggregate.as_str(), stood.event.stream) == (outcome.aggregate.as_str(), outcome.stream)
    });
    let versions: Vec<u64> = own.map(|stood| stood.event.version).collect();
    let contiguous = versions.windows(2).all(|two| two[0] + 1 == two[1]);
    if !contiguous || versions.last().is_some_and(|last| *last != version) {
        let seen = format!("its record says version {version}, its events have {versions:?}");
        verdict.violate(WHOLE, seen, explain());
    } else if context
        .event(&outcome.aggregate, outcome.stream, version)
        .is_none()
    {
        let seen = format!("its record says version {version}, which does not stand");
        verdict.violate(WHOLE, seen, explain());
    }
}

fn written(verdict: &mut Verdict, context: &Context<'_>, stood: &Stood<'_>) {
    let event = stood.event;
    let outcome = context.outcomes.get(&event.command_id);
    if outcome.is_none_or(|outcome| outcome.outcome != "succeeded") {
        let seen = match outcome {
            Some(outcome) => format!("its command was {}", outcome.outcome),
            None => "its command has no record".to_owned(),
        };
        let entries = outcome.map(|outcome| telling::outcome(outcome));
        verdict.violate(WHOLE, seen, [telling::event(event)].into_iter().chain(entries));
        return;
    }
    let Some(says) = &stood.says else {
        return;
    };
    for (receiver, is_it) in told_of(says) {
        let told = context.events_of(event.command_id).any(|other| {
            other.event.stream == event.stream
                && other.event.aggregate == receiver
                && other.says.as_ref().is_some_and(is_it)
        });
        if !told {
            let seen = format!(
                "nothing of it stands in {receiver}:{} by the same command",
                event.stream
            );
            let others = context.stream(receiver, event.stream).iter();
            let others = others.map(|stood| telling::event(stood.event));
            verdict.violate(WHOLE, seen, [telling::event(event)].into_iter().chain(others));
        }
    }
}

type Is = fn(&Event) -> bool;

/// What goes along with an event in other streams of the same order, either way.
fn told_of(says: &Event) -> Vec<(&'static str, Is)> {
    use Event::{Order, OrderForDelivery, OrderForInvoicing};
    match says {
        Order(OrderEvent::Submitted(_)) => vec![("order_for_invoicing", |told| {
            matches!(told, OrderForInvoicing(OrderForInvoicingEvent::Submitted(_)))
        })],
        Order(OrderEvent::Confirmed(_)) => vec![("order_for_delivery", |told| {
            matches!(told, OrderForDelivery(OrderForDeliveryEvent::Confirmed(_)))
        })],
        Order(OrderEvent::Cancelled(cancelled)) => {
            let invoicing: (_, Is) = ("order_for_invoicing", |told| {
                matches!(told, OrderForInvoicing(OrderForInvoicingEvent::Cancelled(_)))
            });
            let delivery: (_, Is) = ("order_for_delivery", |told| {
                matches!(told, OrderForDelivery(OrderForDeliveryEvent::Cancelled(_)))
            });
            match cancelled.cancelled_from.as_str() {
                "submitted" => vec![invoicing],
                "confirmed" => vec![invoicing, delivery],
                _ => vec![],
            }
        }
        OrderForInvoicing(OrderForInvoicingEvent::Submitted(_)) => {
            vec![("order", |order| matches!(order, Order(OrderEvent::Submitted(_))))]
        }
        OrderForDelivery(OrderForDeliveryEvent::Confirmed(_)) => {
            vec![("order", |order| matches!(order, Order(OrderEvent::Confirmed(_))))]
        }
        OrderForInvoicing(OrderForInvoicingEvent::Cancelled(_))
        | OrderForDelivery(OrderForDeliveryEvent::Cancelled(_)) => {
            vec![("order", |order| matches!(order, Order(OrderEvent::Cancelled(_))))]
        }
        _ => vec![],
    }
}

/// What the store has of a key, beside what its calls were answered.
fn under_key(verdict: &mut Verdict, context: &Context<'_>, key: &str, calls: &[&Call]) {
    let outcomes = context.outcomes_of(key);
    let explain = || {
        let calls = calls.iter().map(|call| telling::call(call));
        let outcomes = outcomes.iter().map(|outcome| telling::outcome(outcome));
        calls.chain(outcomes)
    };
    for call in calls {
        if let Meaning::Refused(kind) = meaning(&call.answer)
            && !outcomes
                .iter()
                .any(|outcome| outcome.refusal.as_deref() == Some(kind))
        {
            let seen = format!("a call was refused with {kind}, which no record under its key holds");
            return verdict.violate("a refused command's record holds the refusal", seen, explain());
        }
    }
    let turned_away = calls
        .iter()
        .all(|call| meaning(&call.answer) == Meaning::TurnedAway);
    if turned_away && !outcomes.is_empty() {
        verdict.violate(
            "what is turned away leaves nothing",
            "every call was turned away, and the command ran",
            explain(),
        );
    }
}

/// What anybody was shown stands: nothing was taken back.
fn shown(history: &History, context: &Context<'_>, verdict: &mut Verdict) {
    let promised = "what was shown once stands at every later look";
    for read in &history.reads {
        for (name, version) in &read.shown {
            let Some((aggregate, id)) = name.split_once(':') else {
                continue;
            };
            let (Ok(_), Ok(id)) = (aggregate.parse::<AggregateType>(), id.parse::<Uuid>()) else {
                continue;
            };
            verdict.compare();
            let head = context.head(aggregate, id);
            if *version > head {
                let seen = format!("{name} was shown at version {version}, and stands at {head}");
                verdict.violate(promised, seen, [telling::read(read)]);
            }
        }
    }
    for push in &history.pushes {
        verdict.compare();
        let head = context.head("order", push.order);
        if push.version > head {
            let seen = format!(
                "order {} was pushed at version {}, and stands at {head}",
                push.order, push.version
            );
            verdict.violate(promised, seen, [telling::push(push)]);
        }
    }
}
