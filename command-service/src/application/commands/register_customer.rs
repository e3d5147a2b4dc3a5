use domain::{Address, Customer, CustomerId, EmailAddress, Name, customer};
use serde_json::{Value, json};

use super::{UseCases, body};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterCustomer {
    pub customer_id: CustomerId,
    pub name: Name,
    pub email: Option<EmailAddress>,
    pub billing_address: Address,
    /// Absent: the billing address.
    pub delivery_address: Option<Address>,
}

impl Command for RegisterCustomer {
    const TYPE: &'static str = "register-customer";

    fn stream(&self) -> StreamId {
        Customer::stream(self.customer_id)
    }

    fn body(&self) -> Value {
        json!({
            "customer_id": self.customer_id.uuid(),
            "name": self.name.as_str(),
            "email": self.email.as_ref().map(EmailAddress::as_str),
            "billing_address": body::address(&self.billing_address),
            "delivery_address": self.delivery_address.as_ref().map(body::address),
        })
    }
}

impl<S: EventStore> Handler<RegisterCustomer> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, _: &Context, command: &RegisterCustomer) -> Result<Decided, CommandError> {
        let creation = customer::RegisterCustomer {
            name: command.name.clone(),
            email: command.email.clone(),
            billing_address: command.billing_address.clone(),
            delivery_address: command.delivery_address.clone(),
        };
        streams::create::<Customer>(command.customer_id, creation)
    }
}
