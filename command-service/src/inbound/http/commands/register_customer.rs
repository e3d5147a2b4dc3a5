use actix_web::{HttpResponse, web};
use domain::{EmailAddress, Name};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ordering::RegisterCustomer;
use crate::inbound::http::api_document::{CommandHeaders, Created, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, created};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::{AddressJson, invalid, optional_id};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    /// Chosen by the service if absent.
    #[serde(default, deserialize_with = "optional_id")]
    customer_id: Option<Uuid>,
    #[schema(min_length = 1, max_length = 200, example = "Ada Lovelace")]
    name: String,
    #[schema(max_length = 254, example = "ada@example.com")]
    email: Option<String>,
    billing_address: AddressJson,
    /// The billing address if absent, whatever that becomes.
    delivery_address: Option<AddressJson>,
}

impl NewCustomer {
    fn parse(&self, next_id: impl FnOnce() -> Uuid) -> Result<RegisterCustomer, Problem> {
        Ok(RegisterCustomer {
            customer_id: self.customer_id.unwrap_or_else(next_id).into(),
            name: Name::new(&self.name).map_err(invalid(""))?,
            email: self
                .email
                .as_deref()
                .map(EmailAddress::new)
                .transpose()
                .map_err(invalid(""))?,
            billing_address: self.billing_address.parse("/billing_address")?,
            delivery_address: self
                .delivery_address
                .as_ref()
                .map(|address| address.parse("/delivery_address"))
                .transpose()?,
        })
    }
}

/// Register a customer
#[utoipa::path(
    post,
    path = "/v1/customers",
    tag = "customers",
    params(CommandHeaders),
    request_body = NewCustomer,
    responses(Created, Refusals),
)]
pub async fn register_customer<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewCustomer>,
) -> Result<HttpResponse, Problem> {
    let command = body.parse(|| api.next_id())?;
    api.execute(sent, &command).await.map(created)
}
