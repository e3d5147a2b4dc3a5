use domain::invoicing::{InvoiceEvent, InvoiceLine};
use domain::{
    CreditNoteNumber, Invoice, InvoiceId, InvoiceNumber, Name, PaymentAmount, PaymentReference, Quantity,
};
use shared_events::event::{
    self as record, CreditNoteIssuedV1, InvoiceIssuedV1, InvoicePaidV1, InvoicePaymentReceivedV1,
};
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use super::values::{address, from_address, from_money, from_unit_price, money};
use super::{CodecError, Recorded};

impl Recorded for Invoice {
    const TYPE: AggregateType = AggregateType::Invoice;
    type Id = InvoiceId;

    fn to_record(invoice_id: Uuid, event: &InvoiceEvent) -> Result<Event, CodecError> {
        let record: record::InvoiceEvent = match event {
            InvoiceEvent::Issued {
                number,
                order_id,
                customer_id,
                billing_address,
                lines,
                total,
            } => InvoiceIssuedV1 {
                invoice_id,
                number: number.get(),
                order_id: order_id.uuid(),
                customer_id: customer_id.uuid(),
                billing_address: address(billing_address),
                lines: lines.iter().map(line).collect(),
                total: money(*total),
            }
            .into(),
            InvoiceEvent::PaymentReceived {
                amount,
                reference,
                paid,
            } => InvoicePaymentReceivedV1 {
                invoice_id,
                amount: money(amount.money()),
                reference: reference.to_string(),
                paid: money(*paid),
            }
            .into(),
            InvoiceEvent::Paid { order_id } => InvoicePaidV1 {
                invoice_id,
                order_id: order_id.uuid(),
            }
            .into(),
            InvoiceEvent::CreditNoteIssued {
                number,
                order_id,
                total,
            } => CreditNoteIssuedV1 {
                invoice_id,
                number: number.get(),
                order_id: order_id.uuid(),
                total: money(*total),
            }
            .into(),
        };
        Ok(record.into())
    }

    fn from_record(record: Event) -> Result<(Uuid, InvoiceEvent), CodecError> {
        let Event::Invoice(record) = record else {
            return Err(CodecError::ForeignType(record.event_type()));
        };
        Ok(match record {
            record::InvoiceEvent::Issued(issued) => (
                issued.invoice_id,
                InvoiceEvent::Issued {
                    number: InvoiceNumber::new(issued.number)?,
                    order_id: issued.order_id.into(),
                    customer_id: issued.customer_id.into(),
                    billing_address: from_address(&issued.billing_address)?,
                    lines: issued.lines.iter().map(from_line).collect::<Result<_, _>>()?,
                    total: from_money(&issued.total)?,
                },
            ),
            record::InvoiceEvent::PaymentReceived(received) => (
                received.invoice_id,
                InvoiceEvent::PaymentReceived {
                    amount: PaymentAmount::new(from_money(&received.amount)?)?,
                    reference: PaymentReference::new(&received.reference)?,
                    paid: from_money(&received.paid)?,
                },
            ),
            record::InvoiceEvent::Paid(paid) => (
                paid.invoice_id,
                InvoiceEvent::Paid {
                    order_id: paid.order_id.into(),
                },
            ),
            record::InvoiceEvent::CreditNoteIssued(issued) => (
                issued.invoice_id,
                InvoiceEvent::CreditNoteIssued {
                    number: CreditNoteNumber::new(issued.number)?,
                    order_id: issued.order_id.into(),
                    total: from_money(&issued.total)?,
                },
            ),
        })
    }
}

fn line(line: &InvoiceLine) -> record::InvoiceLine {
    record::InvoiceLine {
        product_id: line.product_id.uuid(),
        product_name: line.product_name.to_string(),
        quantity: line.quantity.get(),
        unit_price: money(line.unit_price.money()),
        subtotal: money(line.subtotal),
    }
}

fn from_line(line: &record::InvoiceLine) -> Result<InvoiceLine, CodecError> {
    Ok(InvoiceLine {
        product_id: line.product_id.into(),
        product_name: Name::new(&line.product_name)?,
        quantity: Quantity::new(line.quantity.into())?,
        unit_price: from_unit_price(&line.unit_price)?,
        subtotal: from_money(&line.subtotal)?,
    })
}
