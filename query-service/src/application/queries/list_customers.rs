//! All customers, page by page.

use read_model::{CustomerDocument, Kind};
use shared_events::{AggregateType, ConsistencyToken};

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{CustomerFilter, PageReader};

#[derive(Debug, Clone, PartialEq)]
pub struct ListCustomers {
    pub paging: Paging,
}

impl Query for ListCustomers {
    const NAME: &'static str = "list_customers";
    const PROJECTIONS: &'static [Kind] = &[Kind::Customer];
    type Answer = Listing<CustomerDocument>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match token.aggregate {
            AggregateType::Customer => awaiting::listed(Kind::Customer, token),
            _ => awaiting::own_document(token),
        }
    }
}

pub struct ListCustomersHandler<R>(pub Lists<R>);

impl<R: PageReader<CustomerFilter>> QueryHandler<ListCustomers> for ListCustomersHandler<R> {
    async fn handle(&self, query: &ListCustomers, context: &Context) -> Outcome<ListCustomers> {
        self.0
            .page(ListCustomers::NAME, CustomerFilter, &query.paging, context)
            .await
    }
}
