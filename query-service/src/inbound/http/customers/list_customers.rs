use actix_web::{HttpRequest, HttpResponse, web};

use super::views::CustomerView;
use crate::application::ports::reading::CustomerFilter;
use crate::application::queries::list_customers::ListCustomers;
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::Parameters;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::List;

/// All customers, page by page.
///
/// As of the last refresh, a few hundred milliseconds ago at most; with a token as of that version at least.
#[utoipa::path(
    get,
    path = "/v1/customers",
    tag = "customers",
    params(
        ("sort" = Option<String>, Query, description = "`created_at` or `updated_at`, descending with `-` before it; `-created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<CustomerView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn list_customers(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = ListCustomers {
        paging: parameters.paging::<CustomerFilter>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<CustomerView>::of(listing))
}
