use domain::order::{self, CustomerAsKnown};
use domain::{Customer, CustomerId, Order, OrderId, Product};
use serde_json::{Value, json};
use uuid::Uuid;

use super::OrderItem;
use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, Invalid, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StoredStream, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOrder {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// Added one after the other; the same product again adds to its line.
    pub items: Vec<OrderItem>,
}

impl Command for CreateOrder {
    const TYPE: &'static str = "create-order";
    const SCOPE: &'static str = "orders:write";

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

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            order_id: fields.get::<Uuid>("order_id")?.into(),
            customer_id: fields.get::<Uuid>("customer_id")?.into(),
            items: fields
                .objects("items")?
                .iter()
                .map(OrderItem::from_fields)
                .collect::<Result<_, _>>()?,
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

    async fn handle(&self, context: &Context, command: &CreateOrder) -> Result<Decided, CommandError> {
        let customer_stream = Customer::stream(command.customer_id);
        let mut wanted = vec![customer_stream];
        wanted.extend(command.items.iter().map(|item| Product::stream(item.product_id)));
        wanted.sort_unstable();
        wanted.dedup();
        let found = streams::read_all(&*self.store, &wanted, command.stream()).await?;
        let nothing = StoredStream::default();
        let stored = |stream: StreamId| {
            let at = wanted.binary_search(&stream).ok();
            at.and_then(|at| found.get(at)).unwrap_or(&nothing)
        };

        let customer = stored(customer_stream);
        let customer = streams::known::<Customer>(&*self.store, command.customer_id, customer).await?;
        let Some(customer) = customer else {
            return Err(CommandError::UnknownReference {
                reference: customer_stream,
                pointer: "/customer_id".to_owned(),
            });
        };
        let mut items = Vec::with_capacity(command.items.len());
        for (at, item) in command.items.iter().enumerate() {
            let product = stored(Product::stream(item.product_id));
            let product = streams::known(&*self.store, item.product_id, product).await?;
            items.push(item.offered(product, format!("/items/{at}/product_id"))?);
        }
        let creation = order::CreateOrder {
            customer: CustomerAsKnown {
                id: command.customer_id,
                name: customer.state.name,
                version: customer.version,
            },
            items,
        };
        streams::create::<Order>(context, command.order_id, creation)
    }
}
