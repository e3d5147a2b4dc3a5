//! Snapshots on a real server.

use std::num::NonZeroU64;
use std::sync::Arc;

use command_service::application::bus::{Actor, Answered, CommandBus, KeysInFlight, RetryPolicy};
use command_service::application::codec::Recorded;
use command_service::application::codec::snapshot::SNAPSHOT_FORMAT;
use command_service::application::ordering::{
    AddProduct, ChangeOrderItemQuantity, CreateOrder, OrderItem, RegisterCustomer,
};
use command_service::application::ports::{EventStore, StoredStream};
use command_service::application::snapshots::{SnapshotMarks, take_snapshots};
use command_service::outbound::postgres::{PgEventStore, Wakes};
use command_service::outbound::system::{SystemClock, TimeOrderedIds};
use domain::testing::{an_address, eur, name, quantity};
use domain::{Order, OrderId, ProductId};
use tokio_util::sync::CancellationToken;

use crate::support::{TestDatabase, eventually};

struct LongOrder {
    bus: CommandBus<PgEventStore, SystemClock, TimeOrderedIds>,
    store: Arc<PgEventStore>,
    order_id: OrderId,
    product_id: ProductId,
    pieces: i64,
}

impl LongOrder {
    async fn create(store: Arc<PgEventStore>, marks: SnapshotMarks) -> Self {
        let bus = CommandBus::with_snapshots(
            Arc::clone(&store),
            Arc::new(SystemClock),
            Arc::new(TimeOrderedIds),
            RetryPolicy::default(),
            KeysInFlight::default(),
            marks,
        );
        let context = || bus.context(Actor::anonymous(), None, None);
        let registration = RegisterCustomer {
            customer_id: bus.next_id().into(),
            name: name("Ada Lovelace"),
            email: None,
            billing_address: an_address("Ada Lovelace"),
            delivery_address: None,
        };
        bus.execute(&context(), &registration).await.unwrap();
        let product = AddProduct {
            product_id: bus.next_id().into(),
            name: name("Difference engine"),
            unit_price: eur(1999),
            size: None,
            weight: None,
        };
        bus.execute(&context(), &product).await.unwrap();
        let order = CreateOrder {
            order_id: bus.next_id().into(),
            customer_id: registration.customer_id,
            items: vec![OrderItem {
                product_id: product.product_id,
                quantity: quantity(1),
                expected_unit_price: None,
            }],
        };
        bus.execute(&context(), &order).await.unwrap();
        Self {
            order_id: order.order_id,
            product_id: product.product_id,
            store,
            bus,
            pieces: 1,
        }
    }

    /// Decides one more command on it; answers the version that it led to.
    async fn change(&mut self) -> u64 {
        self.pieces += 1;
        let command = ChangeOrderItemQuantity {
            order_id: self.order_id,
            product_id: self.product_id,
            quantity: quantity(self.pieces),
        };
        let context = self.bus.context(Actor::anonymous(), None, None);
        match self.bus.execute(&context, &command).await.unwrap() {
            Answered::Accepted(accepted) => accepted.version,
            Answered::Deferred(deferred) => panic!("not decided, but {deferred:?}"),
        }
    }

    /// As a command reads it.
    async fn read(&self) -> StoredStream {
        let streams = [Order::stream(self.order_id)];
        let mut read = self.store.read(&streams, Some(SNAPSHOT_FORMAT)).await.unwrap();
        read.remove(0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_orders_load_reads_only_the_tail_and_without_snapshots_the_same_is_decided() {
    let database = TestDatabase::create().await;
    let store = Arc::new(PgEventStore::new(database.open(), Wakes::default()));
    let (marks, passed) = SnapshotMarks::every(NonZeroU64::new(50).unwrap());
    let stop = CancellationToken::new();
    let taking = tokio::spawn(take_snapshots(Arc::clone(&store), passed, stop.clone()));
    let mut order = LongOrder::create(store, marks).await;
    let mut version = 0;
    while version < 203 {
        version = order.change().await;
    }
    eventually("a snapshot at the mark", async || {
        let stored = order.read().await;
        stored.snapshot.is_some_and(|snapshot| snapshot.version >= 200)
    })
    .await;
    assert!(order.read().await.events.len() <= 3);
    assert_eq!(order.change().await, 204);

    // No more snapshots: what is done to this one stays.
    stop.cancel();
    taking.await.unwrap();
    let owner = database.as_owner().await;
    for spoiled in [
        "UPDATE snapshots SET format = format + 1",
        "UPDATE snapshots SET format = format - 1, state = 'no JSON'",
        "UPDATE snapshots SET state = '{\"another\": \"form\"}'",
        "DELETE FROM snapshots",
    ] {
        owner.batch_execute(spoiled).await.unwrap();
        version = order.read().await.version();
        assert_eq!(order.change().await, version + 1, "{spoiled}");
    }
    assert_eq!(order.read().await.events.len(), 208, "the whole stream");
}
