use actix_web::{HttpResponse, web};
use domain::{Name, Weight};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ordering::AddProduct;
use crate::inbound::http::api_document::{CommandHeaders, Created, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, created};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::{MoneyJson, SizeJson, invalid, optional_id};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// Chosen by the service if absent.
    #[serde(default, deserialize_with = "optional_id")]
    product_id: Option<Uuid>,
    #[schema(min_length = 1, max_length = 200, example = "Analytical engine")]
    name: String,
    unit_price: MoneyJson,
    size: Option<SizeJson>,
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 1200)]
    weight_grams: Option<i64>,
}

impl NewProduct {
    fn parse(&self, next_id: impl FnOnce() -> Uuid) -> Result<AddProduct, Problem> {
        Ok(AddProduct {
            product_id: self.product_id.unwrap_or_else(next_id).into(),
            name: Name::new(&self.name).map_err(invalid(""))?,
            unit_price: self.unit_price.parse_price("/unit_price")?,
            size: self.size.as_ref().map(|size| size.parse("/size")).transpose()?,
            weight: self
                .weight_grams
                .map(Weight::from_grams)
                .transpose()
                .map_err(invalid(""))?,
        })
    }
}

/// Add a product to the catalogue
#[utoipa::path(
    post,
    path = "/v1/products",
    tag = "products",
    params(CommandHeaders),
    request_body = NewProduct,
    responses(Created, Refusals),
)]
pub async fn add_product<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewProduct>,
) -> Result<HttpResponse, Problem> {
    let command = body.parse(|| api.next_id())?;
    api.execute(sent, &command).await.map(created)
}
