use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ordering::CreateOrder;
use crate::inbound::http::api_document::{CommandHeaders, Created, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, created};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::{NewItem, id, optional_id};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Chosen by the service if absent.
    #[serde(default, deserialize_with = "optional_id")]
    order_id: Option<Uuid>,
    #[serde(deserialize_with = "id")]
    customer_id: Uuid,
    #[serde(default)]
    items: Vec<NewItem>,
}

impl NewOrder {
    fn parse(&self, next_id: impl FnOnce() -> Uuid) -> Result<CreateOrder, Problem> {
        let items = self
            .items
            .iter()
            .enumerate()
            .map(|(at, item)| item.parse(&format!("/items/{at}")))
            .collect::<Result<_, _>>()?;
        Ok(CreateOrder {
            order_id: self.order_id.unwrap_or_else(next_id).into(),
            customer_id: self.customer_id.into(),
            items,
        })
    }
}

/// Create an order as a draft
#[utoipa::path(
    post,
    path = "/v1/orders",
    tag = "orders",
    params(CommandHeaders),
    request_body = NewOrder,
    responses(Created, Refusals),
)]
pub async fn create_order<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewOrder>,
) -> Result<HttpResponse, Problem> {
    let command = body.parse(|| api.next_id())?;
    api.execute(sent, &command).await.map(created)
}
