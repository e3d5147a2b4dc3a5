//! What invoicing does about what ordering tells it.

use domain::invoicing::LineToInvoice;
use domain::{Name, Quantity};
use shared_events::event::{InvoicingLine, OrderSubmittedForInvoicingV1};
use shared_events::{Event, OrderForInvoicingEvent};

use super::{IssueCreditNote, IssueInvoice};
use crate::application::codec::CodecError;
use crate::application::codec::values::{from_address, from_unit_price};
use crate::application::policies::FollowUp;

/// A submitted order is invoiced; a cancelled one gets a credit note over its invoice. Both go to the same stream, so that
/// they are decided in the order in which ordering told them.
pub(in crate::application) fn follow_ups(event: &Event) -> Result<Vec<FollowUp>, CodecError> {
    let Event::OrderForInvoicing(event) = event else {
        return Ok(vec![]);
    };
    Ok(vec![match event {
        OrderForInvoicingEvent::Submitted(submitted) => {
            FollowUp::of("invoice-submitted-orders", &invoice_of(submitted)?)
        }
        OrderForInvoicingEvent::Cancelled(cancelled) => {
            let command = IssueCreditNote {
                order_id: cancelled.order_id.into(),
            };
            FollowUp::of("credit-cancelled-orders", &command)
        }
    }])
}

fn invoice_of(submitted: &OrderSubmittedForInvoicingV1) -> Result<IssueInvoice, CodecError> {
    Ok(IssueInvoice {
        order_id: submitted.order_id.into(),
        customer_id: submitted.customer_id.into(),
        billing_address: from_address(&submitted.billing_address)?,
        lines: submitted.lines.iter().map(line).collect::<Result<_, _>>()?,
    })
}

fn line(line: &InvoicingLine) -> Result<LineToInvoice, CodecError> {
    Ok(LineToInvoice {
        product_id: line.product_id.into(),
        product_name: Name::new(&line.product_name)?,
        quantity: Quantity::new(line.quantity.into())?,
        unit_price: from_unit_price(&line.unit_price)?,
    })
}
