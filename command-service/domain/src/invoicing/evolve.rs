use super::{
    Invoice, InvoiceCommand, InvoiceEvent, InvoiceLine, InvoiceRefusal, InvoiceStatus, IssueInvoice, decide,
};
use crate::aggregate::{Aggregate, Misfit};
use crate::value::Money;

impl Aggregate for Invoice {
    type Creation = IssueInvoice;
    type Command = InvoiceCommand;
    type Event = InvoiceEvent;
    type Refusal = InvoiceRefusal;

    fn create(creation: IssueInvoice) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        decide::issue(creation)
    }

    fn decide(&self, command: InvoiceCommand) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        decide::decide(self, command)
    }

    fn evolve(state: Option<Self>, event: &InvoiceEvent) -> Result<Self, Misfit> {
        match (state, event) {
            (
                None,
                InvoiceEvent::Issued {
                    number,
                    order_id,
                    lines,
                    total,
                    ..
                },
            ) => {
                check_sum(lines, *total)?;
                Ok(Self {
                    number: *number,
                    order_id: *order_id,
                    total: *total,
                    paid: Money::zero(total.currency()),
                    status: InvoiceStatus::Issued,
                })
            }
            (Some(_), InvoiceEvent::Issued { .. }) => Err(Misfit::CreatedTwice),
            (None, _) => Err(Misfit::BeforeCreation),
            (Some(invoice), event) => invoice.followed_by(event),
        }
    }
}

impl Invoice {
    /// What is left to pay; never negative.
    pub fn open(&self) -> Money {
        let open = self.total.amount().saturating_sub(self.paid.amount());
        Money::new(open.max(0), self.total.currency())
    }

    fn followed_by(mut self, event: &InvoiceEvent) -> Result<Self, Misfit> {
        match event {
            InvoiceEvent::Issued { .. } => return Err(Misfit::CreatedTwice),
            InvoiceEvent::PaymentReceived { amount, paid, .. } => {
                self.unpaid()?;
                if self.paid.checked_add(amount.money()) != Some(*paid) || paid.amount() > self.total.amount()
                {
                    return Err(Misfit::WrongTotal);
                }
                self.paid = *paid;
            }
            InvoiceEvent::Paid { order_id } => {
                self.unpaid()?;
                if *order_id != self.order_id {
                    return Err(Misfit::OtherOrder);
                }
                if self.paid != self.total {
                    return Err(Misfit::WrongTotal);
                }
                self.status = InvoiceStatus::Paid;
            }
            InvoiceEvent::CreditNoteIssued { order_id, total, .. } => {
                if self.status == InvoiceStatus::Credited {
                    return Err(Misfit::WrongStatus);
                }
                if *order_id != self.order_id {
                    return Err(Misfit::OtherOrder);
                }
                if *total != self.total {
                    return Err(Misfit::WrongTotal);
                }
                self.status = InvoiceStatus::Credited;
            }
        }
        Ok(self)
    }

    fn unpaid(&self) -> Result<(), Misfit> {
        match self.status {
            InvoiceStatus::Issued => Ok(()),
            InvoiceStatus::Paid | InvoiceStatus::Credited => Err(Misfit::WrongStatus),
        }
    }
}

/// Each subtotal is its pieces times their price, and the total the sum of them.
fn check_sum(lines: &[InvoiceLine], total: Money) -> Result<(), Misfit> {
    if lines.is_empty() {
        return Err(Misfit::WrongTotal);
    }
    let mut sum = Money::zero(total.currency());
    for line in lines {
        if line.unit_price.times(line.quantity) != Ok(line.subtotal) {
            return Err(Misfit::WrongTotal);
        }
        sum = sum.checked_add(line.subtotal).ok_or(Misfit::WrongTotal)?;
    }
    if sum == total {
        Ok(())
    } else {
        Err(Misfit::WrongTotal)
    }
}
