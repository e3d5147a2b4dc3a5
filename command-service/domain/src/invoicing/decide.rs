use super::{
    Invoice, InvoiceCommand, InvoiceEvent, InvoiceLine, InvoiceRefusal, InvoiceStatus, IssueInvoice,
    LineToInvoice,
};
use crate::value::{CreditNoteNumber, Money, PaymentAmount, PaymentReference};

/// Where nothing is to be paid, the invoice is paid at once: no payment would ever say so.
pub(super) fn issue(command: IssueInvoice) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
    let IssueInvoice {
        number,
        order_id,
        customer_id,
        billing_address,
        lines,
    } = command;
    let (lines, total) = added_up(lines)?;
    let mut events = vec![InvoiceEvent::Issued {
        number,
        order_id,
        customer_id,
        billing_address,
        lines,
        total,
    }];
    if total.amount() == 0 {
        events.push(InvoiceEvent::Paid { order_id });
    }
    Ok(events)
}

pub(super) fn decide(
    invoice: &Invoice,
    command: InvoiceCommand,
) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
    match command {
        InvoiceCommand::ReceivePayment { amount, reference } => receive_payment(invoice, amount, reference),
        InvoiceCommand::IssueCreditNote { number } => Ok(issue_credit_note(invoice, number)),
    }
}

fn receive_payment(
    invoice: &Invoice,
    amount: PaymentAmount,
    reference: PaymentReference,
) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
    if invoice.status == InvoiceStatus::Credited {
        return Err(InvoiceRefusal::Credited);
    }
    let currency = invoice.total.currency();
    let payment = amount.money();
    if payment.currency() != currency {
        return Err(InvoiceRefusal::CurrencyMismatch {
            invoice: currency,
            other: payment.currency(),
        });
    }
    let paid = match invoice.paid.checked_add(payment) {
        Some(paid) if paid.amount() <= invoice.total.amount() => paid,
        _ => {
            return Err(InvoiceRefusal::Overpayment {
                open: invoice.open(),
                amount: payment,
            });
        }
    };
    let mut events = vec![InvoiceEvent::PaymentReceived {
        amount,
        reference,
        paid,
    }];
    if paid == invoice.total {
        events.push(InvoiceEvent::Paid {
            order_id: invoice.order_id,
        });
    }
    Ok(events)
}

fn issue_credit_note(invoice: &Invoice, number: CreditNoteNumber) -> Vec<InvoiceEvent> {
    match invoice.status {
        InvoiceStatus::Credited => vec![],
        InvoiceStatus::Issued | InvoiceStatus::Paid => vec![InvoiceEvent::CreditNoteIssued {
            number,
            order_id: invoice.order_id,
            total: invoice.total,
        }],
    }
}

/// The lines with their subtotals, and the sum of these.
fn added_up(lines: Vec<LineToInvoice>) -> Result<(Vec<InvoiceLine>, Money), InvoiceRefusal> {
    let currency = lines
        .first()
        .ok_or(InvoiceRefusal::EmptyOrder)?
        .unit_price
        .currency();
    let mut total = Money::zero(currency);
    let mut added = Vec::with_capacity(lines.len());
    for line in lines {
        if line.unit_price.currency() != currency {
            return Err(InvoiceRefusal::CurrencyMismatch {
                invoice: currency,
                other: line.unit_price.currency(),
            });
        }
        let line = InvoiceLine::of(line)?;
        total = total
            .checked_add(line.subtotal)
            .ok_or(InvoiceRefusal::AmountOverflow)?;
        added.push(line);
    }
    Ok((added, total))
}
