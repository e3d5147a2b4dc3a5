use actix_web::{HttpResponse, web};

use crate::application::ordering::DiscontinueProduct;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, RefusalsWithoutBody};
use crate::inbound::http::body::NoBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;

/// Discontinue a product
///
/// It is neither added to orders nor changed any more; orders that have it keep it.
#[utoipa::path(
    post,
    path = "/v1/products/{id}/discontinue",
    tag = "products",
    params(PathId, CommandHeaders),
    responses(Done, Missing, RefusalsWithoutBody)
)]
pub async fn discontinue_product<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { sent, .. }: CommandRequest<NoBody>,
) -> Result<HttpResponse, Problem> {
    let command = DiscontinueProduct {
        product_id: sent.id("id")?.into(),
    };
    api.execute(sent, &command).await.map(done)
}
