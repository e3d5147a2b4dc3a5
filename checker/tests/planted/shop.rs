//! What is done in the world: the commands of ordering and invoicing with what follows from them.

use std::collections::HashMap;

use serde_json::json;
use shared_events::event::*;
use shared_events::{
    AggregateType, CustomerEvent, Event, InvoiceEvent, OrderEvent, OrderForDeliveryEvent,
    OrderForInvoicingEvent, ProductEvent,
};
use uuid::Uuid;

use crate::world::{Manner, Ran, World, done};

pub const PRICE: i64 = 700;

#[derive(Default)]
pub struct Shop {
    pub world: World,
    names: HashMap<Uuid, String>,
    orders: HashMap<Uuid, Order>,
    invoices: i64,
    credit_notes: i64,
}

#[derive(Clone)]
struct Order {
    customer: Uuid,
    product: Uuid,
    quantity: i32,
    status: &'static str,
    paid: i64,
}

impl Order {
    fn total(&self) -> Money {
        euros(PRICE * i64::from(self.quantity))
    }
}

pub fn euros(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".to_owned(),
    }
}

fn address() -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        street: "12 St James's Square".to_owned(),
        postal_code: "SW1Y 4JH".to_owned(),
        city: "London".to_owned(),
        country: "GB".to_owned(),
    }
}

/// An order's invoice has an id that follows from the order's.
pub fn invoice_of(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"invoice")
}

impl Shop {
    pub fn register(&mut self, manner: Manner<'_>, name: &str) -> Uuid {
        let id = self.world.id();
        self.names.insert(id, name.to_owned());
        let event = CustomerRegisteredV2 {
            customer_id: id,
            name: name.to_owned(),
            email: None,
            billing_address: address(),
            delivery_address: None,
        };
        let events = vec![CustomerEvent::from(event).into()];
        let ran = self.world.run(
            "register_customer",
            (AggregateType::Customer, id),
            manner.key,
            None,
            events,
        );
        let answer = done(201, AggregateType::Customer, &ran);
        let body = json!({"customer_id": id, "name": name});
        self.world.call(
            manner,
            "register_customer",
            (AggregateType::Customer, Some(id)),
            body,
            answer,
        );
        id
    }

    pub fn add_product(&mut self, manner: Manner<'_>, name: &str) -> Uuid {
        let id = self.world.id();
        self.names.insert(id, name.to_owned());
        let event = ProductAddedV1 {
            product_id: id,
            name: name.to_owned(),
            unit_price: euros(PRICE),
            size: None,
            weight_grams: Some(120),
        };
        let events = vec![ProductEvent::from(event).into()];
        let ran = self.world.run(
            "add_product",
            (AggregateType::Product, id),
            manner.key,
            None,
            events,
        );
        let answer = done(201, AggregateType::Product, &ran);
        // Its id is the service's choice.
        self.world.call(
            manner,
            "add_product",
            (AggregateType::Product, None),
            json!({"name": name}),
            answer,
        );
        id
    }

    /// Every order that shows the name is told of, at the version that it has.
    pub fn rename_customer(&mut self, manner: Manner<'_>, id: Uuid, name: &str) -> Ran {
        self.names.insert(id, name.to_owned());
        let event = CustomerRenamedV1 {
            customer_id: id,
            name: name.to_owned(),
        };
        let events = vec![CustomerEvent::from(event).into()];
        let ran = self.world.run(
            "rename_customer",
            (AggregateType::Customer, id),
            manner.key,
            None,
            events,
        );
        let mut theirs: Vec<Uuid> = self.orders.keys().copied().collect();
        theirs.retain(|order| self.orders[order].customer == id);
        theirs.sort();
        for order in theirs {
            self.world
                .change(order, self.world.version(AggregateType::Order, order));
        }
        let answer = done(200, AggregateType::Customer, &ran);
        self.world.call(
            manner,
            "rename_customer",
            (AggregateType::Customer, Some(id)),
            json!({"name": name}),
            answer,
        );
        ran
    }

    pub fn change_price(&mut self, key: Option<&str>, product: Uuid, amount: i64) -> Ran {
        let event = ProductPriceChangedV1 {
            product_id: product,
            unit_price: euros(amount),
        };
        let events = vec![ProductEvent::from(event).into()];
        self.world.run(
            "change_product_price",
            (AggregateType::Product, product),
            key,
            None,
            events,
        )
    }

    pub fn create(&mut self, manner: Manner<'_>, customer: Uuid, product: Uuid, quantity: i32) -> Uuid {
        let id = self.world.id();
        let ran = self.create_unanswered(manner.key, id, customer, product, quantity);
        let answer = done(201, AggregateType::Order, &ran);
        let body = json!({"order_id": id, "customer_id": customer});
        self.world.call(
            manner,
            "create_order",
            (AggregateType::Order, Some(id)),
            body,
            answer,
        );
        id
    }

    pub fn create_unanswered(
        &mut self,
        key: Option<&str>,
        id: Uuid,
        customer: Uuid,
        product: Uuid,
        quantity: i32,
    ) -> Ran {
        let order = Order {
            customer,
            product,
            quantity,
            status: "draft",
            paid: 0,
        };
        self.orders.insert(id, order);
        let created = OrderCreatedV1 {
            order_id: id,
            customer_id: customer,
            customer_name: self.names[&customer].clone(),
            customer_version: 1,
        };
        let added = OrderItemAddedV1 {
            order_id: id,
            product_id: product,
            product_name: self.names[&product].clone(),
            product_version: 1,
            quantity,
            unit_price: euros(PRICE),
        };
        let events = vec![OrderEvent::from(created).into(), OrderEvent::from(added).into()];
        self.world
            .run("create_order", (AggregateType::Order, id), key, None, events)
    }

    /// With the invoice that follows.
    pub fn submit(&mut self, manner: Manner<'_>, id: Uuid) -> Ran {
        let order = self.moves(id, "submitted");
        let submitted = OrderSubmittedV1 {
            order_id: id,
            total: order.total(),
        };
        let told = OrderSubmittedForInvoicingV1 {
            order_id: id,
            customer_id: order.customer,
            billing_address: address(),
            lines: vec![InvoicingLine {
                product_id: order.product,
                product_name: self.names[&order.product].clone(),
                quantity: order.quantity,
                unit_price: euros(PRICE),
            }],
        };
        let events = vec![
            OrderEvent::from(submitted).into(),
            OrderForInvoicingEvent::from(told).into(),
        ];
        let ran = self.ordered(manner, "submit_order", id, events);
        self.invoices += 1;
        let issued = InvoiceIssuedV1 {
            invoice_id: invoice_of(id),
            number: self.invoices,
            order_id: id,
            customer_id: order.customer,
            billing_address: address(),
            lines: vec![InvoiceLine {
                product_id: order.product,
                product_name: self.names[&order.product].clone(),
                quantity: order.quantity,
                unit_price: euros(PRICE),
                subtotal: order.total(),
            }],
            total: order.total(),
        };
        let events = vec![InvoiceEvent::from(issued).into()];
        let invoice = (AggregateType::Invoice, invoice_of(id));
        self.world
            .run("issue_invoice", invoice, None, Some(ran.events[1]), events);
        ran
    }

    /// In full, with the confirmation that follows.
    pub fn pay(&mut self, manner: Manner<'_>, id: Uuid) {
        let invoice = invoice_of(id);
        let order = self.orders.get_mut(&id).expect("an order");
        order.paid = order.total().amount;
        let paid = order.total();
        let received = InvoicePaymentReceivedV1 {
            invoice_id: invoice,
            amount: paid.clone(),
            reference: "by wire".to_owned(),
            paid,
        };
        let full = InvoicePaidV1 {
            invoice_id: invoice,
            order_id: id,
        };
        let events = vec![
            InvoiceEvent::from(received).into(),
            InvoiceEvent::from(full).into(),
        ];
        let of = (AggregateType::Invoice, invoice);
        let ran = self.world.run("receive_payment", of, manner.key, None, events);
        let answer = done(200, AggregateType::Invoice, &ran);
        self.world.call(
            manner,
            "receive_payment",
            (AggregateType::Invoice, Some(invoice)),
            json!({}),
            answer,
        );
        let events = self.confirmation(id);
        self.world.run(
            "confirm_paid_order",
            (AggregateType::Order, id),
            None,
            Some(ran.events[1]),
            events,
        );
    }

    /// By hand.
    pub fn confirm(&mut self, manner: Manner<'_>, id: Uuid) -> Ran {
        let events = self.confirmation(id);
        self.ordered(manner, "confirm_order", id, events)
    }

    fn confirmation(&mut self, id: Uuid) -> Vec<Event> {
        let order = self.moves(id, "confirmed");
        let confirmed = OrderConfirmedV1 {
            order_id: id,
            total: order.total(),
        };
        let told = OrderConfirmedForDeliveryV1 {
            order_id: id,
            delivery_address: address(),
            lines: vec![DeliveryLine {
                product_id: order.product,
                product_name: self.names[&order.product].clone(),
                quantity: order.quantity,
                size: None,
                weight_grams: Some(120),
            }],
        };
        vec![
            OrderEvent::from(confirmed).into(),
            OrderForDeliveryEvent::from(told).into(),
        ]
    }

    pub fn ship(&mut self, manner: Manner<'_>, id: Uuid) -> Ran {
        self.moves(id, "shipped");
        let shipped = OrderShippedV1 {
            order_id: id,
            tracking_number: "1Z999".to_owned(),
        };
        self.ordered(manner, "ship_order", id, vec![OrderEvent::from(shipped).into()])
    }

    pub fn deliver(&mut self, manner: Manner<'_>, id: Uuid) -> Ran {
        self.moves(id, "delivered");
        let delivered = OrderDeliveredV1 { order_id: id };
        self.ordered(
            manner,
            "deliver_order",
            id,
            vec![OrderEvent::from(delivered).into()],
        )
    }

    /// With the credit note that follows, if it was submitted.
    pub fn cancel(&mut self, manner: Manner<'_>, id: Uuid) -> Ran {
        let from = self.orders[&id].status;
        self.moves(id, "cancelled");
        let cancelled = OrderCancelledV1 {
            order_id: id,
            reason: "a change of mind".to_owned(),
            cancelled_from: from.to_owned(),
        };
        let mut events: Vec<Event> = vec![OrderEvent::from(cancelled).into()];
        if from != "draft" {
            let told = OrderCancelledForInvoicingV1 { order_id: id };
            events.push(OrderForInvoicingEvent::from(told).into());
        }
        if from == "confirmed" {
            let told = OrderCancelledForDeliveryV1 { order_id: id };
            events.push(OrderForDeliveryEvent::from(told).into());
        }
        let ran = self.ordered(manner, "cancel_order", id, events);
        if from != "draft" {
            self.credit_notes += 1;
            let note = CreditNoteIssuedV1 {
                invoice_id: invoice_of(id),
                number: self.credit_notes,
                order_id: id,
                total: self.orders[&id].total(),
            };
            let of = (AggregateType::Invoice, invoice_of(id));
            let events = vec![InvoiceEvent::from(note).into()];
            self.world
                .run("issue_credit_note", of, None, Some(ran.events[1]), events);
        }
        ran
    }

    fn moves(&mut self, id: Uuid, to: &'static str) -> Order {
        let order = self.orders.get_mut(&id).expect("an order");
        order.status = to;
        order.clone()
    }

    /// A command on an order that is answered 200; deferred, 202.
    fn ordered(&mut self, manner: Manner<'_>, name: &str, id: Uuid, events: Vec<Event>) -> Ran {
        let ran = self
            .world
            .run(name, (AggregateType::Order, id), manner.key, None, events);
        let answer = match manner.deferred {
            true => checker::history::Answer::Accepted {
                command_id: ran.command,
                body: json!({"id": ran.command, "status": "pending"}).to_string(),
            },
            false => done(200, AggregateType::Order, &ran),
        };
        self.world
            .call(manner, name, (AggregateType::Order, Some(id)), json!({}), answer);
        ran
    }
}
