use domain::order::OrderCommand;
use domain::{Order, OrderId, Product};
use serde_json::Value;
use uuid::Uuid;

use super::OrderItem;
use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOrderItem {
    pub order_id: OrderId,
    pub item: OrderItem,
}

impl Command for AddOrderItem {
    const TYPE: &'static str = "add-order-item";
    const SCOPE: &'static str = "orders:write";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        let mut body = self.item.body();
        body["order_id"] = Value::String(self.order_id.to_string());
        body
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
            item: OrderItem::from_fields(&fields)?,
        })
    }
}

impl<S: EventStore> Handler<AddOrderItem> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &AddOrderItem) -> Result<Decided, CommandError> {
        let target = command.stream();
        let wanted = [target, Product::stream(command.item.product_id)];
        let [order, product] = streams::read(&*self.store, wanted, target).await?;
        let order = streams::target::<Order>(&*self.store, context, command.order_id, &order).await?;
        let product = streams::known(&*self.store, command.item.product_id, &product).await?;
        let item = command.item.offered(product, "/product_id".to_owned())?;
        order.decide(OrderCommand::AddItem(item))
    }
}
