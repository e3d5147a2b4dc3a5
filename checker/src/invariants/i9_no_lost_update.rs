//! Of k writers with one `If-Match`, exactly one succeeds.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use crate::answered::{Meaning, meaning};
use crate::context::Context;
use crate::history::{Answer, Call, History};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let mut rivals: BTreeMap<(&str, Uuid, u64), Vec<&Call>> = BTreeMap::new();
    for call in &history.calls {
        if let (Some(id), Some(version)) = (call.id, call.if_match) {
            rivals
                .entry((&call.aggregate, id, version))
                .or_default()
                .push(call);
        }
    }
    for ((aggregate, id, version), calls) in rivals {
        let writers: HashSet<&str> = calls.iter().filter_map(|call| call.key.as_deref()).collect();
        let nameless = calls.iter().filter(|call| call.key.is_none()).count();
        if writers.len() + nameless >= 2 {
            verdict.compare();
        }
        judge(&mut verdict, context, (aggregate, id, version), &calls);
    }
    verdict
}

fn judge(
    verdict: &mut Verdict,
    context: &Context<'_>,
    (aggregate, id, seen_at): (&str, Uuid, u64),
    calls: &[&Call],
) {
    let explain = || {
        let calls = calls.iter().map(|call| telling::call(call));
        let events = context.stream(aggregate, id).iter();
        let near = events.filter(|stood| stood.event.version.abs_diff(seen_at) <= 2);
        calls.chain(near.map(|stood| telling::event(stood.event)))
    };
    let mut winners: HashSet<Uuid> = HashSet::new();
    for call in calls {
        let Some(command) = executed(context, (aggregate, id, seen_at), call) else {
            continue;
        };
        let mut own = context
            .events_of(command)
            .map(|stood| stood.event)
            .filter(|event| (event.aggregate.as_str(), event.stream) == (aggregate, id));
        let Some(first) = own.next() else {
            continue;
        };
        winners.insert(command);
        if first.version != seen_at + 1 {
            let seen = format!(
                "{} wrote version {} though it was meant for {seen_at}",
                call.command, first.version
            );
            return verdict.violate("nobody writes over what they have not seen", seen, explain());
        }
    }
    let promised = "of k writers with one If-Match, exactly one succeeds";
    // Answers that tell of a change, one for each key.
    let changed: HashSet<(Option<&str>, usize)> = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| matches!(call.answer, Answer::Ok { version, .. } if version > seen_at))
        .map(|(at, call)| match &call.key {
            Some(key) => (Some(key.as_str()), 0),
            None => (None, at),
        })
        .collect();
    if winners.len() > 1 || changed.len() > 1 {
        let seen = format!("{} succeeded", winners.len().max(changed.len()));
        return verdict.violate(promised, seen, explain());
    }
    // All were told that it is at another version, and it never was.
    let stale = calls
        .iter()
        .all(|call| meaning(&call.answer) == Meaning::Refused("precondition-failed"));
    if stale && context.head(aggregate, id) == seen_at {
        verdict.violate(promised, "none succeeded, and nobody else changed it", explain());
    }
}

/// The command that ran for a call.
fn executed(context: &Context<'_>, (aggregate, id, seen_at): (&str, Uuid, u64), call: &Call) -> Option<Uuid> {
    match (&call.key, &call.answer) {
        (Some(key), _) => {
            let outcome = context.outcomes_of(key).first()?;
            Some(outcome.command_id)
        }
        // At the version that it was meant for it changed nothing.
        (None, Answer::Ok { version, .. }) if *version > seen_at => {
            Some(context.event(aggregate, id, *version)?.event.command_id)
        }
        (None, Answer::Accepted { command_id, .. }) => Some(*command_id),
        (None, _) => None,
    }
}
