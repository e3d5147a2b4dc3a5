use domain::order::OrderCommand;
use domain::{Order, OrderId};
use serde_json::{Value, json};

use super::UseCases;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitOrder {
    pub order_id: OrderId,
}

impl Command for SubmitOrder {
    const TYPE: &'static str = "submit-order";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({"order_id": self.order_id.uuid()})
    }
}

impl<S: EventStore> Handler<SubmitOrder> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &SubmitOrder) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, command.order_id).await?;
        order.decide(OrderCommand::Submit)
    }
}
