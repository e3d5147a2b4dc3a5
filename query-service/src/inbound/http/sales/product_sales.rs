use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ports::reading::SalesByProduct;
use crate::application::queries::product_sales::{ProductSales, SoldProduct};
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::Parameters;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::{List, Money};

/// What was sold of a product in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductSales)]
pub struct ProductSalesView {
    pub product_id: Uuid,
    /// The product's name now; null for the moment in which the sale has arrived and the product has not.
    pub product_name: Option<String>,
    /// Pieces.
    #[schema(minimum = 1, example = 7)]
    pub quantity: i64,
    pub revenue: Money,
}

impl From<SoldProduct> for ProductSalesView {
    fn from(sold: SoldProduct) -> Self {
        Self {
            product_id: sold.sales.product_id,
            product_name: sold.product_name,
            quantity: sold.sales.quantity,
            revenue: sold.sales.revenue.into(),
        }
    }
}

/// What was sold of each product, by currency, page by page; the most revenue first.
///
/// An order counts from its confirmation until it is cancelled. As of the last refresh; with a token as of that version at
/// least.
#[utoipa::path(
    get,
    path = "/v1/sales/products",
    tag = "sales",
    params(
        ("sort" = Option<String>, Query, description = "`-total`, the most revenue first, or `total`; `-total` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<ProductSalesView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn product_sales(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = ProductSales {
        paging: parameters.paging::<SalesByProduct>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<ProductSalesView>::of(listing))
}
