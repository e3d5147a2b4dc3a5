use domain::order::OrderCommand;
use domain::{Order, OrderId, ProductId, Quantity};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
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
    const SCOPE: &'static str = "orders:write";

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

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
            product_id: fields.get::<Uuid>("product_id")?.into(),
            quantity: Quantity::new(fields.get("quantity")?)?,
        })
    }
}

impl<S: EventStore> Handler<ChangeOrderItemQuantity> for UseCases<S> {
    type Answer = Decided;

    async fn handle(
        &self,
        context: &Context,
        command: &ChangeOrderItemQuantity,
    ) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, context, command.order_id).await?;
        order.decide(OrderCommand::ChangeItemQuantity {
            product_id: command.product_id,
            quantity: command.quantity,
        })
    }
}
