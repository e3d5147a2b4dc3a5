use domain::invoicing::InvoiceCommand;
use domain::{CreditNoteNumber, Invoice, InvoiceId, OrderId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::numbers;
use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::{CodecError, Recorded};
use crate::application::policies::INTERNAL_SCOPE;
use crate::application::ports::{EventStore, NumberSeries, StreamId};
use crate::application::streams;

/// Takes the invoice of an order back; done already where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueCreditNote {
    pub order_id: OrderId,
}

impl IssueCreditNote {
    pub fn invoice_id(&self) -> InvoiceId {
        InvoiceId::of_order(self.order_id)
    }
}

impl Command for IssueCreditNote {
    const TYPE: &'static str = "issue-credit-note";
    const SCOPE: &'static str = INTERNAL_SCOPE;
    const SERIES: Option<NumberSeries> = Some(NumberSeries::CreditNote);

    fn stream(&self) -> StreamId {
        Invoice::stream(self.invoice_id())
    }

    fn body(&self) -> Value {
        json!({"order_id": self.order_id.uuid()})
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
        })
    }
}

impl<S: EventStore> Handler<IssueCreditNote> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &IssueCreditNote) -> Result<Decided, CommandError> {
        let invoice = streams::load::<Invoice>(&*self.store, context, command.invoice_id()).await?;
        let claim = numbers::next(&*self.store, NumberSeries::CreditNote, command.stream()).await?;
        let number = CreditNoteNumber::new(claim.number).map_err(CodecError::from)?;
        let decided = invoice.decide(InvoiceCommand::IssueCreditNote { number })?;
        Ok(Decided {
            // A number is taken by a document only.
            claim: (!decided.events.is_empty()).then_some(claim),
            ..decided
        })
    }
}
