//! What was consumed was applied, superseded, dead-lettered or parked: nothing is skipped in silence.

use std::collections::{BTreeMap, HashSet};

use shared_events::{AggregateType, Event, WriterSchema};

use crate::context::Context;
use crate::history::{Account, History, Record};
use crate::report::Verdict;
use crate::telling;

/// That some projection reads.
const PROJECTED: [AggregateType; 5] = [
    AggregateType::Customer,
    AggregateType::Product,
    AggregateType::Order,
    AggregateType::Invoice,
    AggregateType::OrderForDelivery,
];

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    for account in &history.accounts {
        verdict.compare();
        let accounted: u64 = account.outcomes.values().sum();
        if accounted != account.consumed {
            let seen = format!(
                "{} were consumed, {accounted} are accounted for",
                account.consumed
            );
            verdict.violate(
                "consumed = applied + superseded + dead-lettered + parked",
                seen,
                [told(account)],
            );
        }
    }
    let consumed: u64 = history.accounts.iter().map(|account| account.consumed).sum();
    if consumed == 0 && !history.accounts.is_empty() && !context.events.is_empty() {
        verdict.violate(
            "what is consumed is counted",
            "there are events, and nobody counts one",
            history.accounts.iter().map(told),
        );
    }
    letters(&mut verdict, history);
    unreadable(&mut verdict, history);
    verdict
}

fn told(account: &Account) -> String {
    let Account {
        process,
        projection,
        consumed,
        outcomes,
    } = account;
    format!("{process}, {projection}: consumed {consumed}, {outcomes:?}")
}

/// None but those that the harness provoked, and none counted that is not there.
fn letters(verdict: &mut Verdict, history: &History) {
    let mut buried: BTreeMap<&str, u64> = BTreeMap::new();
    for letter in &history.dead_letters {
        verdict.compare();
        *buried.entry(&letter.projection).or_default() += 1;
        if !letter.expected {
            verdict.violate(
                "no record is dead-lettered but what cannot be taken",
                "one is there that nobody provoked",
                [telling::letter(letter)],
            );
        }
    }
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for account in &history.accounts {
        let of = account.outcomes.get("dead_lettered").copied().unwrap_or(0);
        *counted.entry(&account.projection).or_default() += of;
    }
    for (projection, counted) in counted {
        let buried = buried.get(projection).copied().unwrap_or(0);
        if counted > buried {
            let accounts = history.accounts.iter().filter(|of| of.projection == projection);
            verdict.violate(
                "what is counted as dead-lettered is among the dead letters",
                format!("{projection} counts {counted}, and {buried} are there"),
                accounts.map(told),
            );
        }
    }
}

/// What the harness put into a topic and nobody can read is among the dead letters.
fn unreadable(verdict: &mut Verdict, history: &History) {
    let buried: HashSet<(&str, i32, i64)> = history
        .dead_letters
        .iter()
        .map(|letter| (letter.topic.as_str(), letter.partition, letter.offset))
        .collect();
    for record in history.records.iter().filter(|record| record.planted) {
        let Some(kind) = AggregateType::of_topic(&record.topic).filter(|kind| PROJECTED.contains(kind))
        else {
            continue;
        };
        verdict.compare();
        if !can_be_read(kind, record)
            && !buried.contains(&(record.topic.as_str(), record.partition, record.offset))
        {
            verdict.violate(
                "a record that cannot be processed is dead-lettered",
                "one was skipped in silence",
                [telling::record(record)],
            );
        }
    }
}

fn can_be_read(kind: AggregateType, record: &Record) -> bool {
    let schema = WriterSchema::of_type(&record.event_type);
    record.version > 0 && schema.is_ok_and(|schema| Event::decode(kind, schema, &record.payload).is_ok())
}
