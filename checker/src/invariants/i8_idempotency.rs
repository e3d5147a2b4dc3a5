//! For each key at most one execution; every final answer to it has the same status and body.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use crate::answered::{Meaning, meaning};
use crate::context::Context;
use crate::history::{Answer, Call, History, Outcome};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let mut keys: HashMap<&str, Vec<&Call>> = HashMap::new();
    for call in &history.calls {
        if let Some(key) = &call.key {
            keys.entry(key).or_default().push(call);
        }
    }
    for (key, calls) in keys {
        verdict.compare();
        of_key(&mut verdict, context, key, &calls);
    }
    without_key(history, &mut verdict);
    verdict
}

fn of_key(verdict: &mut Verdict, context: &Context<'_>, key: &str, calls: &[&Call]) {
    let outcomes = context.outcomes_of(key);
    if outcomes.len() > 1 {
        let entries = outcomes.iter().map(|outcome| telling::outcome(outcome));
        let seen = format!("{} commands ran under {key}", outcomes.len());
        verdict.violate("for each key at most one execution", seen, entries);
    }
    let mut answered = calls
        .iter()
        .filter(|call| matches!(meaning(&call.answer), Meaning::Done | Meaning::Refused(_)));
    let Some(first) = answered.next() else {
        return;
    };
    for other in answered {
        let what = if words(&first.answer) != words(&other.answer) {
            "another answer"
        } else if request(first) != request(other) {
            "an answer to another request"
        } else {
            continue;
        };
        verdict.violate(
            "every final answer to a key is the same",
            format!("{what} under {key}"),
            [telling::call(first), telling::call(other)],
        );
    }
}

/// Status and body; a body in JSON as what it says.
fn words(answer: &Answer) -> (u16, Value) {
    let (status, body) = match answer {
        Answer::Ok { status, body, .. } | Answer::Refused { status, body, .. } => (*status, body),
        Answer::Accepted { body, .. } => (202, body),
        Answer::Unknown { .. } => return (0, Value::Null),
    };
    let said = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body.as_str()));
    (status, said)
}

fn request(call: &Call) -> (&str, Option<Uuid>, Option<u64>, &Value) {
    (&call.command, call.id, call.if_match, &call.body)
}

/// What ran without a key was asked for without one: else it is a second execution of what was asked for with one.
fn without_key(history: &History, verdict: &mut Verdict) {
    let mut asked: HashMap<Uuid, u64> = HashMap::new();
    // Creations whose id nobody was told.
    let mut anywhere: u64 = 0;
    let mut calls: HashMap<Uuid, Vec<&Call>> = HashMap::new();
    for call in &history.calls {
        let told = match &call.answer {
            Answer::Ok { id, .. } => Some(*id),
            _ => None,
        };
        let stream = told.or(call.id);
        if let Some(stream) = stream {
            calls.entry(stream).or_default().push(call);
        }
        if call.key.is_some() || meaning(&call.answer) == Meaning::TurnedAway {
            continue;
        }
        match stream {
            Some(stream) => *asked.entry(stream).or_default() += 1,
            None => anywhere += 1,
        }
    }
    let mut ran: HashMap<Uuid, Vec<&Outcome>> = HashMap::new();
    for outcome in &history.outcomes {
        // A policy's command has an event as its cause, a client's itself.
        if outcome.key.is_none() && outcome.causation_id == outcome.command_id {
            ran.entry(outcome.stream).or_default().push(outcome);
        }
    }
    for (stream, outcomes) in ran {
        // Streams that nobody recorded a call for are not the workload's.
        let Some(calls) = calls.get(&stream) else {
            continue;
        };
        verdict.compare();
        let more = (outcomes.len() as u64).saturating_sub(asked.get(&stream).copied().unwrap_or(0));
        if more > anywhere {
            let outcomes = outcomes.iter().map(|outcome| telling::outcome(outcome));
            let calls = calls.iter().map(|call| telling::call(call));
            verdict.violate(
                "for each key at most one execution",
                format!("{more} commands ran on {stream} that nobody asked for without a key"),
                calls.chain(outcomes),
            );
        }
    }
}
