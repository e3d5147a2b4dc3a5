//! The events of a command that answered 2xx stand at the returned version.

use std::collections::HashSet;

use shared_events::ConsistencyToken;
use uuid::Uuid;

use crate::context::Context;
use crate::history::{Answer, Call, History};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let recorded: HashSet<(Uuid, u64)> = history
        .outcomes
        .iter()
        .filter_map(|outcome| Some((outcome.stream, outcome.version?)))
        .collect();
    let queued: HashSet<Uuid> = history
        .left
        .iter()
        .filter(|left| left.table == "command_queue")
        .map(|left| left.stream)
        .collect();
    for call in &history.calls {
        match &call.answer {
            Answer::Ok {
                id, version, token, ..
            } => {
                verdict.compare();
                answered(&mut verdict, context, &recorded, call, (*id, *version, token));
            }
            Answer::Accepted { command_id, .. } => {
                verdict.compare();
                let waits = call.id.is_some_and(|id| queued.contains(&id));
                if !context.outcomes.contains_key(command_id) && !waits {
                    verdict.violate(
                        "a command that was accepted is decided",
                        format!("command {command_id} has no outcome and waits nowhere"),
                        [telling::call(call)],
                    );
                }
            }
            Answer::Refused { .. } | Answer::Unknown { .. } => {}
        }
    }
    verdict
}

fn answered(
    verdict: &mut Verdict,
    context: &Context<'_>,
    recorded: &HashSet<(Uuid, u64)>,
    call: &Call,
    (id, version, token): (Uuid, u64, &str),
) {
    let promised = "what was answered 2xx stands at the returned version";
    let Ok(named) = token.parse::<ConsistencyToken>() else {
        let seen = format!("the answer's token {token} is none");
        return verdict.violate(promised, seen, [telling::call(call)]);
    };
    if (named.id, named.version) != (id, version) {
        let seen = format!("the answer is of {id} at version {version}, its token names {token}");
        return verdict.violate(promised, seen, [telling::call(call)]);
    }
    let aggregate = named.aggregate.as_str();
    if aggregate == call.aggregate && call.id.is_some_and(|meant| meant != id) {
        let seen = format!("the answer is of {id}, which is not what the command was sent to");
        return verdict.violate(promised, seen, [telling::call(call)]);
    }
    if context.event(aggregate, id, version).is_none() {
        let seen = format!("{aggregate}:{id} has no version {version}");
        let stream = context.stream(aggregate, id);
        let entries = stream.iter().map(|stood| telling::event(stood.event));
        return verdict.violate(promised, seen, [telling::call(call)].into_iter().chain(entries));
    }
    let outcomes = call.key.as_deref().map(|key| context.outcomes_of(key));
    let known = match outcomes {
        Some(outcomes) => outcomes
            .iter()
            .any(|outcome| (outcome.stream, outcome.version) == (id, Some(version))),
        None => recorded.contains(&(id, version)),
    };
    if !known {
        let seen = match outcomes {
            Some([]) => "its key has no record of a command".to_owned(),
            Some(_) => "the record under its key says something else".to_owned(),
            None => format!("no record says that a command brought {aggregate}:{id} to {version}"),
        };
        let entries = outcomes.unwrap_or_default().iter();
        let entries = entries.map(|outcome| telling::outcome(outcome));
        verdict.violate(promised, seen, [telling::call(call)].into_iter().chain(entries));
    }
}
