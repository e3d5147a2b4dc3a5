use domain::order::OrderCommand;
use domain::{Order, OrderId, TrackingNumber};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipOrder {
    pub order_id: OrderId,
    pub tracking_number: TrackingNumber,
}

impl Command for ShipOrder {
    const TYPE: &'static str = "ship-order";
    const SCOPE: &'static str = "orders:fulfil";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({
            "order_id": self.order_id.uuid(),
            "tracking_number": self.tracking_number.as_str(),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
            tracking_number: TrackingNumber::new(&fields.get::<String>("tracking_number")?)?,
        })
    }
}

impl<S: EventStore> Handler<ShipOrder> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &ShipOrder) -> Result<Decided, CommandError> {
        let order = streams::load::<Order>(&*self.store, context, command.order_id).await?;
        order.decide(OrderCommand::Ship {
            tracking_number: command.tracking_number.clone(),
        })
    }
}
