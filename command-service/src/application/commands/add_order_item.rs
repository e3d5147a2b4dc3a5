use domain::order::OrderCommand;
use domain::{Order, OrderId, Product};
use serde_json::Value;

use super::{OrderItem, UseCases};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams::{self, Loaded};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOrderItem {
    pub order_id: OrderId,
    pub item: OrderItem,
}

impl Command for AddOrderItem {
    const TYPE: &'static str = "add-order-item";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        let mut body = self.item.body();
        body["order_id"] = Value::String(self.order_id.to_string());
        body
    }
}

impl<S: EventStore> Handler<AddOrderItem> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &AddOrderItem) -> Result<Decided, CommandError> {
        let target = command.stream();
        let wanted = [target, Product::stream(command.item.product_id)];
        let [order, product] = streams::read(&*self.store, wanted, target).await?;
        let order =
            Loaded::<Order>::from_stream(command.order_id, &order)?.ok_or(CommandError::NotFound(target))?;
        let item = command.item.offered(&product, "/product_id".to_owned())?;
        order.decide(OrderCommand::AddItem(item))
    }
}
