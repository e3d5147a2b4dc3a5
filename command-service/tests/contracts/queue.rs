//! What the queue of commands promises to those who put commands in and to workers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use command_service::application::ports::{
    CommandQueue, CommandStatus, CommandStore, EventStore, Postponement, QueuedCommand, StoreError, StreamId,
    TakenCommand,
};
use command_service::outbound::bucket::bucket_of;
use uuid::Uuid;

use crate::Adapters;
use crate::commits::{append, decided, every_bucket, ids_of, key, new_id, new_order, queued, take_all};
use crate::support::eventually;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(50);

async fn enqueue(adapters: &impl Adapters, stream: StreamId) -> QueuedCommand {
    let command = queued(stream);
    adapters.store().enqueue(command.clone(), None).await.unwrap();
    command
}

async fn status(adapters: &impl Adapters, command_id: Uuid) -> CommandStatus {
    adapters
        .store()
        .command(command_id)
        .await
        .unwrap()
        .unwrap()
        .status
}

fn pending(attempts: u32, last_error: Option<&str>) -> CommandStatus {
    CommandStatus::Pending {
        attempts,
        last_error: last_error.map(str::to_owned),
    }
}

/// Another order in the bucket of the given one.
fn neighbour(order: StreamId) -> StreamId {
    loop {
        let other = new_order();
        if bucket_of(other.id) == bucket_of(order.id) {
            return other;
        }
    }
}

pub async fn a_queued_command_is_pending_and_runs_once_taken(adapters: &impl Adapters) {
    let command = enqueue(adapters, new_order()).await;
    let found = adapters
        .store()
        .command(command.command_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.command_type, found.stream, found.actor, found.received_at),
        (
            command.command_type.clone(),
            command.stream,
            command.actor.clone(),
            command.received_at
        )
    );
    assert_eq!(
        (found.causation_id, found.correlation_id),
        (command.causation_id, command.correlation_id)
    );
    assert_eq!(found.status, pending(0, None));
    let taken = take_all(&*adapters.store()).await;
    assert_eq!(ids_of(&taken), [command.command_id]);
    assert_eq!(status(adapters, command.command_id).await, CommandStatus::Running);
    let again = take_all(&*adapters.store()).await;
    assert_eq!(again, taken, "what nobody decided is taken again");
}

pub async fn what_is_queued_is_taken_as_it_was(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let mut given = Vec::new();
    for if_match in [None, Some(vec![]), Some(vec![3, 7])] {
        let command = QueuedCommand {
            traceparent: if_match.is_none().then(|| "00-1-2-01".to_owned()),
            if_match,
            ..queued(order)
        };
        store.enqueue(command.clone(), None).await.unwrap();
        given.push(command);
    }
    let taken = take_all(&*store).await;
    assert!(
        taken
            .iter()
            .all(|taken| taken.place.bucket == bucket_of(order.id))
    );
    let commands: Vec<_> = taken.into_iter().map(|taken| taken.command).collect();
    assert_eq!(commands, given);
}

pub async fn commands_come_in_the_order_in_which_they_were_accepted(adapters: &impl Adapters) {
    let orders = [new_order(), new_order(), new_order()];
    let mut given: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for _ in 0..4 {
        for order in orders {
            let command = enqueue(adapters, order).await;
            given.entry(order.id).or_default().push(command.command_id);
        }
    }
    let mut came: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for taken in take_all(&*adapters.store()).await {
        came.entry(taken.command.stream.id)
            .or_default()
            .push(taken.command.command_id);
    }
    assert_eq!(came, given);
}

pub async fn taking_is_bounded_for_each_bucket(adapters: &impl Adapters) {
    for _ in 0..32 {
        let order = new_order();
        enqueue(adapters, order).await;
        enqueue(adapters, order).await;
    }
    let store = adapters.store();
    assert_eq!(store.take(&[], 10).await.unwrap(), []);
    assert_eq!(store.take(&every_bucket(), 0).await.unwrap(), []);
    let all = take_all(&*store).await;
    assert_eq!(all.len(), 64);
    for bucket in every_bucket() {
        let oldest = all.iter().filter(|taken| taken.place.bucket == bucket).take(3);
        let oldest: Vec<_> = oldest.cloned().collect();
        assert_eq!(store.take(&[bucket], 3).await.unwrap(), oldest);
    }
}

pub async fn what_is_postponed_holds_up_its_stream_and_no_other(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let failing = enqueue(adapters, order).await;
    let behind = enqueue(adapters, order).await.command_id;
    let others = [
        enqueue(adapters, neighbour(order)).await.command_id,
        enqueue(adapters, neighbour(order)).await.command_id,
    ];
    let taken = take_all(&*store).await;
    assert_eq!(taken[0].command, failing);
    let postponement = postponed(LONG, "no answer", false);
    store.postpone(taken[0].place, postponement).await.unwrap();
    let last_error = Some("no answer");
    assert_eq!(status(adapters, failing.command_id).await, pending(1, last_error));
    assert_eq!(
        status(adapters, behind).await,
        pending(0, None),
        "it does not run"
    );
    assert_eq!(status(adapters, others[0]).await, CommandStatus::Running);
    assert_eq!(ids_of(&take_all(&*store).await), others);
    enqueue(adapters, order).await;
    assert_eq!(
        ids_of(&take_all(&*store).await),
        others,
        "nor does a newer one overtake"
    );
    let bounded = store.take(&[bucket_of(order.id)], 1).await.unwrap();
    assert_eq!(ids_of(&bounded), others[..1], "what is left out does not count");
}

pub async fn what_is_postponed_comes_back(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let first = enqueue(adapters, order).await.command_id;
    let second = enqueue(adapters, order).await.command_id;
    for attempts in 1..=2 {
        let place = take_all(&*store).await[0].place;
        // The second is the command's own fault.
        let postponement = postponed(SHORT, &format!("failure {attempts}"), attempts == 2);
        store.postpone(place, postponement).await.unwrap();
        adapters.pass(SHORT).await;
        let taken = Mutex::default();
        eventually("what was postponed is due", async || {
            *taken.lock().unwrap() = take_all(&*store).await;
            !taken.lock().unwrap().is_empty()
        })
        .await;
        let taken: Vec<TakenCommand> = taken.into_inner().unwrap();
        assert_eq!(ids_of(&taken), [first, second]);
        assert_eq!((taken[0].attempts, taken[1].attempts), (attempts, 0));
        assert_eq!((taken[0].faults, taken[1].faults), (attempts - 1, 0));
        assert_eq!(status(adapters, first).await, CommandStatus::Running);
    }
}

pub async fn what_is_gone_is_not_postponed(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    enqueue(adapters, order).await;
    let place = take_all(&*store).await[0].place;
    store.remove(place).await.unwrap();
    store
        .postpone(place, postponed(LONG, "too late", true))
        .await
        .unwrap();
    assert_eq!(take_all(&*store).await, []);
}

fn postponed(delay: Duration, error: &str, is_fault: bool) -> Postponement {
    Postponement {
        delay,
        error: error.to_owned(),
        is_fault,
    }
}

pub async fn what_is_removed_is_gone(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let gone = enqueue(adapters, order).await;
    let kept = enqueue(adapters, order).await;
    let place = take_all(&*store).await[0].place;
    store.remove(place).await.unwrap();
    store.remove(place).await.unwrap();
    assert_eq!(ids_of(&take_all(&*store).await), [kept.command_id]);
    assert_eq!(store.command(gone.command_id).await.unwrap(), None);
}

pub async fn what_waits_is_counted_by_type(adapters: &impl Adapters) {
    let store = adapters.store();
    assert_eq!(store.waiting().await.unwrap(), []);
    for _ in 0..3 {
        enqueue(adapters, new_order()).await;
    }
    adapters.pass(SHORT).await;
    let cancel = QueuedCommand {
        command_type: "cancel-order".to_owned(),
        ..queued(new_order())
    };
    store.enqueue(cancel, None).await.unwrap();
    let mut waiting = store.waiting().await.unwrap();
    waiting.sort_by(|one, other| one.command_type.cmp(&other.command_type));
    let counts: Vec<_> = waiting
        .iter()
        .map(|waiting| (waiting.command_type.as_str(), waiting.commands))
        .collect();
    assert_eq!(counts, [("cancel-order", 1), ("submit-order", 3)]);
    let ages = [waiting[0].oldest_seconds, waiting[1].oldest_seconds];
    assert!(0.0 <= ages[0] && ages[0] < ages[1] && ages[1] >= 0.05, "{ages:?}");
    for taken in take_all(&*store).await {
        store.commit(decided(&taken)).await.unwrap();
    }
    assert_eq!(store.waiting().await.unwrap(), []);
}

pub async fn a_command_is_queued_once(adapters: &impl Adapters) {
    let command = enqueue(adapters, new_order()).await;
    let again = adapters.store().enqueue(command, None).await;
    assert!(matches!(again, Err(StoreError::DuplicateCommand)), "{again:?}");
    assert_eq!(take_all(&*adapters.store()).await.len(), 1);
}

pub async fn a_key_that_was_used_queues_nothing(adapters: &impl Adapters) {
    let store = adapters.store();
    let first = queued(new_order());
    store.enqueue(first.clone(), Some(key("later"))).await.unwrap();
    let mut now = append(new_order(), 0, 1);
    now.key = Some(key("now"));
    store.commit(now.clone()).await.unwrap();
    for used in ["later", "now"] {
        let second = queued(new_order());
        let answer = store.enqueue(second.clone(), Some(key(used))).await;
        assert!(
            matches!(answer, Err(StoreError::DuplicateKey)),
            "{used}: {answer:?}"
        );
        assert_eq!(store.command(second.command_id).await.unwrap(), None);
        let mut third = append(new_order(), 0, 1);
        third.key = Some(key(used));
        let answer = store.commit(third).await;
        assert!(
            matches!(answer, Err(StoreError::DuplicateKey)),
            "{used}: {answer:?}"
        );
    }
    assert_eq!(ids_of(&take_all(&*store).await), [first.command_id]);
    let later = store
        .command_of_key("Grace Hopper", "later")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((later.request_hash, later.deferred), ([7; 32], true));
    assert_eq!(later.command.command_id, first.command_id);
    assert_eq!(later.command.status, CommandStatus::Running);
}

pub async fn a_deferred_commands_key_outlives_the_queue(adapters: &impl Adapters) {
    let store = adapters.store();
    let command = queued(new_order());
    store.enqueue(command.clone(), Some(key("later"))).await.unwrap();
    let taken = take_all(&*store).await.remove(0);
    store.commit(decided(&taken)).await.unwrap();
    let later = store
        .command_of_key("Grace Hopper", "later")
        .await
        .unwrap()
        .unwrap();
    assert!(later.deferred);
    assert_eq!(later.command.command_id, command.command_id);
    assert!(matches!(later.command.status, CommandStatus::Decided { .. }));
}

pub async fn old_keys_are_forgotten_and_their_commands_are_not(adapters: &impl Adapters) {
    let store = adapters.store();
    let mut commands = Vec::new();
    for name in ["first", "second", "third"] {
        let mut commit = append(new_order(), 0, 1);
        commit.key = Some(key(name));
        store.commit(commit.clone()).await.unwrap();
        commands.push(commit.command.command_id);
        adapters.pass(Duration::from_millis(2)).await;
    }
    adapters.pass(SHORT).await;
    let known = async || {
        let mut known = Vec::new();
        for name in ["first", "second", "third"] {
            if store
                .command_of_key("Grace Hopper", name)
                .await
                .unwrap()
                .is_some()
            {
                known.push(name);
            }
        }
        known
    };
    assert_eq!(store.forget_keys(LONG, 10).await.unwrap(), 0, "none is so old");
    assert_eq!(store.forget_keys(SHORT, 2).await.unwrap(), 2);
    assert_eq!(known().await, ["third"], "the oldest go first");
    assert_eq!(store.forget_keys(SHORT, 2).await.unwrap(), 1);
    assert_eq!(known().await, [] as [&str; 0]);
    for command_id in commands {
        assert!(store.command(command_id).await.unwrap().is_some());
    }
    assert_eq!(store.command(new_id()).await.unwrap(), None);
}
