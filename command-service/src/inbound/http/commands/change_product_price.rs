use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::ChangeProductPrice;
use crate::inbound::http::api_document::{CorrelationId, Done, Missing, PathId, Refusals};
use crate::inbound::http::body::JsonBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::request_context::{RequestContext, path_id};
use crate::inbound::http::values::MoneyJson;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrice {
    unit_price: MoneyJson,
}

/// Change a product's price
///
/// Lines that orders have already keep theirs.
#[utoipa::path(
    put,
    path = "/v1/products/{id}/price",
    tag = "products",
    params(PathId, CorrelationId),
    request_body = NewPrice,
    responses(Done, Missing, Refusals),
)]
pub async fn change_product_price<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    context: RequestContext,
    JsonBody(body): JsonBody<NewPrice>,
) -> Result<HttpResponse, Problem> {
    let command = ChangeProductPrice {
        product_id: path_id(&request, "id")?.into(),
        unit_price: body.unit_price.parse_price("/unit_price")?,
    };
    api.execute(context, &command).await.map(done)
}
