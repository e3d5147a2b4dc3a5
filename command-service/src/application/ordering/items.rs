//! What orders are asked to hold.

use domain::order::{ItemToAdd, ProductAsOffered};
use domain::{Product, ProductId, Quantity, UnitPrice};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::body::{self, Fields};
use crate::application::bus::{CommandError, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::streams::Loaded;

/// So many pieces of a product, as the client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// The price that the client saw, if it says so; any other is refused instead of charged.
    pub expected_unit_price: Option<UnitPrice>,
}

impl OrderItem {
    /// The members of the item in a command's body.
    pub(super) fn body(&self) -> Value {
        json!({
            "product_id": self.product_id.uuid(),
            "quantity": self.quantity.get(),
            "expected_unit_price": self.expected_unit_price.map(|price| body::money(price.money())),
        })
    }

    pub(super) fn from_fields(fields: &Fields) -> Result<Self, UnreadableBody> {
        Ok(Self {
            product_id: fields.get::<Uuid>("product_id")?.into(),
            quantity: Quantity::new(fields.get("quantity")?)?,
            expected_unit_price: fields
                .object("expected_unit_price")
                .map(|price| price.as_money().and_then(|money| Ok(UnitPrice::new(money)?)))
                .transpose()?,
        })
    }

    /// With the product as it is now; `pointer` is the place of its id in the command's body.
    pub(super) fn offered(
        &self,
        product: Option<Loaded<Product>>,
        pointer: String,
    ) -> Result<ItemToAdd, CommandError> {
        let id = self.product_id;
        let Some(product) = product else {
            return Err(CommandError::UnknownReference {
                reference: Product::stream(id),
                pointer,
            });
        };
        Ok(ItemToAdd {
            product: ProductAsOffered {
                id,
                name: product.state.name,
                version: product.version,
                unit_price: product.state.unit_price,
                discontinued: product.state.discontinued,
            },
            quantity: self.quantity,
            expected_unit_price: self.expected_unit_price,
        })
    }
}
