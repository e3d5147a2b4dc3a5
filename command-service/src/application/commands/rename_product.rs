use domain::product::ProductCommand;
use domain::{Name, Product, ProductId};
use serde_json::{Value, json};

use super::UseCases;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameProduct {
    pub product_id: ProductId,
    pub name: Name,
}

impl Command for RenameProduct {
    const TYPE: &'static str = "rename-product";

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({"product_id": self.product_id.uuid(), "name": self.name.as_str()})
    }
}

impl<S: EventStore> Handler<RenameProduct> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &RenameProduct) -> Result<Decided, CommandError> {
        let product = streams::load::<Product>(&*self.store, command.product_id).await?;
        product.decide(ProductCommand::Rename {
            name: command.name.clone(),
        })
    }
}
