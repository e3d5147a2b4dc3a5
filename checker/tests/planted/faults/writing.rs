//! Commands that are lost, half there, or there twice.

use checker::history::{Answer, Outcome};
use shared_events::event::{CustomerRenamedV1, OrderDeliveredV1};
use shared_events::{CustomerEvent, OrderEvent};
use uuid::Uuid;

use super::{Planted, planted};
use crate::story::Story;
use crate::world::refusal;

pub const FAULTS: &[Planted] = &[
    planted(
        "an event is gone after its command was answered 2xx",
        &["I1"],
        |story| {
            let order = story.delivered;
            let last = story.event_of_type(order, "OrderDeliveredV1").event_id;
            story.forget(last);
        },
    ),
    planted(
        "a command that was answered 2xx has no record",
        &["I1"],
        |story| {
            let command = story.outcome("pay").command_id;
            story.forget_outcome(command);
        },
    ),
    planted(
        "a command's answer names the version before in its token",
        &["I1"],
        |story| {
            let (version, token) = answered(story, "submit");
            *token = token.replace(&format!(":{version}"), &format!(":{}", *version - 1));
        },
    ),
    planted("a command's answer names the version after", &["I1"], |story| {
        let (version, token) = answered(story, "deliver");
        *token = token.replace(&format!(":{version}"), &format!(":{}", *version + 1));
        *version += 1;
    }),
    planted("a command that was accepted is never decided", &["I1"], |story| {
        let command = story.outcome("deferred").command_id;
        story.forget_outcome(command);
    }),
    planted("a refused command left an event", &["I2"], |story| {
        let (draft, command) = (story.draft, story.outcome("ship").command_id);
        let like = story.event("order", draft, 1).clone();
        let says = OrderEvent::from(OrderDeliveredV1 { order_id: draft });
        story.append(&like, command, &says.into());
    }),
    planted(
        "a command is there without what invoicing is told",
        &["I2"],
        |story| {
            let order = story.cancelled;
            let told = story.event("order_for_invoicing", order, 2).event_id;
            story.forget(told);
        },
    ),
    planted(
        "delivery is told of what the order never decided",
        &["I2"],
        |story| {
            let order = story.taken_back;
            let confirmed = story.event_of_type(order, "OrderConfirmedV1").event_id;
            story.forget(confirmed);
        },
    ),
    planted(
        "a command's events are there without its record",
        &["I2"],
        |story| {
            let command = story.event_of_type(story.delivered, "OrderShippedV1").command_id;
            story.forget_outcome(command);
        },
    ),
    planted(
        "a command's record names another version than its events have",
        &["I2"],
        |story| {
            let version = story.outcome("create").version.as_mut().expect("it succeeded");
            *version -= 1;
        },
    ),
    planted("half of a command's events are missing", &["I2"], |story| {
        let order = story.draft;
        let second = story.event("order", order, 2).event_id;
        story.forget(second);
    }),
    planted(
        "a command that was turned away at the door ran",
        &["I2"],
        |story| {
            for call in calls_of(story, "insisted") {
                *call = refusal(503, "overloaded");
            }
        },
    ),
    planted("a refusal is held by no record", &["I2"], |story| {
        let command = story.outcome("ship").command_id;
        story.forget_outcome(command);
    }),
    planted("a query showed what was rolled back", &["I2"], |story| {
        let read = story.history.reads.iter_mut().find(|read| !read.shown.is_empty());
        for version in read.expect("somebody read").shown.values_mut() {
            *version += 9;
        }
    }),
    planted("a stream has a gap", &["I3"], |story| {
        let order = story.delivered;
        let third = story.event("order", order, 3).event_id;
        story.forget(third);
    }),
    planted("two events have one version", &["I3"], |story| {
        let order = story.delivered;
        story.event("order", order, 4).version = 3;
    }),
    planted("an event stands where it is not legal", &["I3"], |story| {
        let order = story.delivered;
        story.event("order", order, 5).version = 6;
        story.event_of_type(order, "OrderDeliveredV1").version = 5;
    }),
    planted("an event of another order stands in a stream", &["I3"], |story| {
        let (order, other) = (story.delivered, story.cancelled);
        let last = story.event_of_type(order, "OrderDeliveredV1").event_id;
        let says = OrderEvent::from(OrderDeliveredV1 { order_id: other });
        story.reword(last, &says.into());
    }),
    planted("an event's body cannot be read", &["I3"], |story| {
        let order = story.draft;
        story.event("order", order, 2).payload.truncate(3);
    }),
    planted("an event is stored twice under one id", &["I3"], |story| {
        let (first, draft) = (story.history.events[0].event_id, story.draft);
        story.event("order", draft, 1).event_id = first;
    }),
    planted("a key led to two executions", &["I8"], |story| {
        let again = Outcome {
            command_id: Uuid::from_u128(77),
            ..story.outcome("rename").clone()
        };
        story.history.outcomes.push(again);
    }),
    planted(
        "an idempotency key outside the transaction: the command ran again",
        &["I8"],
        |story| {
            let customer = story.customer;
            let command = Uuid::from_u128(78);
            let again = Outcome {
                command_id: command,
                causation_id: command,
                version: Some(3),
                key: None,
                ..story.outcome("rename").clone()
            };
            story.history.outcomes.push(again);
            // The one registration without a key is spoken for.
            let like = story.event("customer", customer, 2).clone();
            let says = CustomerEvent::from(CustomerRenamedV1 {
                customer_id: customer,
                name: "Ada Lovelace".to_owned(),
            });
            story.append(&like, command, &says.into());
        },
    ),
    planted("a repeat under a key got another answer", &["I8"], |story| {
        let last = calls_of(story, "insisted").last().expect("it was sent again");
        if let Answer::Ok { status, .. } = last {
            *status = 200;
        }
    }),
    planted(
        "a repeat under a key was told another version",
        &["I8"],
        |story| {
            let last = calls_of(story, "insisted").last().expect("it was sent again");
            if let Answer::Ok { body, .. } = last {
                *body = body.replace("\"version\":2", "\"version\":4");
            }
        },
    ),
    planted("a refusal under a key became a success", &["I8"], |story| {
        let success = story.history.calls[0].answer.clone();
        let last = calls_of(story, "ship").last().expect("it was sent again");
        *last = success;
    }),
    planted(
        "another request was answered with what a key's first had done",
        &["I8"],
        |story| {
            let mut calls = story.history.calls.iter_mut().rev();
            let last = calls.find(|call| call.key.as_deref() == Some("insisted"));
            last.expect("it was sent").body = serde_json::json!({"customer_id": Uuid::nil()});
        },
    ),
];

fn calls_of<'a>(story: &'a mut Story, key: &str) -> impl Iterator<Item = &'a mut Answer> {
    let calls = story.history.calls.iter_mut();
    calls
        .filter(move |call| call.key.as_deref() == Some(key))
        .map(|call| &mut call.answer)
}

fn answered<'a>(story: &'a mut Story, key: &'a str) -> (&'a mut u64, &'a mut String) {
    match calls_of(story, key).next() {
        Some(Answer::Ok { version, token, .. }) => (version, token),
        _ => panic!("it was answered"),
    }
}
