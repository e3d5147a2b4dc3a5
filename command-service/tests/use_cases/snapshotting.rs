//! Whether streams have snapshots changes nothing that is decided.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use command_service::application::bus::{CommandBus, KeysInFlight, RetryPolicy};
use command_service::application::codec::Recorded;
use command_service::application::codec::snapshot::SNAPSHOT_FORMAT;
use command_service::application::ordering::{
    AddOrderItem, ChangeOrderItemQuantity, RemoveOrderItem, RenameCustomer, RenameProduct, SubmitOrder,
};
use command_service::application::ports::{EventStore, Snapshot, StreamId};
use command_service::application::snapshots::{SnapshotMarks, take_snapshots};
use command_service::outbound::memory::CountingIds;
use domain::testing::{eur, name, quantity};
use domain::{Customer, Order, Product};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::service::{Service, item};

/// A service that takes a snapshot at every so many versions.
struct Snapshotting {
    service: Service,
    stop: CancellationToken,
    taking: JoinHandle<()>,
}

impl Snapshotting {
    fn every(versions: u64) -> Self {
        let mut service = Service::new();
        let memory = Arc::clone(&service.memory);
        let (marks, passed) = SnapshotMarks::every(NonZeroU64::new(versions).unwrap());
        let stop = CancellationToken::new();
        let taking = tokio::spawn(take_snapshots(Arc::clone(&memory), passed, stop.clone()));
        service.bus = CommandBus::with_snapshots(
            memory,
            Arc::clone(&service.clock),
            Arc::new(CountingIds::default()),
            RetryPolicy {
                first_wait: Duration::ZERO,
                ..RetryPolicy::default()
            },
            KeysInFlight::default(),
            marks,
        );
        Self {
            service,
            stop,
            taking,
        }
    }

    /// Lets the taker come to rest: in memory nothing else is waited for.
    async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) -> Service {
        self.stop.cancel();
        self.taking.await.unwrap();
        self.service
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(usize, i64),
    Change(usize, i64),
    Remove(usize),
    RenameCustomer(u8),
    RenameProduct(usize, u8),
    Submit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let product = || 0..3_usize;
    vec(
        prop_oneof![
            4 => (product(), 1..5_i64).prop_map(|(product, pieces)| Step::Add(product, pieces)),
            4 => (product(), 1..9_i64).prop_map(|(product, pieces)| Step::Change(product, pieces)),
            2 => product().prop_map(Step::Remove),
            2 => any::<u8>().prop_map(Step::RenameCustomer),
            2 => (product(), any::<u8>()).prop_map(|(product, n)| Step::RenameProduct(product, n)),
            1 => Just(Step::Submit),
        ],
        1..40,
    )
}

/// What was answered to each step, and the events that there are in the end.
type Course = (Vec<Result<u64, &'static str>>, Vec<Vec<(u64, String, Vec<u8>)>>);

async fn course(service: &Service, steps: &[Step], settled: impl AsyncFn()) -> Course {
    let mut products = Vec::new();
    for price in [100, 250, 999] {
        products.push(service.a_product(eur(price)).await);
    }
    let order_id = service.an_order(vec![item(products[0], 1)]).await;
    let customer_id = service.order(order_id).customer_id;
    let mut answers = Vec::new();
    for step in steps {
        let answer = match *step {
            Step::Add(product, pieces) => {
                let item = item(products[product], pieces);
                service.execute(AddOrderItem { order_id, item }).await
            }
            Step::Change(product, pieces) => {
                let (product_id, quantity) = (products[product], quantity(pieces));
                let command = ChangeOrderItemQuantity {
                    order_id,
                    product_id,
                    quantity,
                };
                service.execute(command).await
            }
            Step::Remove(product) => {
                let product_id = products[product];
                service.execute(RemoveOrderItem { order_id, product_id }).await
            }
            Step::RenameCustomer(n) => {
                let name = name(&format!("Customer {n}"));
                service.execute(RenameCustomer { customer_id, name }).await
            }
            Step::RenameProduct(product, n) => {
                let (product_id, name) = (products[product], name(&format!("Product {n}")));
                service.execute(RenameProduct { product_id, name }).await
            }
            Step::Submit => service.execute(SubmitOrder { order_id }).await,
        };
        answers.push(
            answer
                .map(|accepted| accepted.version)
                .map_err(|error| error.kind()),
        );
        settled().await;
    }
    let mut streams = vec![Order::stream(order_id), Customer::stream(customer_id)];
    streams.extend(products.into_iter().map(Product::stream));
    let events = streams.into_iter().map(|stream| {
        let events = service.memory.events(stream).into_iter();
        events
            .map(|event| (event.version, event.event_type, event.payload))
            .collect()
    });
    (answers, events.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn with_and_without_snapshots_the_same_is_decided(steps in steps(), every in 1..6_u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (without, with) = runtime.block_on(async {
            let without = course(&Service::new(), &steps, async || {}).await;
            let snapshotting = Snapshotting::every(every);
            let with = course(&snapshotting.service, &steps, async || snapshotting.settle().await).await;
            snapshotting.stop().await;
            (without, with)
        });
        prop_assert_eq!(with, without);
    }
}

async fn snapshot(service: &Service, stream: StreamId) -> Option<Snapshot> {
    let read = service
        .memory
        .read(&[stream], Some(SNAPSHOT_FORMAT))
        .await
        .unwrap();
    read[0].snapshot.clone()
}

#[tokio::test]
async fn a_snapshot_is_taken_once_a_mark_is_passed_and_only_then() {
    let snapshotting = Snapshotting::every(4);
    let service = &snapshotting.service;
    let customer_id = service.a_customer().await;
    let stream = Customer::stream(customer_id);
    for version in 2..=11 {
        let name = name(&format!("Customer at {version}"));
        service
            .execute(RenameCustomer { customer_id, name })
            .await
            .unwrap();
        snapshotting.settle().await;
        let kept = snapshot(service, stream).await.map(|snapshot| snapshot.version);
        let passed = [0, 4, 8].into_iter().rfind(|mark| *mark <= version && *mark > 0);
        assert_eq!(kept, passed, "at version {version}");
    }
    snapshotting.stop().await;
}

#[tokio::test]
async fn a_snapshot_that_is_of_no_use_is_as_good_as_none() {
    let service = Service::new();
    let product = service.a_product(eur(1999)).await;
    let order_id = service.an_order(vec![item(product, 1)]).await;
    let stream = Order::stream(order_id);
    let mut version = service.memory.events(stream).len() as u64;
    let change = async |pieces| {
        let command = ChangeOrderItemQuantity {
            order_id,
            product_id: product,
            quantity: quantity(pieces),
        };
        service.execute(command).await.unwrap().version
    };
    let useless: [(i32, &[u8]); 4] = [
        (SNAPSHOT_FORMAT, b"no JSON"),
        (SNAPSHOT_FORMAT, b"{\"another\": \"form\"}"),
        // Of a customer that has no lines to change.
        (
            SNAPSHOT_FORMAT,
            b"{\"customer_id\":\"0190b5a0-1111-7000-8000-000000000001\",\"status\":\"lost\",\"lines\":[]}",
        ),
        (SNAPSHOT_FORMAT + 1, b"{\"a later\": \"form\"}"),
    ];
    for ((format, state), pieces) in useless.into_iter().zip(2..) {
        // Of the version before the last, so that an event comes after it.
        let snapshot = Snapshot {
            version: version - 1,
            state: state.to_vec(),
        };
        service
            .memory
            .save_snapshot(stream, snapshot, format)
            .await
            .unwrap();
        version += 1;
        assert_eq!(change(pieces).await, version);
    }
}
