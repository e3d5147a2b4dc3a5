use domain::order::OrderCommand;
use domain::{Order, OrderId, ProductId};
use serde_json::{Value, json};

use super::UseCases;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveOrderItem {
    pub order_id: OrderId,
    pub product_id: ProductId,
}

impl Command for RemoveOrderItem {
    const TYPE: &'static str = "remove-order-item";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({"order_id": self.order_id.uuid(), "product_id": self.product_id.uuid()})
    }
}

impl<S: EventStore> Handler<RemoveOrderItem> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &RemoveOrderItem) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, command.order_id).await?;
        order.decide(OrderCommand::RemoveItem {
            product_id: command.product_id,
        })
    }
}
