use domain::product::ProductCommand;
use domain::{Product, ProductId, UnitPrice};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeProductPrice {
    pub product_id: ProductId,
    pub unit_price: UnitPrice,
}

impl Command for ChangeProductPrice {
    const TYPE: &'static str = "change-product-price";
    const SCOPE: &'static str = "products:write";

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({
            "product_id": self.product_id.uuid(),
            "unit_price": body::money(self.unit_price.money()),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            product_id: fields.get::<Uuid>("product_id")?.into(),
            unit_price: fields.unit_price("unit_price")?,
        })
    }
}

impl<S: EventStore> Handler<ChangeProductPrice> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &ChangeProductPrice) -> Result<Decided, CommandError> {
        let product = streams::load::<Product>(&*self.store, context, command.product_id).await?;
        product.decide(ProductCommand::ChangePrice {
            unit_price: command.unit_price,
        })
    }
}
