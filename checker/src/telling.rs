//! Entries of a history as a reader is told them.

use std::fmt::Write as _;

use crate::history::{
    Answer, Call, Change, DeadLetter, Fault, Lag, Micros, Outcome, Push, Read, Record, Sighting, StoredEvent,
};

pub fn time(at: Micros) -> String {
    format!("{}.{:06} s", at / 1_000_000, at % 1_000_000)
}

pub fn call(call: &Call) -> String {
    let mut text = format!(
        "{} to {}: client {} to replica {}: {} {}",
        time(call.sent),
        time(call.ended),
        call.client,
        call.replica,
        call.command,
        call.aggregate,
    );
    if let Some(id) = call.id {
        _ = write!(text, " {id}");
    }
    if let Some(key) = &call.key {
        _ = write!(text, ", key {key}");
    }
    if let Some(version) = call.if_match {
        _ = write!(text, ", If-Match {version}");
    }
    if call.deferred {
        text.push_str(", deferred");
    }
    _ = write!(text, " -> {}", answer(&call.answer));
    text
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Ok { status, token, .. } => format!("{status} {token}"),
        Answer::Accepted { command_id, .. } => format!("202 command {command_id}"),
        Answer::Refused { status, problem, .. } => format!("{status} {problem}"),
        Answer::Unknown { cause } => format!("unknown: {cause}"),
    }
}

pub fn read(read: &Read) -> String {
    let mut text = format!(
        "{} to {}: client {} at replica {}: {}",
        time(read.sent),
        time(read.ended),
        read.client,
        read.replica,
        read.path,
    );
    if let Some(token) = &read.token {
        _ = write!(text, ", token {token}");
    }
    match read.status {
        Some(status) => _ = write!(text, " -> {status}"),
        None => text.push_str(" -> broken"),
    }
    if let Some(problem) = &read.problem {
        _ = write!(text, " {problem}");
    }
    for (shown, version) in read.shown.iter().take(3) {
        _ = write!(text, " {shown}:{version}");
    }
    if let Some(token) = &read.got_token {
        _ = write!(text, ", got token {token}");
    }
    if let Some(age) = read.age {
        _ = write!(text, ", age {age} s");
    }
    text
}

pub fn event(event: &StoredEvent) -> String {
    let StoredEvent {
        aggregate,
        stream,
        version,
        event_type,
        event_id,
        command_id,
        occurred_at,
        ..
    } = event;
    format!(
        "event {aggregate}:{stream}:{version} {event_type}, id {event_id}, of command {command_id}, {occurred_at}"
    )
}

pub fn outcome(outcome: &Outcome) -> String {
    let Outcome {
        command_id,
        command_type,
        aggregate,
        stream,
        ..
    } = outcome;
    let mut text = format!(
        "command {command_id} {command_type} on {aggregate}:{stream}: {}",
        outcome.outcome
    );
    if let Some(version) = outcome.version {
        _ = write!(text, " at version {version}");
    }
    if let Some(refusal) = &outcome.refusal {
        _ = write!(text, ", {refusal}");
    }
    if let Some(key) = &outcome.key {
        _ = write!(text, ", key {key}");
    }
    text
}

pub fn record(record: &Record) -> String {
    let Record {
        topic,
        partition,
        offset,
        aggregate,
        stream,
        version,
        event_type,
        event_id,
        ..
    } = record;
    let planted = if record.planted { ", planted" } else { "" };
    format!(
        "record {topic}/{partition}@{offset}: {aggregate}:{stream}:{version} {event_type}, id {event_id}{planted}"
    )
}

pub fn letter(letter: &DeadLetter) -> String {
    let DeadLetter {
        projection,
        topic,
        partition,
        offset,
        kind,
        cause,
        ..
    } = letter;
    format!("dead letter of {projection}: {topic}/{partition}@{offset}, {kind}: {cause}")
}

pub fn sighting(sighting: &Sighting) -> String {
    let seen = match sighting.version {
        Some(version) => format!("version {version}"),
        None => "not there".to_owned(),
    };
    format!(
        "{}: {}/{}: {seen}",
        time(sighting.at),
        sighting.index,
        sighting.id
    )
}

pub fn change(change: &Change) -> String {
    let Change {
        partition,
        offset,
        order,
        version,
    } = change;
    format!("change {partition}@{offset}: order {order} version {version}")
}

pub fn push(push: &Push) -> String {
    format!(
        "{}: client {} connection {} to replica {}: order {} version {}, id {}",
        time(push.at),
        push.client,
        push.connection,
        push.replica,
        push.order,
        push.version,
        push.event
    )
}

pub fn lag(lag: &Lag) -> String {
    let told = lag
        .told
        .map_or("nothing".to_owned(), |told| format!("{told:.3} s"));
    let mut text = format!(
        "{}: {} tells {told} of {}, and it is at least {:.3} s",
        time(lag.at),
        lag.process,
        lag.of,
        lag.at_least
    );
    if let Some(stopped) = lag.stopped_for {
        _ = write!(text, "; stopped for {stopped:.3} s");
    }
    text
}

pub fn fault(fault: &Fault) -> String {
    format!(
        "{} to {}: fault {}: {}",
        time(fault.began),
        time(fault.healed),
        fault.name,
        fault.detail
    )
}
