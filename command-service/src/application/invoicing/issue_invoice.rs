use domain::invoicing::{self, LineToInvoice};
use domain::{Address, CustomerId, Invoice, InvoiceId, InvoiceNumber, Name, OrderId, Quantity};
use serde_json::{Value, json};
use uuid::Uuid;

use super::numbers;
use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::{CodecError, Recorded};
use crate::application::policies::INTERNAL_SCOPE;
use crate::application::ports::{EventStore, NumberSeries, StreamId};
use crate::application::streams;

/// Issues the one invoice of an order; done already where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueInvoice {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub billing_address: Address,
    /// At least one, all in one currency.
    pub lines: Vec<LineToInvoice>,
}

impl IssueInvoice {
    pub fn invoice_id(&self) -> InvoiceId {
        InvoiceId::of_order(self.order_id)
    }
}

impl Command for IssueInvoice {
    const TYPE: &'static str = "issue-invoice";
    const SCOPE: &'static str = INTERNAL_SCOPE;
    const SERIES: Option<NumberSeries> = Some(NumberSeries::Invoice);

    fn stream(&self) -> StreamId {
        Invoice::stream(self.invoice_id())
    }

    fn body(&self) -> Value {
        json!({
            "order_id": self.order_id.uuid(),
            "customer_id": self.customer_id.uuid(),
            "billing_address": body::address(&self.billing_address),
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
            customer_id: fields.get::<Uuid>("customer_id")?.into(),
            billing_address: fields.address("billing_address")?,
            lines: fields
                .objects("lines")?
                .iter()
                .map(from_line)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl<S: EventStore> Handler<IssueInvoice> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &IssueInvoice) -> Result<Decided, CommandError> {
        let stream = command.stream();
        let [stored] = streams::read(&*self.store, [stream], stream).await?;
        let invoice = streams::known::<Invoice>(&*self.store, command.invoice_id(), &stored).await?;
        if let Some(invoice) = invoice {
            return invoice.decided(&[]);
        }
        let claim = numbers::next(&*self.store, NumberSeries::Invoice, stream).await?;
        let creation = invoicing::IssueInvoice {
            number: InvoiceNumber::new(claim.number).map_err(CodecError::from)?,
            order_id: command.order_id,
            customer_id: command.customer_id,
            billing_address: command.billing_address.clone(),
            lines: command.lines.clone(),
        };
        Ok(Decided {
            claim: Some(claim),
            ..streams::create::<Invoice>(context, command.invoice_id(), creation)?
        })
    }
}

fn line(line: &LineToInvoice) -> Value {
    json!({
        "product_id": line.product_id.uuid(),
        "product_name": line.product_name.as_str(),
        "quantity": line.quantity.get(),
        "unit_price": body::money(line.unit_price.money()),
    })
}

fn from_line(fields: &Fields) -> Result<LineToInvoice, UnreadableBody> {
    Ok(LineToInvoice {
        product_id: fields.get::<Uuid>("product_id")?.into(),
        product_name: Name::new(&fields.get::<String>("product_name")?)?,
        quantity: Quantity::new(fields.get("quantity")?)?,
        unit_price: fields.unit_price("unit_price")?,
    })
}
