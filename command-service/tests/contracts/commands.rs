//! What a commit writes beside the command's own events, and what is known of a command afterwards.

use command_service::application::ports::{
    CommandOutcome, CommandStatus, CommandStore, EventStore, Outbox, RecordedRefusal, StoreError, StreamId,
};

use crate::Adapters;
use crate::commits::{
    append, commit, decided, every_bucket, ids_of, key, new_id, new_order, queued, refusal, some_time,
    take_all, told,
};

async fn length(store: &impl EventStore, stream: StreamId) -> usize {
    store.read(&[stream], None).await.unwrap()[0].events.len()
}

async fn outcome(store: &impl CommandStore, command_id: uuid::Uuid) -> CommandOutcome {
    match store.command(command_id).await.unwrap().unwrap().status {
        CommandStatus::Decided { outcome, .. } => outcome,
        status => panic!("not decided, but {status:?}"),
    }
}

pub async fn told_events_go_to_their_own_streams_and_topics(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let mut submission = append(order, 0, 2);
    submission.told = vec![told(order, 1)];
    let mut cancellation = append(order, 2, 1);
    cancellation.told = vec![told(order, 2)];
    store.commit(submission.clone()).await.unwrap();
    store.commit(cancellation.clone()).await.unwrap();

    let told_stream = submission.told[0].stream;
    let streams = store.read(&[order, told_stream], None).await.unwrap();
    assert_eq!(streams[0].events.len(), 3);
    let payloads: Vec<_> = streams[1].events.iter().map(|event| &event.payload).collect();
    assert_eq!(payloads, [b"told 1", b"told 2"]);
    let rows = adapters.outbox().pending(&every_bucket(), 100).await.unwrap();
    let of_told: Vec<_> = rows
        .iter()
        .filter(|row| row.topic == "ordering.orders.for-invoicing")
        .collect();
    assert_eq!((rows.len(), of_told.len()), (5, 2));
    for (row, commit) in of_told.iter().zip([&submission, &cancellation]) {
        let told = &commit.told[0];
        assert_eq!(row.metadata.event_id, told.event.event_id);
        assert_eq!(row.metadata.event_type, told.event.event_type);
        assert_eq!(row.metadata.aggregate, told.stream.aggregate);
        assert_eq!(row.metadata.aggregate_id, order.id);
        assert_eq!(row.metadata.version, told.version);
        assert_eq!(row.metadata.command_id, commit.command.command_id);
        assert_eq!(row.metadata.correlation_id, commit.command.correlation_id);
    }
}

pub async fn a_told_version_that_is_there_is_a_conflict_and_leaves_nothing(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let mut first = append(order, 0, 1);
    first.told = vec![told(order, 1)];
    store.commit(first).await.unwrap();
    let mut again = append(order, 1, 1);
    again.told = vec![told(order, 1)];
    again.key = Some(key("again"));
    again.follow_ups = vec![queued(new_order())];
    let answer = store.commit(again.clone()).await;
    assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
    assert_eq!(length(&*store, order).await, 1);
    assert_eq!(store.command(again.command.command_id).await.unwrap(), None);
    let kept = store.command_of_key(&again.command.actor, "again").await.unwrap();
    assert_eq!(kept, None);
    assert_eq!(take_all(&*store).await, []);
    let rows = adapters.outbox().pending(&every_bucket(), 100).await.unwrap();
    assert_eq!(rows.len(), 2);
}

pub async fn follow_ups_are_queued_in_order(adapters: &impl Adapters) {
    let (store, target) = (adapters.store(), new_order());
    let mut cause = append(new_order(), 0, 1);
    cause.follow_ups = vec![queued(target), queued(target), queued(target)];
    store.commit(cause.clone()).await.unwrap();
    let taken = take_all(&*store).await;
    let commands: Vec<_> = taken.iter().map(|taken| taken.command.clone()).collect();
    assert_eq!(commands, cause.follow_ups);
    assert!(taken.iter().all(|taken| taken.attempts == 0));
}

pub async fn a_key_is_kept_with_its_outcome(adapters: &impl Adapters) {
    let store = adapters.store();
    for (name, mut commit) in [
        ("done", append(new_order(), 0, 1)),
        ("refused", refusal(new_order())),
    ] {
        commit.key = Some(key(name));
        store.commit(commit.clone()).await.unwrap();
        let kept = store.command_of_key(&commit.command.actor, name).await.unwrap();
        let kept = kept.unwrap();
        assert_eq!((kept.request_hash, kept.deferred), ([7; 32], false));
        let command = store.command(commit.command.command_id).await.unwrap();
        assert_eq!(Some(kept.command), command);
    }
    let other = store.command_of_key("Grace Hopper", "other").await.unwrap();
    assert_eq!(other, None);
}

pub async fn a_key_belongs_to_its_actor(adapters: &impl Adapters) {
    let store = adapters.store();
    let mut hers = append(new_order(), 0, 1);
    hers.key = Some(key("same"));
    let mut his = append(new_order(), 0, 1);
    his.command.actor = "Howard Aiken".to_owned();
    his.key = Some(key("same"));
    for commit in [&hers, &his] {
        store.commit(commit.clone()).await.unwrap();
        let kept = store.command_of_key(&commit.command.actor, "same").await.unwrap();
        assert_eq!(kept.unwrap().command.command_id, commit.command.command_id);
    }
    assert_eq!(store.command_of_key("anonymous", "same").await.unwrap(), None);
}

pub async fn a_second_commit_under_a_key_leaves_nothing(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let mut first = append(order, 0, 1);
    first.key = Some(key("once"));
    store.commit(first.clone()).await.unwrap();
    let mut second = append(order, 1, 1);
    second.key = Some(key("once"));
    second.told = vec![told(order, 1)];
    second.follow_ups = vec![queued(new_order())];
    let answer = store.commit(second.clone()).await;
    assert!(matches!(answer, Err(StoreError::DuplicateKey)), "{answer:?}");
    assert_eq!(length(&*store, order).await, 1);
    assert_eq!(length(&*store, second.told[0].stream).await, 0);
    assert_eq!(store.command(second.command.command_id).await.unwrap(), None);
    assert_eq!(take_all(&*store).await, []);
    let kept = store.command_of_key("Grace Hopper", "once").await.unwrap();
    assert_eq!(kept.unwrap().command.command_id, first.command.command_id);
}

pub async fn of_concurrent_commits_under_one_key_exactly_one_wins(adapters: &impl Adapters) {
    let rivals: Vec<_> = (0..8)
        .map(|_| {
            let store = adapters.store();
            let mut commit = append(new_order(), 0, 1);
            commit.key = Some(key("one"));
            tokio::spawn(async move { store.commit(commit).await })
        })
        .collect();
    let mut won = 0;
    for rival in rivals {
        match rival.await.unwrap() {
            Ok(()) => won += 1,
            Err(StoreError::DuplicateKey) => {}
            Err(error) => panic!("neither won nor lost: {error:?}"),
        }
    }
    assert_eq!(won, 1);
    let rows = adapters.outbox().pending(&every_bucket(), 100).await.unwrap();
    assert_eq!(rows.len(), 1);
}

pub async fn a_commit_takes_its_row_out_of_the_queue(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    let (first, second) = (queued(order), queued(order));
    store.enqueue(first.clone(), None).await.unwrap();
    store.enqueue(second.clone(), None).await.unwrap();
    let taken = take_all(&*store).await;

    let mut stale = decided(&taken[0]);
    stale.expected_version = 5;
    stale.events = append(order, 0, 1).events;
    let answer = store.commit(stale).await;
    assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
    assert_eq!(take_all(&*store).await.len(), 2, "a conflict leaves the row");

    store.commit(decided(&taken[0])).await.unwrap();
    assert_eq!(ids_of(&take_all(&*store).await), [second.command_id]);
    let succeeded = CommandOutcome::Succeeded { version: 0 };
    assert_eq!(outcome(&*store, first.command_id).await, succeeded);
}

pub async fn a_queued_command_is_committed_once(adapters: &impl Adapters) {
    let (store, order) = (adapters.store(), new_order());
    store.enqueue(queued(order), None).await.unwrap();
    let taken = take_all(&*store).await.remove(0);
    store.commit(decided(&taken)).await.unwrap();
    let mut again = decided(&taken);
    again.events = append(order, 0, 1).events;
    let answer = store.commit(again).await;
    assert!(matches!(answer, Err(StoreError::DuplicateCommand)), "{answer:?}");
    assert_eq!(length(&*store, order).await, 0);
}

pub async fn a_failure_is_recorded(adapters: &impl Adapters) {
    let store = adapters.store();
    let failed = CommandOutcome::Failed {
        detail: "the body cannot be read".to_owned(),
    };
    let commit = commit(new_order(), 0, vec![], failed.clone());
    store.commit(commit.clone()).await.unwrap();
    assert_eq!(outcome(&*store, commit.command.command_id).await, failed);
}

pub async fn a_record_comes_back_whole(adapters: &impl Adapters) {
    let store = adapters.store();
    let refused = CommandOutcome::Refused(RecordedRefusal {
        kind: "unknown-reference".to_owned(),
        detail: "there is no customer".to_owned(),
        pointer: Some("/customer_id".to_owned()),
    });
    let outcomes = [refused, CommandOutcome::Succeeded { version: 0 }];
    for outcome in outcomes {
        let commit = commit(new_order(), 0, vec![], outcome.clone());
        store.commit(commit.clone()).await.unwrap();
        let record = commit.command;
        let found = store.command(record.command_id).await.unwrap().unwrap();
        assert_eq!(
            (found.command_id, found.stream, found.received_at),
            (record.command_id, record.stream, record.received_at)
        );
        assert_eq!(
            (found.command_type.as_str(), found.actor),
            (&*record.command_type, record.actor)
        );
        assert_eq!(
            (found.causation_id, found.correlation_id),
            (record.causation_id, record.correlation_id)
        );
        let at = Some(some_time());
        assert_eq!(found.status, CommandStatus::Decided { outcome, at });
    }
    assert_eq!(store.command(new_id()).await.unwrap(), None);
}
