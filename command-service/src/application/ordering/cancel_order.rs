use domain::order::OrderCommand;
use domain::ordering::told::Known;
use domain::{CancellationReason, Order, OrderId};
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
pub struct CancelOrder {
    pub order_id: OrderId,
    pub reason: CancellationReason,
}

impl Command for CancelOrder {
    const TYPE: &'static str = "cancel-order";
    const SCOPE: &'static str = "orders:write";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({"order_id": self.order_id.uuid(), "reason": self.reason.as_str()})
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
            reason: CancellationReason::new(&fields.get::<String>("reason")?)?,
        })
    }
}

impl<S: EventStore> Handler<CancelOrder> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &CancelOrder) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, context, command.order_id).await?;
        let events = order.events(OrderCommand::Cancel {
            reason: command.reason.clone(),
        })?;
        telling::decided(&order, &events, &Known::default())
    }
}
