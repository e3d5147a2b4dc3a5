use domain::customer::CustomerCommand;
use domain::{Customer, CustomerId, Name};
use serde_json::{Value, json};

use super::UseCases;
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
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

    fn stream(&self) -> StreamId {
        Customer::stream(self.customer_id)
    }

    fn body(&self) -> Value {
        json!({"customer_id": self.customer_id.uuid(), "name": self.name.as_str()})
    }
}

impl<S: EventStore> Handler<RenameCustomer> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &RenameCustomer) -> Result<Decided, CommandError> {
        let customer = streams::load::<Customer>(&*self.store, command.customer_id).await?;
        customer.decide(CustomerCommand::Rename {
            name: command.name.clone(),
        })
    }
}
