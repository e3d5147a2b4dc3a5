//! What was sold of each product, by currency, with the products' names now; the best first.

use read_model::{Kind, ProductDocument};
use shared_events::ConsistencyToken;

use super::lists::{Listing, Lists, UnusableCursor};
use super::names;
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{
    DocumentReader, GroupReader, ProductSales as Sales, SalesByProduct,
};

#[derive(Debug, Clone, PartialEq)]
pub struct ProductSales {
    pub paging: Paging,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldProduct {
    pub sales: Sales,
    /// `None` while nothing of the product has arrived.
    pub product_name: Option<String>,
}

impl Query for ProductSales {
    const NAME: &'static str = "product_sales";
    const PROJECTIONS: &'static [Kind] = &[Kind::Sale, Kind::Product];
    type Answer = Listing<SoldProduct>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        awaiting::sales(token)
    }
}

pub struct ProductSalesHandler<R>(pub Lists<R>);

impl<R> QueryHandler<ProductSales> for ProductSalesHandler<R>
where
    R: GroupReader<SalesByProduct> + DocumentReader<ProductDocument>,
{
    async fn handle(&self, query: &ProductSales, context: &Context) -> Outcome<ProductSales> {
        let listing = self
            .0
            .groups(ProductSales::NAME, SalesByProduct, &query.paging, context)
            .await?;
        let products = listing.items.iter().map(|sales| sales.product_id);
        let names = names::of_products(&*self.0.reader, products).await?;
        Ok(listing.map(|sales| SoldProduct {
            product_name: names.get(&sales.product_id).cloned(),
            sales,
        }))
    }
}
