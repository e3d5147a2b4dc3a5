use domain::order::OrderCommand;
use domain::{Order, OrderId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::telling;
use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmOrder {
    pub order_id: OrderId,
}

impl Command for ConfirmOrder {
    const TYPE: &'static str = "confirm-order";
    const SCOPE: &'static str = "orders:fulfil";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({"order_id": self.order_id.uuid()})
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
        })
    }
}

impl<S: EventStore> Handler<ConfirmOrder> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &ConfirmOrder) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, context, command.order_id).await?;
        telling::confirmed(&*self.store, &order, OrderCommand::Confirm).await
    }
}
