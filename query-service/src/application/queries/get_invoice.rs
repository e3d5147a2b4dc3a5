//! One invoice.

use std::sync::Arc;

use read_model::{CustomerDocument, InvoiceAccountDocument, InvoiceDocument, Kind};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::invoices::{self, Invoice};
use super::{Await, Context, NotFound, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::ports::reading::DocumentReader;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetInvoice {
    pub id: Uuid,
}

impl Query for GetInvoice {
    const NAME: &'static str = "get_invoice";
    const PROJECTIONS: &'static [Kind] = &[Kind::Invoice, Kind::InvoiceAccount, Kind::Customer];
    type Answer = Invoice;
    type Refusal = NotFound;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match (token.aggregate, token.id) == (AggregateType::Invoice, self.id) {
            true => vec![Await::Answer],
            false => awaiting::own_document(token),
        }
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(invoice) => Some(invoice.version),
            Err(QueryError::Refused(NotFound { .. })) => Some(0),
            Err(_) => None,
        }
    }
}

pub struct GetInvoiceHandler<R> {
    reader: Arc<R>,
}

impl<R> GetInvoiceHandler<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }
}

impl<R> QueryHandler<GetInvoice> for GetInvoiceHandler<R>
where
    R: DocumentReader<InvoiceDocument>
        + DocumentReader<InvoiceAccountDocument>
        + DocumentReader<CustomerDocument>,
{
    async fn handle(&self, query: &GetInvoice, _: &Context) -> Outcome<GetInvoice> {
        invoices::one(&*self.reader, query.id)
            .await?
            .ok_or_else(|| NotFound::refusal("invoice", query.id))
    }
}
