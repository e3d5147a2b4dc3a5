use actix_web::{HttpRequest, HttpResponse, web};
use shared_events::{AggregateType, ConsistencyToken};

use super::views::ProductView;
use crate::application::queries::get_product::GetProduct;
use crate::inbound::http::api_parts::{Conditions, OfDetails};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, detail};

/// One product.
///
/// It is read in real time: a product that was projected is shown at once.
#[utoipa::path(
    get,
    path = "/v1/products/{id}",
    tag = "products",
    params(
        ("id" = Uuid, Path, description = "The product."),
        Conditions,
    ),
    responses(
        (status = 200, description = "The product.", body = ProductView, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "Names the product at the version shown."),
            ("Projected-Version" = u64, description = "The version of the document."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfDetails,
    )
)]
pub async fn get_product(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    Parameters::of(&request).finish()?;
    let product = api.ask(&request, &GetProduct { id }).await?;
    let token = ConsistencyToken {
        aggregate: AggregateType::Product,
        id,
        version: product.version,
    };
    detail(&request, &ProductView::from(product), token)
}
