use super::{Customer, CustomerCommand, CustomerEvent, RegisterCustomer};

pub(super) fn register(command: RegisterCustomer) -> CustomerEvent {
    let RegisterCustomer {
        name,
        email,
        billing_address,
        delivery_address,
    } = command;
    CustomerEvent::Registered {
        name,
        email,
        billing_address,
        delivery_address,
    }
}

pub(super) fn decide(customer: &Customer, command: CustomerCommand) -> Vec<CustomerEvent> {
    match command {
        CustomerCommand::Rename { name } if name == customer.name => vec![],
        CustomerCommand::Rename { name } => vec![CustomerEvent::Renamed { name }],
        CustomerCommand::ChangeBillingAddress { billing_address }
            if billing_address == customer.billing_address =>
        {
            vec![]
        }
        CustomerCommand::ChangeBillingAddress { billing_address } => {
            vec![CustomerEvent::BillingAddressChanged { billing_address }]
        }
        // The billing address, if it is named here, stays the delivery address when the billing address changes.
        CustomerCommand::ChangeDeliveryAddress { delivery_address }
            if Some(&delivery_address) == customer.delivery_address.as_ref() =>
        {
            vec![]
        }
        CustomerCommand::ChangeDeliveryAddress { delivery_address } => {
            vec![CustomerEvent::DeliveryAddressChanged { delivery_address }]
        }
    }
}
