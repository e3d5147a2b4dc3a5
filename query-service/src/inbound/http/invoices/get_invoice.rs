use actix_web::{HttpRequest, HttpResponse, web};
use shared_events::{AggregateType, ConsistencyToken};

use super::views::InvoiceView;
use crate::application::queries::get_invoice::GetInvoice;
use crate::inbound::http::api_parts::{Conditions, OfDetails};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, detail};

/// One invoice: what was issued, and what has happened since.
///
/// It is read in real time.
#[utoipa::path(
    get,
    path = "/v1/invoices/{id}",
    tag = "invoices",
    params(
        ("id" = Uuid, Path, description = "The invoice."),
        Conditions,
    ),
    responses(
        (status = 200, description = "The invoice.", body = InvoiceView, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "Names the invoice at the version shown."),
            ("Projected-Version" = u64, description = "The version of the invoice's account."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfDetails,
    )
)]
pub async fn get_invoice(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    Parameters::of(&request).finish()?;
    let invoice = api.ask(&request, &GetInvoice { id }).await?;
    let token = ConsistencyToken {
        aggregate: AggregateType::Invoice,
        id,
        version: invoice.version,
    };
    detail(&request, &InvoiceView::from(invoice), token)
}
