use domain::order::OrderCommand;
use domain::{Order, OrderId, ProductId, Quantity};
use serde_json::{Value, json};

use super::UseCases;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOrderItemQuantity {
    pub order_id: OrderId,
    pub product_id: ProductId,
    pub quantity: Quantity,
}

impl Command for ChangeOrderItemQuantity {
    const TYPE: &'static str = "change-order-item-quantity";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({
            "order_id": self.order_id.uuid(),
            "product_id": self.product_id.uuid(),
            "quantity": self.quantity.get(),
        })
    }
}

impl<S: EventStore> Handler<ChangeOrderItemQuantity> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &ChangeOrderItemQuantity) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, command.order_id).await?;
        order.decide(OrderCommand::ChangeItemQuantity {
            product_id: command.product_id,
            quantity: command.quantity,
        })
    }
}
