//! What happens to orders, as commits.

use command_service::application::ports::{
    CommandOutcome, CommandRecord, Commit, EventStore, NewEvent, NumberClaim, NumberSeries, StreamId,
    ToldEvent,
};
use command_service::outbound::postgres::{PgEventStore, Wakes};
use shared_events::event::*;
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use crate::support::events::some_time;
use crate::support::{TestDatabase, unique_id};

pub struct Story {
    store: PgEventStore,
    pub order: Uuid,
    order_version: u64,
}

fn money() -> Money {
    Money {
        amount: 1999,
        currency: "EUR".to_owned(),
    }
}

fn address() -> Address {
    Address {
        name: "Ada".to_owned(),
        street: "Long Street 1".to_owned(),
        postal_code: "10115".to_owned(),
        city: "Berlin".to_owned(),
        country: "DE".to_owned(),
    }
}

fn new_event(event: &Event) -> NewEvent {
    NewEvent {
        event_id: unique_id(),
        event_type: event.event_type(),
        payload: event.encode().unwrap(),
    }
}

pub fn invoice_of(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"invoice")
}

impl Story {
    pub fn begin(database: &TestDatabase) -> Self {
        Self {
            store: PgEventStore::new(database.open(), Wakes::default()),
            order: unique_id(),
            order_version: 0,
        }
    }

    pub async fn submitted_untold(database: &TestDatabase) -> Self {
        let mut story = Self::begin(database);
        let (order_id, product_id) = (story.order, unique_id());
        let events: Vec<OrderEvent> = vec![
            OrderCreatedV1 {
                order_id,
                customer_id: unique_id(),
                customer_name: "Ada".to_owned(),
                customer_version: 1,
            }
            .into(),
            OrderItemAddedV1 {
                order_id,
                product_id,
                product_name: "Lamp".to_owned(),
                product_version: 1,
                quantity: 1,
                unit_price: money(),
            }
            .into(),
            OrderSubmittedV1 {
                order_id,
                total: money(),
            }
            .into(),
        ];
        story.on_order(events, None).await;
        story
    }

    /// With what invoicing is told.
    pub async fn submitted(database: &TestDatabase) -> Self {
        let story = Self::submitted_untold(database).await;
        let told = OrderSubmittedForInvoicingV1 {
            order_id: story.order,
            customer_id: unique_id(),
            billing_address: address(),
            lines: vec![],
        };
        let told = Event::OrderForInvoicing(told.into());
        story
            .append(AggregateType::OrderForInvoicing, story.order, 0, vec![told], None)
            .await;
        story
    }

    async fn on_order(&mut self, events: Vec<OrderEvent>, told: Option<(u64, Event)>) {
        let before = self.order_version;
        self.order_version += events.len() as u64;
        let events: Vec<Event> = events.into_iter().map(Event::Order).collect();
        let mut commit = commit(AggregateType::Order, self.order, before, &events);
        commit.told = told
            .into_iter()
            .map(|(version, event)| ToldEvent {
                stream: StreamId {
                    aggregate: event.aggregate(),
                    id: self.order,
                },
                version,
                event: new_event(&event),
            })
            .collect();
        self.store.commit(commit).await.unwrap();
    }

    async fn append(
        &self,
        aggregate: AggregateType,
        id: Uuid,
        version: u64,
        events: Vec<Event>,
        claim: Option<NumberClaim>,
    ) {
        let mut commit = commit(aggregate, id, version, &events);
        commit.claim = claim;
        self.store.commit(commit).await.unwrap();
    }

    pub async fn confirmed(&mut self) {
        let order_id = self.order;
        let told = OrderConfirmedForDeliveryV1 {
            order_id,
            delivery_address: address(),
            lines: vec![],
        };
        let confirmed = OrderConfirmedV1 {
            order_id,
            total: money(),
        };
        self.on_order(
            vec![confirmed.into()],
            Some((1, Event::OrderForDelivery(told.into()))),
        )
        .await;
    }

    /// Of a submitted order.
    pub async fn cancelled(&mut self) {
        let order_id = self.order;
        let cancelled = OrderCancelledV1 {
            order_id,
            reason: "changed my mind".to_owned(),
            cancelled_from: "submitted".to_owned(),
        };
        let told = OrderCancelledForInvoicingV1 { order_id };
        self.on_order(
            vec![cancelled.into()],
            Some((2, Event::OrderForInvoicing(told.into()))),
        )
        .await;
    }

    /// With the next number.
    pub async fn invoiced(&self) {
        self.invoiced_as(invoice_of(self.order)).await;
    }

    pub async fn invoiced_as(&self, invoice: Uuid) {
        let last = self.store.last_number(NumberSeries::Invoice).await.unwrap();
        let claim = NumberClaim {
            series: NumberSeries::Invoice,
            number: last + 1,
        };
        self.issue(invoice, last + 1, Some(claim)).await;
    }

    /// With a number that is not asked for.
    pub async fn invoiced_under(&self, number: i64) {
        self.issue(invoice_of(self.order), number, None).await;
    }

    async fn issue(&self, invoice_id: Uuid, number: i64, claim: Option<NumberClaim>) {
        let issued = InvoiceIssuedV1 {
            invoice_id,
            number,
            order_id: self.order,
            customer_id: unique_id(),
            billing_address: address(),
            lines: vec![InvoiceLine {
                product_id: unique_id(),
                product_name: "Lamp".to_owned(),
                quantity: 1,
                unit_price: money(),
                subtotal: money(),
            }],
            total: money(),
        };
        let issued = Event::Invoice(issued.into());
        self.append(AggregateType::Invoice, invoice_id, 0, vec![issued], claim)
            .await;
    }

    pub async fn paid(&self) {
        let invoice_id = invoice_of(self.order);
        let events = vec![
            Event::Invoice(
                InvoicePaymentReceivedV1 {
                    invoice_id,
                    amount: money(),
                    reference: "transfer 1".to_owned(),
                    paid: money(),
                }
                .into(),
            ),
            Event::Invoice(
                InvoicePaidV1 {
                    invoice_id,
                    order_id: self.order,
                }
                .into(),
            ),
        ];
        self.append(AggregateType::Invoice, invoice_id, 1, events, None)
            .await;
    }

    pub async fn credited(&self) {
        let last = self.store.last_number(NumberSeries::CreditNote).await.unwrap();
        let credited = CreditNoteIssuedV1 {
            invoice_id: invoice_of(self.order),
            number: last + 1,
            order_id: self.order,
            total: money(),
        };
        let claim = NumberClaim {
            series: NumberSeries::CreditNote,
            number: last + 1,
        };
        let credited = vec![Event::Invoice(credited.into())];
        self.append(
            AggregateType::Invoice,
            invoice_of(self.order),
            1,
            credited,
            Some(claim),
        )
        .await;
    }
}

fn commit(aggregate: AggregateType, id: Uuid, expected_version: u64, events: &[Event]) -> Commit {
    let command_id = unique_id();
    let command = CommandRecord {
        command_id,
        command_type: "test".into(),
        stream: StreamId { aggregate, id },
        actor: "anonymous".to_owned(),
        received_at: some_time(),
        body: serde_json::json!({}),
        causation_id: command_id,
        correlation_id: command_id,
        outcome: CommandOutcome::Succeeded {
            version: expected_version + events.len() as u64,
        },
    };
    Commit {
        expected_version,
        events: events.iter().map(new_event).collect(),
        ..Commit::of(command, some_time())
    }
}
