use domain::product::ProductCommand;
use domain::{Name, Product, ProductId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
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
    const SCOPE: &'static str = "products:write";

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({"product_id": self.product_id.uuid(), "name": self.name.as_str()})
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            product_id: fields.get::<Uuid>("product_id")?.into(),
            name: Name::new(&fields.get::<String>("name")?)?,
        })
    }
}

impl<S: EventStore> Handler<RenameProduct> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &RenameProduct) -> Result<Decided, CommandError> {
        let product = streams::load::<Product>(&*self.store, context, command.product_id).await?;
        product.decide(ProductCommand::Rename {
            name: command.name.clone(),
        })
    }
}
