use domain::product::ProductCommand;
use domain::{Product, ProductId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscontinueProduct {
    pub product_id: ProductId,
}

impl Command for DiscontinueProduct {
    const TYPE: &'static str = "discontinue-product";
    const SCOPE: &'static str = "products:write";

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({"product_id": self.product_id.uuid()})
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            product_id: fields.get::<Uuid>("product_id")?.into(),
        })
    }
}

impl<S: EventStore> Handler<DiscontinueProduct> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &DiscontinueProduct) -> Result<Decided, CommandError> {
        let product = streams::load::<Product>(&*self.store, context, command.product_id).await?;
        product.decide(ProductCommand::Discontinue)
    }
}
