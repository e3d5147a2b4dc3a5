use domain::order::{self, CustomerAsKnown};
use domain::{Customer, CustomerId, Order, OrderId, Product};
use serde_json::{Value, json};

use super::{OrderItem, UseCases};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, Invalid};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams::{self, Loaded};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOrder {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// Added one after the other; the same product again adds to its line.
    pub items: Vec<OrderItem>,
}

impl Command for CreateOrder {
    const TYPE: &'static str = "create-order";

    fn stream(&self) -> StreamId {
        Order::stream(self.order_id)
    }

    fn body(&self) -> Value {
        json!({
            "order_id": self.order_id.uuid(),
            "customer_id": self.customer_id.uuid(),
            "items": self.items.iter().map(OrderItem::body).collect::<Vec<_>>(),
        })
    }

    /// Bounds what one command reads.
    fn validate(&self) -> Result<(), Invalid> {
        match self.items.len() {
            count if count > Order::MAX_LINES => Err(Invalid::TooManyItems {
                pointer: "/items",
                count,
                max: Order::MAX_LINES,
            }),
            _ => Ok(()),
        }
    }
}

impl<S: EventStore> Handler<CreateOrder> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &CreateOrder) -> Result<Decided, CommandError> {
        let customer_stream = Customer::stream(command.customer_id);
        let mut wanted = vec![customer_stream];
        wanted.extend(command.items.iter().map(|item| Product::stream(item.product_id)));
        wanted.sort_unstable();
        wanted.dedup();
        let found = streams::read_all(&*self.store, &wanted, command.stream()).await?;
        let events_of = |stream: StreamId| match wanted.binary_search(&stream) {
            Ok(at) => found.get(at).map_or(&[][..], Vec::as_slice),
            Err(_) => &[],
        };

        let Some(customer) =
            Loaded::<Customer>::from_stream(command.customer_id, events_of(customer_stream))?
        else {
            return Err(CommandError::UnknownReference {
                reference: customer_stream,
                pointer: "/customer_id".to_owned(),
            });
        };
        let items = command
            .items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let product = events_of(Product::stream(item.product_id));
                item.offered(product, format!("/items/{at}/product_id"))
            })
            .collect::<Result<_, _>>()?;
        let creation = order::CreateOrder {
            customer: CustomerAsKnown {
                id: command.customer_id,
                name: customer.state.name,
                version: customer.version,
            },
            items,
        };
        streams::create::<Order>(command.order_id, creation)
    }
}
