use domain::customer::CustomerCommand;
use domain::{Address, Customer, CustomerId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::UseCases;
use crate::application::body::{self, Fields};
use crate::application::bus::{Command, CommandError, Context, Decided, Handler, UnreadableBody};
use crate::application::codec::Recorded;
use crate::application::ports::{EventStore, StreamId};
use crate::application::streams;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBillingAddress {
    pub customer_id: CustomerId,
    pub billing_address: Address,
}

impl Command for ChangeBillingAddress {
    const TYPE: &'static str = "change-billing-address";
    const SCOPE: &'static str = "customers:write";

    fn stream(&self) -> StreamId {
        Customer::stream(self.customer_id)
    }

    fn body(&self) -> Value {
        json!({
            "customer_id": self.customer_id.uuid(),
            "billing_address": body::address(&self.billing_address),
        })
    }

    fn from_body(body: Value) -> Result<Self, UnreadableBody> {
        let fields = Fields::of(body);
        Ok(Self {
            customer_id: fields.get::<Uuid>("customer_id")?.into(),
            billing_address: fields.address("billing_address")?,
        })
    }
}

impl<S: EventStore> Handler<ChangeBillingAddress> for UseCases<S> {
    type Answer = Decided;

    async fn handle(
        &self,
        context: &Context,
        command: &ChangeBillingAddress,
    ) -> Result<Decided, CommandError> {
        let customer = streams::load::<Customer>(&*self.store, context, command.customer_id).await?;
        customer.decide(CustomerCommand::ChangeBillingAddress {
            billing_address: command.billing_address.clone(),
        })
    }
}
