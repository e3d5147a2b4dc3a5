//! One event of each type that is written.

use shared_events::Event;
use shared_events::event::*;
use uuid::Uuid;

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0000 + n)
}

fn money(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".into(),
    }
}

pub fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        street: "12 St James's Square".into(),
        postal_code: "SW1Y 4JH".into(),
        city: "London".into(),
        country: "GB".into(),
    }
}

fn size() -> Size {
    Size {
        length_mm: 10,
        width_mm: 20,
        height_mm: 30,
    }
}

/// Every optional field is filled, every list has an item.
pub fn one_of_each() -> Vec<Event> {
    [
        customers().map(Event::from).to_vec(),
        products().map(Event::from).to_vec(),
        orders().map(Event::from).to_vec(),
        for_invoicing().map(Event::from).to_vec(),
        for_delivery().map(Event::from).to_vec(),
        invoices().map(Event::from).to_vec(),
    ]
    .concat()
}

fn customers() -> [CustomerEvent; 4] {
    let customer_id = id(1);
    [
        CustomerRegisteredV2 {
            customer_id,
            name: "Ada Lovelace".into(),
            email: Some("ada@example.org".into()),
            billing_address: address(),
            delivery_address: Some(address()),
        }
        .into(),
        CustomerRenamedV1 {
            customer_id,
            name: "Ada King".into(),
        }
        .into(),
        CustomerBillingAddressChangedV1 {
            customer_id,
            billing_address: address(),
        }
        .into(),
        CustomerDeliveryAddressChangedV1 {
            customer_id,
            delivery_address: address(),
        }
        .into(),
    ]
}

fn products() -> [ProductEvent; 5] {
    let product_id = id(2);
    [
        ProductAddedV1 {
            product_id,
            name: "Difference engine".into(),
            unit_price: money(1999),
            size: Some(size()),
            weight_grams: Some(400),
        }
        .into(),
        ProductRenamedV1 {
            product_id,
            name: "Analytical engine".into(),
        }
        .into(),
        ProductPriceChangedV1 {
            product_id,
            unit_price: money(2499),
        }
        .into(),
        ProductDimensionsChangedV1 {
            product_id,
            size: size(),
            weight_grams: 450,
        }
        .into(),
        ProductDiscontinuedV1 { product_id }.into(),
    ]
}

fn orders() -> [OrderEvent; 9] {
    let order_id = id(3);
    [
        OrderCreatedV1 {
            order_id,
            customer_id: id(1),
            customer_name: "Ada Lovelace".into(),
            customer_version: 1,
        }
        .into(),
        OrderItemAddedV1 {
            order_id,
            product_id: id(2),
            product_name: "Difference engine".into(),
            product_version: 1,
            quantity: 2,
            unit_price: money(1999),
        }
        .into(),
        OrderItemQuantityChangedV1 {
            order_id,
            product_id: id(2),
            quantity: 5,
        }
        .into(),
        OrderItemRemovedV1 {
            order_id,
            product_id: id(2),
        }
        .into(),
        OrderSubmittedV1 {
            order_id,
            total: money(3998),
        }
        .into(),
        OrderConfirmedV1 {
            order_id,
            total: money(3998),
        }
        .into(),
        OrderShippedV1 {
            order_id,
            tracking_number: "1Z 999 AA1".into(),
        }
        .into(),
        OrderDeliveredV1 { order_id }.into(),
        OrderCancelledV1 {
            order_id,
            reason: "Ordered twice".into(),
            cancelled_from: "submitted".into(),
        }
        .into(),
    ]
}

fn for_invoicing() -> [OrderForInvoicingEvent; 2] {
    let order_id = id(3);
    [
        OrderSubmittedForInvoicingV1 {
            order_id,
            customer_id: id(1),
            billing_address: address(),
            lines: vec![InvoicingLine {
                product_id: id(2),
                product_name: "Difference engine".into(),
                quantity: 2,
                unit_price: money(1999),
            }],
        }
        .into(),
        OrderCancelledForInvoicingV1 { order_id }.into(),
    ]
}

fn for_delivery() -> [OrderForDeliveryEvent; 2] {
    let order_id = id(3);
    [
        OrderConfirmedForDeliveryV1 {
            order_id,
            delivery_address: address(),
            lines: vec![DeliveryLine {
                product_id: id(2),
                product_name: "Difference engine".into(),
                quantity: 2,
                size: Some(size()),
                weight_grams: Some(400),
            }],
        }
        .into(),
        OrderCancelledForDeliveryV1 { order_id }.into(),
    ]
}

fn invoices() -> [InvoiceEvent; 4] {
    let (invoice_id, order_id) = (Uuid::new_v5(&id(3), b"invoice"), id(3));
    [
        InvoiceIssuedV1 {
            invoice_id,
            number: 1,
            order_id,
            customer_id: id(1),
            billing_address: address(),
            lines: vec![InvoiceLine {
                product_id: id(2),
                product_name: "Difference engine".into(),
                quantity: 2,
                unit_price: money(1999),
                subtotal: money(3998),
            }],
            total: money(3998),
        }
        .into(),
        InvoicePaymentReceivedV1 {
            invoice_id,
            amount: money(1000),
            reference: "Transfer of 2 January".into(),
            paid: money(1000),
        }
        .into(),
        InvoicePaidV1 { invoice_id, order_id }.into(),
        CreditNoteIssuedV1 {
            invoice_id,
            number: 1,
            order_id,
            total: money(3998),
        }
        .into(),
    ]
}
