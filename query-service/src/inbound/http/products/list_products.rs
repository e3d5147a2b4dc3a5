use actix_web::{HttpRequest, HttpResponse, web};

use super::views::ProductView;
use crate::application::ports::reading::ProductFilter;
use crate::application::queries::list_products::ListProducts;
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::Parameters;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::List;

/// All products, page by page.
///
/// As of the last refresh, a few hundred milliseconds ago at most; with a token as of that version at least.
#[utoipa::path(
    get,
    path = "/v1/products",
    tag = "products",
    params(
        ("sort" = Option<String>, Query, description = "`created_at` or `updated_at`, descending with `-` before it; `-created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<ProductView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn list_products(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = ListProducts {
        paging: parameters.paging::<ProductFilter>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<ProductView>::of(listing))
}
