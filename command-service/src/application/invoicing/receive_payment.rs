use domain::invoicing::InvoiceCommand;
use domain::{Invoice, InvoiceId, PaymentAmount, PaymentReference};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivePayment {
    pub invoice_id: InvoiceId,
    pub amount: PaymentAmount,
    pub reference: PaymentReference,
}

impl Command for ReceivePayment {
    const TYPE: &'static str = "receive-payment";
    const SCOPE: &'static str = "invoices:pay";

    fn stream(&self) -> StreamId {
        Invoice::stream(self.invoice_id)
    }

    fn body(&self) -> Value {
        json!({
            "invoice_id": self.invoice_id.uuid(),
            "amount": body::money(self.amount.money()),
            "reference": self.reference.as_str(),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            invoice_id: fields.get::<Uuid>("invoice_id")?.into(),
            amount: PaymentAmount::new(fields.money("amount")?)?,
            reference: PaymentReference::new(&fields.get::<String>("reference")?)?,
        })
    }
}

impl<S: EventStore> Handler<ReceivePayment> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &ReceivePayment) -> Result<Decided, CommandError> {
        let invoice = streams::load::<Invoice>(&*self.store, context, command.invoice_id).await?;
        invoice.decide(InvoiceCommand::ReceivePayment {
            amount: command.amount,
            reference: command.reference.clone(),
        })
    }
}
