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
pub struct SubmitOrder {
    pub order_id: OrderId,
}

impl Command for SubmitOrder {
    const TYPE: &'static str = "submit-order";
    const SCOPE: &'static str = "orders:write";

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

impl<S: EventStore> Handler<SubmitOrder> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &SubmitOrder) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, context, command.order_id).await?;
        let events = order.events(OrderCommand::Submit)?;
        let known = telling::known_at_submission(&*self.store, &order).await?;
        telling::decided(&order, &events, &known)
    }
}
