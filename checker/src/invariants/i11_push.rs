//! Every order's last change is told, and across reconnects with `Last-Event-ID` none is missed.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::context::Context;
use crate::history::{BEGINS_ANEW, Change, History, Push};
use crate::report::Verdict;
use crate::telling;

const PROMISED: &str = "across reconnects no change is missed";

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    all_told(&mut verdict, history, context);
    let topic: BTreeMap<(i32, i64), &Change> = history
        .changes
        .iter()
        .map(|change| ((change.partition, change.offset), change))
        .collect();
    let mut clients: BTreeMap<u32, Vec<&Push>> = BTreeMap::new();
    for push in &history.pushes {
        clients.entry(push.client).or_default().push(push);
    }
    let gone: Vec<u32> = clients
        .keys()
        .filter_map(|client| client.checked_sub(BEGINS_ANEW))
        .collect();
    for (client, pushes) in &mut clients {
        // Within a connection as they came.
        pushes.sort_by_key(|push| push.connection);
        told(&mut verdict, &topic, pushes, gone.contains(client));
    }
    verdict
}

/// Whoever listens has seen every order's last state. What is written together is told as one.
fn all_told(verdict: &mut Verdict, history: &History, context: &Context<'_>) {
    let mut told: HashMap<Uuid, u64> = HashMap::new();
    for change in &history.changes {
        let version = told.entry(change.order).or_default();
        *version = change.version.max(*version);
    }
    for ((aggregate, order), events) in context.streams() {
        if let ("order", Some(last)) = (aggregate, events.last()) {
            verdict.compare();
            let told = told.get(&order).copied().unwrap_or(0);
            if told < last.event.version {
                verdict.violate(
                    "every order's last change is told",
                    format!("order {order} is told of up to version {told}"),
                    [telling::event(last.event)],
                );
            }
        }
    }
}

/// For each partition the offset that is read next, as an event's id says it: `0:12,3:40`.
fn positions(event: &str) -> Option<HashMap<i32, i64>> {
    let position = |text: &str| {
        let (partition, next) = text.split_once(':')?;
        Some((partition.parse().ok()?, next.parse().ok()?))
    };
    event.split(',').map(position).collect()
}

/// One client: what it was told, beside what stands in the topic from where it began.
fn told(verdict: &mut Verdict, topic: &BTreeMap<(i32, i64), &Change>, pushes: &[&Push], begins_anew: bool) {
    let mut passed: HashSet<(i32, i64)> = HashSet::new();
    let mut began: Option<HashMap<i32, i64>> = None;
    let mut reached: HashMap<i32, i64> = HashMap::new();
    for push in pushes {
        let Some(positions) = positions(&push.event) else {
            let seen = "the event's id is no position";
            return verdict.violate("a push can be resumed", seen, [telling::push(push)]);
        };
        // The position is behind the change itself.
        let own = positions
            .iter()
            .map(|(partition, next)| (*partition, next - 1))
            .find(|at| {
                topic
                    .get(at)
                    .is_some_and(|change| (change.order, change.version) == (push.order, push.version))
            });
        match own {
            Some(own) => _ = passed.insert(own),
            None => verdict.violate(
                "what is pushed stands in the changes topic",
                "no change at the push's position is of this order and version",
                [telling::push(push)],
            ),
        }
        for (partition, next) in &positions {
            let reached = reached.entry(*partition).or_default();
            *reached = *next.max(reached);
        }
        began.get_or_insert(positions);
    }
    let Some(began) = began else {
        return;
    };
    for (at, change) in topic {
        // A partition that was not there when the client began is read from its beginning.
        if at.1 < began.get(&at.0).copied().unwrap_or(0) {
            continue;
        }
        // What followed its last position was no longer to be had.
        if begins_anew && at.1 >= reached.get(&at.0).copied().unwrap_or(0) {
            continue;
        }
        verdict.compare();
        if !passed.contains(at) {
            let around = around(pushes, *at);
            verdict.violate(
                PROMISED,
                "a change was never pushed to a client that had begun before it",
                [telling::change(change)].into_iter().chain(around),
            );
        }
    }
}

/// The last push before the change's place, and the first behind it.
fn around<'a>(pushes: &'a [&'a Push], at: (i32, i64)) -> impl Iterator<Item = String> + use<'a> {
    let behind = pushes.iter().position(|push| {
        let next = positions(&push.event).and_then(|positions| positions.get(&at.0).copied());
        next.is_some_and(|next| next > at.1)
    });
    let before = behind.unwrap_or(pushes.len()).checked_sub(1);
    let near = [before, behind].into_iter().flatten();
    near.map(|at| telling::push(pushes[at]))
}
