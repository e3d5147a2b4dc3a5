use domain::{Address, Customer, CustomerId, EmailAddress, Name, customer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterCustomer {
    pub customer_id: CustomerId,
    pub name: Name,
    pub email: Option<EmailAddress>,
    pub billing_address: Address,
    /// Absent: the billing address, whatever that becomes.
    pub delivery_address: Option<Address>,
}

impl Command for RegisterCustomer {
    const TYPE: &'static str = "register-customer";
    const SCOPE: &'static str = "customers:write";

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

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            customer_id: fields.get::<Uuid>("customer_id")?.into(),
            name: Name::new(&fields.get::<String>("name")?)?,
            email: fields
                .get::<Option<String>>("email")?
                .map(|email| EmailAddress::new(&email))
                .transpose()?,
            billing_address: fields.address("billing_address")?,
            delivery_address: fields
                .object("delivery_address")
                .map(|address| address.as_address())
                .transpose()?,
        })
    }
}

impl<S: EventStore> Handler<RegisterCustomer> for UseCases<S> {
    type Answer = Decided;

    async fn handle(&self, context: &Context, command: &RegisterCustomer) -> Result<Decided, CommandError> {
        let creation = customer::RegisterCustomer {
            name: command.name.clone(),
            email: command.email.clone(),
            billing_address: command.billing_address.clone(),
            delivery_address: command.delivery_address.clone(),
        };
        streams::create::<Customer>(context, command.customer_id, creation)
    }
}
