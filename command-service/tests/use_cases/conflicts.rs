//! Others change the aggregate between a decision and its commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use command_service::application::UseCases;
use command_service::application::bus::{Actor, CommandError, Handler, VersionMatch};
use command_service::application::codec::Recorded;
use command_service::application::ordering::{AddOrderItem, RenameCustomer, SubmitOrder};
use command_service::application::ports::{
    CommandOutcome, CommandRecord, CommandStore, Commit, EventStore, NewEvent, NumberSeries, Snapshot,
    StoreError, StoredStream, StreamId,
};
use command_service::outbound::memory::MemoryStore;
use domain::testing::{eur, name};
use domain::{Customer, Order};
use uuid::Uuid;

use crate::service::{ATTEMPTS, Service, item, kind_of};

/// A store in which a rival submits the order right before each commit that appends to one, so many times.
struct Contended {
    memory: Arc<MemoryStore>,
    rivals: AtomicU32,
    commits: AtomicU32,
    rival: Rival,
}

#[derive(Clone, Copy, PartialEq)]
enum Rival {
    /// Only says that it was faster.
    Feigned,
    /// Submits the order.
    Submits,
}

impl Contended {
    fn by(rivals: u32, rival: Rival) -> impl FnOnce(Arc<MemoryStore>) -> Arc<Self> {
        move |memory| {
            Arc::new(Self {
                memory,
                rivals: AtomicU32::new(rivals),
                commits: AtomicU32::new(0),
                rival,
            })
        }
    }

    async fn submit(&self, commit: &Commit) {
        let decided = UseCases::new(Arc::clone(&self.memory))
            .handle(
                &command_service::application::bus::Context::of_client(
                    Uuid::nil(),
                    commit.occurred_at,
                    Actor::trusted("rival"),
                    None,
                    None,
                ),
                &SubmitOrder {
                    order_id: commit.command.stream.id.into(),
                },
            )
            .await
            .unwrap();
        let events = decided.events.into_iter().map(|event| NewEvent {
            event_id: Uuid::nil(),
            event_type: event.event_type,
            payload: event.payload,
        });
        let command = CommandRecord {
            command_id: Uuid::nil(),
            outcome: CommandOutcome::Succeeded {
                version: decided.expected_version + 1,
            },
            ..commit.command.clone()
        };
        let submission = Commit {
            expected_version: decided.expected_version,
            events: events.collect(),
            ..Commit::of(command, commit.occurred_at)
        };
        self.memory.commit(submission).await.unwrap();
    }
}

impl EventStore for Contended {
    async fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> Result<Vec<StoredStream>, StoreError> {
        self.memory.read(streams, snapshot_format).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let is_append = commit.expected_version > 0 && !commit.events.is_empty();
        if !is_append {
            return self.memory.commit(commit).await;
        }
        self.commits.fetch_add(1, Ordering::SeqCst);
        let is_contended = self
            .rivals
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        match self.rival {
            Rival::Feigned if is_contended => return Err(StoreError::Conflict),
            Rival::Submits if is_contended => self.submit(&commit).await,
            Rival::Feigned | Rival::Submits => {}
        }
        self.memory.commit(commit).await
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        self.memory.save_snapshot(stream, snapshot, format).await
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        self.memory.last_number(series).await
    }
}

commands_in_memory!(Contended);

async fn rename<S: EventStore + CommandStore>(service: &Service<S>) -> Result<u64, CommandError> {
    let customer_id = service.a_customer().await;
    let name = name("Ada King");
    let accepted = service.execute(RenameCustomer { customer_id, name }).await?;
    assert_eq!(service.customer(customer_id).name.as_str(), "Ada King");
    Ok(accepted.version)
}

#[tokio::test]
async fn a_conflict_is_decided_again() {
    for rivals in 0..ATTEMPTS {
        let service = Service::over(Contended::by(rivals, Rival::Feigned));
        assert_eq!(rename(&service).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn conflicts_without_end_are_given_up() {
    let mut store = None;
    let service = Service::over(|memory| {
        let contended = Contended::by(u32::MAX, Rival::Feigned)(memory);
        Arc::clone(store.insert(contended))
    });
    let customer_id = service.a_customer().await;
    let name = name("Ada King");
    let context = service.context();
    let answer = service
        .execute_as(&context, RenameCustomer { customer_id, name })
        .await;
    let Err(CommandError::Conflict(stream)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(stream, Customer::stream(customer_id));
    assert_eq!(store.unwrap().commits.load(Ordering::SeqCst), ATTEMPTS);
    assert_eq!(service.history(stream), ["CustomerRegisteredV2"]);
    assert_eq!(
        service.memory.command(context.command_id),
        None,
        "it may be sent again"
    );
}

#[tokio::test]
async fn the_second_decision_sees_what_the_rival_did() {
    let service = Service::over(Contended::by(1, Rival::Submits));
    let product = service.a_product(eur(5)).await;
    let order_id = service.an_order(vec![item(product, 1)]).await;
    let add = AddOrderItem {
        order_id,
        item: item(product, 1),
    };
    assert_eq!(kind_of(service.execute(add).await), "not-a-draft");
    assert_eq!(
        service.history(Order::stream(order_id)),
        ["OrderCreatedV1", "OrderItemAddedV1", "OrderSubmittedV1"]
    );
}

#[tokio::test]
async fn a_precondition_that_held_at_first_fails_once_a_rival_was_faster() {
    let service = Service::over(Contended::by(1, Rival::Submits));
    let product = service.a_product(eur(5)).await;
    let order_id = service.an_order(vec![item(product, 1)]).await;
    let mut context = service.context();
    context.if_match = Some(VersionMatch(vec![2]));
    let add = AddOrderItem {
        order_id,
        item: item(product, 1),
    };
    let answer = service.execute_as(&context, add).await;
    let Err(CommandError::PreconditionFailed { current: 3, .. }) = answer else {
        panic!("{answer:?}");
    };
}

#[tokio::test]
async fn what_exists_already_is_not_tried_again() {
    let service = Service::over(Contended::by(0, Rival::Feigned));
    let customer_id = service.a_customer().await;
    let again = service.execute(crate::service::registration(customer_id)).await;
    assert_eq!(kind_of(again), "already-exists");
}

#[tokio::test]
async fn no_update_is_lost() {
    let service = Service::new();
    let product = service.a_product(eur(1)).await;
    let order_id = service.an_order(vec![item(product, 1)]).await;
    let add = || {
        service.execute(AddOrderItem {
            order_id,
            item: item(product, 1),
        })
    };
    let (first, second, third) = tokio::join!(add(), add(), add());
    let mut versions = [first, second, third].map(|answer| answer.unwrap().version);
    versions.sort_unstable();
    assert_eq!(versions, [3, 4, 5]);
    assert_eq!(service.order(order_id).lines.total(), Some(eur(4).money()));
}

#[tokio::test]
async fn of_two_creations_one_wins() {
    let service = Service::new();
    let id = domain::testing::customer_id(1);
    let register = || service.execute(crate::service::registration(id));
    let (first, second) = tokio::join!(register(), register());
    let won = [&first, &second]
        .into_iter()
        .filter(|answer| answer.is_ok())
        .count();
    assert_eq!(won, 1);
    assert_eq!(
        kind_of(if first.is_err() { first } else { second }),
        "already-exists"
    );
}
