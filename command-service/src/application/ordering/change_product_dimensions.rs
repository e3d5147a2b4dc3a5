use domain::product::ProductCommand;
use domain::{Product, ProductId, Size, Weight};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeProductDimensions {
    pub product_id: ProductId,
    pub size: Size,
    pub weight: Weight,
}

impl Command for ChangeProductDimensions {
    const TYPE: &'static str = "change-product-dimensions";
    const SCOPE: &'static str = "products:write";

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({
            "product_id": self.product_id.uuid(),
            "size": body::size(self.size),
            "weight_grams": self.weight.grams(),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            product_id: fields.get::<Uuid>("product_id")?.into(),
            size: fields.size("size")?,
            weight: Weight::from_grams(fields.get("weight_grams")?)?,
        })
    }
}

impl<S: EventStore> Handler<ChangeProductDimensions> for UseCases<S> {
    type Answer = Decided;

    async fn handle(
        &self,
        context: &Context,
        command: &ChangeProductDimensions,
    ) -> Result<Decided, CommandError> {
        let product = streams::load::<Product>(&*self.store, context, command.product_id).await?;
        product.decide(ProductCommand::ChangeDimensions {
            size: command.size,
            weight: command.weight,
        })
    }
}
