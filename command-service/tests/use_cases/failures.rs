//! A store that does not answer, or answers nonsense.

use std::sync::Arc;

use command_service::application::bus::CommandError;
use command_service::application::codec::{Recorded, encode};
use command_service::application::ordering::{RenameCustomer, SubmitOrder};
use command_service::application::ports::{
    Commit, EventStore, NumberSeries, Snapshot, StoreError, StoredEvent, StoredStream, StreamId,
};
use command_service::outbound::memory::MemoryStore;
use domain::customer::CustomerEvent;
use domain::testing::{a_registered_customer, a_submitted_order, customer_id, name, order_id};
use domain::{Customer, Order};

use crate::service::{Service, registration};

/// Answers each read with the given events, or not at all, and takes no commit.
struct Broken {
    events: Option<Vec<StoredEvent>>,
    memory: Arc<MemoryStore>,
}

impl Broken {
    fn reading(events: Vec<StoredEvent>) -> impl FnOnce(Arc<MemoryStore>) -> Arc<Self> {
        |memory| {
            Arc::new(Self {
                events: Some(events),
                memory,
            })
        }
    }

    fn silent(memory: Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self { events: None, memory })
    }
}

impl EventStore for Broken {
    async fn read(&self, streams: &[StreamId], _: Option<i32>) -> Result<Vec<StoredStream>, StoreError> {
        let stored = |events: &Vec<_>| StoredStream {
            snapshot: None,
            events: events.clone(),
        };
        match &self.events {
            Some(events) => Ok(streams.iter().map(|_| stored(events)).collect()),
            None => Err(StoreError::Unavailable(anyhow::anyhow!("connection refused"))),
        }
    }

    async fn commit(&self, _: Commit) -> Result<(), StoreError> {
        Err(StoreError::Unavailable(anyhow::anyhow!("connection reset")))
    }

    async fn save_snapshot(&self, _: StreamId, _: Snapshot, _: i32) -> Result<(), StoreError> {
        Err(StoreError::Unavailable(anyhow::anyhow!("connection reset")))
    }

    async fn last_number(&self, _: NumberSeries) -> Result<i64, StoreError> {
        Err(StoreError::Unavailable(anyhow::anyhow!("connection reset")))
    }
}

commands_in_memory!(Broken);

fn stored(version: u64, event: &CustomerEvent) -> StoredEvent {
    let encoded = encode::<Customer>(customer_id(1), event).unwrap();
    StoredEvent {
        version,
        event_type: encoded.event_type.to_owned(),
        payload: encoded.payload,
    }
}

async fn failure(events: Vec<StoredEvent>) -> String {
    let service = Service::over(Broken::reading(events));
    let rename = RenameCustomer {
        customer_id: customer_id(1),
        name: name("Ada King"),
    };
    match service.execute(rename).await {
        Err(CommandError::Failed(source)) => format!("{source:#}"),
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn an_unavailable_store_is_said_to_be() {
    let service = Service::over(Broken::silent);
    let submit = SubmitOrder {
        order_id: order_id(1),
    };
    for answer in [
        service.execute(submit).await,
        service.execute(registration(customer_id(1))).await,
    ] {
        assert!(matches!(answer, Err(CommandError::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_none() {
    let service = Service::over(Broken::reading(vec![]));
    let submit = SubmitOrder {
        order_id: order_id(1),
    };
    let answer = service.execute(submit).await;
    assert!(matches!(answer, Err(CommandError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn stored_events_that_make_no_sense_fail_the_command() {
    let registered = stored(1, &a_registered_customer()[0]);
    let unknown = StoredEvent {
        event_type: "ordering.customers.CustomerForgottenV1".to_owned(),
        ..registered.clone()
    };
    assert!(failure(vec![unknown]).await.contains("unknown event type"));
    let truncated = StoredEvent {
        payload: registered.payload[..20].to_vec(),
        ..registered.clone()
    };
    assert!(failure(vec![truncated]).await.contains("cannot be decoded"));
    let gap = stored(3, &CustomerEvent::Renamed { name: name("Ada") });
    assert!(
        failure(vec![registered.clone(), gap])
            .await
            .contains("version 3 where 2 belongs")
    );
    let second = StoredEvent {
        version: 2,
        ..registered.clone()
    };
    assert!(
        failure(vec![registered.clone(), second])
            .await
            .contains("created twice")
    );
    let other = encode::<Customer>(customer_id(2), &a_registered_customer()[0]).unwrap();
    let foreign = StoredEvent {
        payload: other.payload,
        ..registered
    };
    assert!(failure(vec![foreign]).await.contains("names another aggregate"));
    let order = encode::<Order>(order_id(1), &a_submitted_order()[0]).unwrap();
    let order = StoredEvent {
        version: 1,
        event_type: order.event_type.to_owned(),
        payload: order.payload,
    };
    assert!(failure(vec![order]).await.contains("unknown event type"));
    assert_eq!(Customer::stream(customer_id(1)).id, customer_id(1).uuid());
}

#[tokio::test]
async fn values_that_the_domain_does_not_know_fail_the_command() {
    let mut registered = stored(1, &a_registered_customer()[0]);
    // The country of the billing address, GB, becomes one that is none.
    let at = registered
        .payload
        .windows(3)
        .position(|bytes| bytes == b"\x04GB")
        .unwrap();
    registered.payload[at + 1] = b'X';
    assert!(failure(vec![registered]).await.contains("country"));
}
