//! Invoices, optionally of one customer, of one order or in some states, page by page.

use read_model::{CustomerDocument, InvoiceDocument, InvoiceStatus, Kind};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::invoices::{self, Invoice};
use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{DocumentReader, InvoiceFilter, PageReader, Watched};

#[derive(Debug, Clone, PartialEq)]
pub struct ListInvoices {
    pub customer_id: Option<Uuid>,
    pub order_id: Option<Uuid>,
    /// Any of these; all states if empty.
    pub status: Vec<InvoiceStatus>,
    pub paging: Paging,
}

impl Query for ListInvoices {
    const NAME: &'static str = "list_invoices";
    const PROJECTIONS: &'static [Kind] = &[Kind::Invoice, Kind::InvoiceAccount, Kind::Customer];
    type Answer = Listing<Invoice>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        if token.aggregate != AggregateType::Invoice {
            return awaiting::own_document(token);
        }
        let mut awaits = awaiting::listed(Kind::InvoiceAccount, token);
        // What was issued is read in real time.
        awaits.push(Await::Visible(Watched::Document(Kind::Invoice, token.id), 1));
        awaits
    }
}

pub struct ListInvoicesHandler<R>(pub Lists<R>);

impl<R> QueryHandler<ListInvoices> for ListInvoicesHandler<R>
where
    R: PageReader<InvoiceFilter> + DocumentReader<InvoiceDocument> + DocumentReader<CustomerDocument>,
{
    async fn handle(&self, query: &ListInvoices, context: &Context) -> Outcome<ListInvoices> {
        let filter = InvoiceFilter {
            customer_id: query.customer_id,
            order_id: query.order_id,
            status: query.status.clone(),
        };
        let listing = self
            .0
            .page(ListInvoices::NAME, filter, &query.paging, context)
            .await?;
        Ok(Listing {
            items: invoices::of_accounts(&*self.0.reader, listing.items).await?,
            total: listing.total,
            next_cursor: listing.next_cursor,
            facets: None,
        })
    }
}
