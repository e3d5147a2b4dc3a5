//! Products as answers show them.

use chrono::{DateTime, Utc};
use read_model::ProductDocument;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::inbound::http::views::{Money, Size};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub struct ProductView {
    pub id: Uuid,
    #[schema(minimum = 1, example = 3)]
    pub version: u64,
    pub name: String,
    /// The catalogue's price now; orders keep theirs.
    pub unit_price: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_grams: Option<i64>,
    /// It cannot be ordered any more.
    pub discontinued: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<ProductDocument> for ProductView {
    fn from(product: ProductDocument) -> Self {
        Self {
            id: product.id,
            version: product.version,
            name: product.name,
            unit_price: product.unit_price.into(),
            size: product.size.map(Size::from),
            weight_grams: product.weight_grams,
            discontinued: product.discontinued,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}
