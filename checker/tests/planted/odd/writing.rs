//! Commands sent again and again, keys that are freed, records that come again.

use checker::history::{Answer, Outcome, Record};
use rstest::rstest;
use serde_json::json;
use shared_events::AggregateType::Order;
use uuid::Uuid;

use super::holds;
use crate::story::Story;
use crate::world::{keyed, refusal, unknown};

fn a_batch_is_sent_again(story: &mut Story) {
    let again: Vec<Record> = story.history.records[..8].to_vec();
    let again = again.into_iter().map(|record| Record {
        offset: record.offset + 1_000,
        ..record
    });
    story.history.records.extend(again);
}

fn a_topic_is_deleted_and_made_again(story: &mut Story) {
    let orders = |record: &Record| record.topic == "ordering.orders" && !record.planted;
    let mut anew: Vec<Record> = story
        .history
        .records
        .iter()
        .filter(|record| orders(record))
        .cloned()
        .collect();
    story.history.records.retain(|record| !orders(record));
    anew.sort_by_key(|record| (record.stream, record.version));
    for (offset, record) in anew.iter_mut().enumerate() {
        record.offset = offset as i64;
    }
    story.history.records.extend(anew);
}

fn events_are_doubled_and_shuffled(story: &mut Story) {
    let mut again: Vec<Record> = story
        .history
        .records
        .iter()
        .filter(|record| record.version > 0)
        .cloned()
        .collect();
    again.reverse();
    for (at, record) in again.into_iter().enumerate() {
        let first = Record {
            planted: true,
            offset: -1 - at as i64,
            ..record
        };
        story.history.records.extend([
            Record {
                offset: 5_000 + at as i64,
                ..first.clone()
            },
            first,
        ]);
    }
}

fn a_key_is_freed_and_used(story: &mut Story) {
    let mut first = story
        .history
        .calls
        .iter()
        .find(|call| call.key.as_deref() == Some("pay"))
        .expect("paid")
        .clone();
    for answer in [
        refusal(422, "invalid-body"),
        refusal(500, "internal-error"),
        refusal(409, "version-conflict"),
        refusal(503, "queue-full"),
        unknown(),
    ] {
        first.answer = answer;
        story.history.calls.insert(0, first.clone());
    }
    // Somebody else's request under the same key.
    first.answer = refusal(422, "idempotency-key-reused");
    (first.command, first.id, first.body) = ("create_order".to_owned(), None, json!({"customer_id": 1}));
    story.history.calls.push(first);
}

fn commands_without_a_key_run_as_often_as_they_are_sent(story: &mut Story) {
    let draft = story.draft;
    let call = story
        .history
        .calls
        .iter()
        .find(|call| call.key.as_deref() == Some("ship"))
        .expect("sent")
        .clone();
    let outcome = story
        .history
        .outcomes
        .iter()
        .find(|outcome| outcome.key.as_deref() == Some("ship"));
    let outcome = outcome.expect("recorded").clone();
    for (number, answer) in [
        unknown(),
        refusal(503, "deadline-exceeded"),
        refusal(409, "illegal-transition"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut again = call.clone();
        (again.key, again.answer) = (None, answer);
        story.history.calls.push(again);
        let command_id = Uuid::from_u128(200 + number as u128);
        story.history.outcomes.push(Outcome {
            command_id,
            causation_id: command_id,
            key: None,
            stream: draft,
            ..outcome.clone()
        });
    }
}

fn a_deferred_command_is_refused(story: &mut Story) {
    let mut call = story
        .history
        .calls
        .iter()
        .find(|call| call.key.as_deref() == Some("ship"))
        .expect("sent")
        .clone();
    let command_id = Uuid::from_u128(300);
    (call.key, call.deferred) = (Some("ship later".to_owned()), true);
    call.answer = Answer::Accepted {
        command_id,
        body: "{}".to_owned(),
    };
    story.history.calls.push(call.clone());
    story.history.calls.push(call);
    let outcome = story
        .history
        .outcomes
        .iter()
        .find(|outcome| outcome.key.as_deref() == Some("ship"));
    let outcome = Outcome {
        command_id,
        causation_id: command_id,
        key: Some("ship later".to_owned()),
        ..outcome.expect("recorded").clone()
    };
    story.history.outcomes.push(outcome);
}

/// Under one `If-Match` what changes nothing succeeds beside the winner, and who comes late loses.
fn rivals_that_change_nothing_succeed(story: &mut Story) {
    let product = story.contested;
    let mut call = story
        .history
        .calls
        .iter()
        .find(|call| call.if_match == Some(1))
        .expect("rivals")
        .clone();
    let token = format!("product:{product}:1");
    (call.key, call.answer) = (
        None,
        Answer::Ok {
            status: 200,
            id: product,
            version: 1,
            body: String::new(),
            token,
        },
    );
    let outcome = story
        .history
        .outcomes
        .iter()
        .find(|outcome| outcome.key.as_deref() == Some("rival 1"));
    let command_id = Uuid::from_u128(400);
    let outcome = Outcome {
        command_id,
        causation_id: command_id,
        key: None,
        version: Some(1),
        ..outcome.expect("recorded").clone()
    };
    story.history.outcomes.extend([
        outcome.clone(),
        Outcome {
            command_id: Uuid::from_u128(401),
            causation_id: Uuid::from_u128(401),
            ..outcome
        },
    ]);
    story.history.calls.extend([call.clone(), call]);
}

/// What nobody recorded a call for, such as what the harness does with its own hands.
fn a_command_of_somebody_else(story: &mut Story) {
    let outcome = story
        .history
        .outcomes
        .iter()
        .find(|outcome| outcome.key.as_deref() == Some("ship"));
    let command_id = Uuid::from_u128(500);
    let outcome = Outcome {
        command_id,
        causation_id: command_id,
        key: None,
        stream: Uuid::from_u128(501),
        refusal: Some("not-found".to_owned()),
        ..outcome.expect("recorded").clone()
    };
    story.history.outcomes.push(outcome);
}

fn an_unanswered_creation_without_an_id_ran_or_did_not(story: &mut Story) {
    let mut call = story.history.calls[0].clone();
    (call.id, call.key, call.answer) = (None, None, unknown());
    story.history.calls.extend([call.clone(), call.clone()]);
    call.key = Some("nobody knows".to_owned());
    story.history.calls.push(call);
}

#[rstest]
#[case(a_batch_is_sent_again)]
#[case(a_topic_is_deleted_and_made_again)]
#[case(events_are_doubled_and_shuffled)]
#[case(a_key_is_freed_and_used)]
#[case(commands_without_a_key_run_as_often_as_they_are_sent)]
#[case(a_deferred_command_is_refused)]
#[case(rivals_that_change_nothing_succeed)]
#[case(a_command_of_somebody_else)]
#[case(an_unanswered_creation_without_an_id_ran_or_did_not)]
fn what_looks_odd_and_is_right_is_no_violation(#[case] plant: fn(&mut Story)) {
    holds(plant);
}

#[test]
fn a_key_of_which_nothing_is_known_is_whole_where_it_ran() {
    holds(|story| {
        let calls = &mut story.history.calls;
        for call in calls
            .iter_mut()
            .filter(|call| call.key.as_deref() == Some("insisted"))
        {
            call.answer = unknown();
        }
        let mut strange = calls[0].clone();
        strange.key = keyed("strange").key.map(str::to_owned);
        (strange.aggregate, strange.answer) = (Order.as_str().to_owned(), unknown());
        calls.push(strange);
    });
}
