use domain::product::ProductCommand;
use domain::{Product, ProductId, UnitPrice};
use serde_json::{Value, json};

use super::{UseCases, body};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
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

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({
            "product_id": self.product_id.uuid(),
            "unit_price": body::money(self.unit_price.money()),
        })
    }
}

impl<S: EventStore> Handler<ChangeProductPrice> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &ChangeProductPrice) -> Result<Decided, CommandError> {
        let product = streams::load::<Product>(&*self.store, command.product_id).await?;
        product.decide(ProductCommand::ChangePrice {
            unit_price: command.unit_price,
        })
    }
}
