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
        delivery_address: delivery_address.unwrap_or_else(|| billing_address.clone()),
        billing_address,
    }
}

pub(super) fn decide(customer: &Customer, command: CustomerCommand) -> Vec<CustomerEvent> {
    match command {
        CustomerCommand::Rename { name } if name == customer.name => vec![],
        CustomerCommand::Rename { name } => vec![CustomerEvent::Renamed { name }],
    }
}
