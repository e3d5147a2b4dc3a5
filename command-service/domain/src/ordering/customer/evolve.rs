use std::convert::Infallible;

use super::{Customer, CustomerCommand, CustomerEvent, RegisterCustomer, decide};
use crate::aggregate::{Aggregate, Misfit};

impl Aggregate for Customer {
    type Creation = RegisterCustomer;
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Refusal = Infallible;

    fn create(creation: RegisterCustomer) -> Result<Vec<CustomerEvent>, Infallible> {
        Ok(vec![decide::register(creation)])
    }

    fn decide(&self, command: CustomerCommand) -> Result<Vec<CustomerEvent>, Infallible> {
        Ok(decide::decide(self, command))
    }

    fn evolve(state: Option<Self>, event: &CustomerEvent) -> Result<Self, Misfit> {
        match (state, event) {
            (
                None,
                CustomerEvent::Registered {
                    name,
                    email,
                    billing_address,
                    delivery_address,
                },
            ) => Ok(Self {
                name: name.clone(),
                email: email.clone(),
                billing_address: billing_address.clone(),
                delivery_address: delivery_address.clone(),
            }),
            (Some(_), CustomerEvent::Registered { .. }) => Err(Misfit::CreatedTwice),
            (None, _) => Err(Misfit::BeforeCreation),
            (Some(customer), CustomerEvent::Renamed { name }) => Ok(Self {
                name: name.clone(),
                ..customer
            }),
            (Some(customer), CustomerEvent::BillingAddressChanged { billing_address }) => Ok(Self {
                billing_address: billing_address.clone(),
                ..customer
            }),
            (Some(customer), CustomerEvent::DeliveryAddressChanged { delivery_address }) => Ok(Self {
                delivery_address: Some(delivery_address.clone()),
                ..customer
            }),
        }
    }
}
