use domain::{Name, Product, ProductId, Size, UnitPrice, Weight, product};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddProduct {
    pub product_id: ProductId,
    pub name: Name,
    pub unit_price: UnitPrice,
    pub size: Option<Size>,
    pub weight: Option<Weight>,
}

impl Command for AddProduct {
    const TYPE: &'static str = "add-product";
    const SCOPE: &'static str = "products:write";

    fn stream(&self) -> StreamId {
        Product::stream(self.product_id)
    }

    fn body(&self) -> Value {
        json!({
            "product_id": self.product_id.uuid(),
            "name": self.name.as_str(),
            "unit_price": body::money(self.unit_price.money()),
            "size": self.size.map(body::size),
            "weight_grams": self.weight.map(Weight::grams),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            product_id: fields.get::<Uuid>("product_id")?.into(),
            name: Name::new(&fields.get::<String>("name")?)?,
            unit_price: fields.unit_price("unit_price")?,
            size: fields.object("size").map(|size| size.as_size()).transpose()?,
            weight: fields
                .get::<Option<i64>>("weight_grams")?
                .map(Weight::from_grams)
                .transpose()?,
        })
    }
}

impl<S: EventStore> Handler<AddProduct> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &AddProduct) -> Result<Decided, CommandError> {
        let creation = product::AddProduct {
            name: command.name.clone(),
            unit_price: command.unit_price,
            size: command.size,
            weight: command.weight,
        };
        streams::create::<Product>(context, command.product_id, creation)
    }
}
