use domain::customer::CustomerCommand;
use domain::{Customer, CustomerId, Name};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::Fields;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameCustomer {
    pub customer_id: CustomerId,
    pub name: Name,
}

impl Command for RenameCustomer {
    const TYPE: &'static str = "rename-customer";
    const SCOPE: &'static str = "customers:write";

    fn stream(&self) -> StreamId {
        Customer::stream(self.customer_id)
    }

    fn body(&self) -> Value {
        json!({"customer_id": self.customer_id.uuid(), "name": self.name.as_str()})
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            customer_id: fields.get::<Uuid>("customer_id")?.into(),
            name: Name::new(&fields.get::<String>("name")?)?,
        })
    }
}

impl<S: EventStore> Handler<RenameCustomer> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &RenameCustomer) -> Result<Decided, CommandError> {
        let customer = streams::load::<Customer>(&*self.store, context, command.customer_id).await?;
        customer.decide(CustomerCommand::Rename {
            name: command.name.clone(),
        })
    }
}
