//! All products, page by page.

use read_model::{Kind, ProductDocument};
use shared_events::{AggregateType, ConsistencyToken};

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{PageReader, ProductFilter};

#[derive(Debug, Clone, PartialEq)]
pub struct ListProducts {
    pub paging: Paging,
}

impl Query for ListProducts {
    const NAME: &'static str = "list_products";
    const PROJECTIONS: &'static [Kind] = &[Kind::Product];
    type Answer = Listing<ProductDocument>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match token.aggregate {
            AggregateType::Product => awaiting::listed(Kind::Product, token),
            _ => awaiting::own_document(token),
        }
    }
}

pub struct ListProductsHandler<R>(pub Lists<R>);

impl<R: PageReader<ProductFilter>> QueryHandler<ListProducts> for ListProductsHandler<R> {
    async fn handle(&self, query: &ListProducts, context: &Context) -> Outcome<ListProducts> {
        self.0
            .page(ListProducts::NAME, ProductFilter, &query.paging, context)
            .await
    }
}
