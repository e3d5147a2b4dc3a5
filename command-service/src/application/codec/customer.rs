use domain::customer::CustomerEvent;
use domain::{Customer, CustomerId, EmailAddress, Name};
use shared_events::event::{
    self as record, CustomerBillingAddressChangedV1, CustomerDeliveryAddressChangedV1, CustomerRegisteredV2,
    CustomerRenamedV1,
};
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use super::values::{address, from_address};
use super::{CodecError, Recorded};

impl Recorded for Customer {
    const TYPE: AggregateType = AggregateType::Customer;
    type Id = CustomerId;

    fn to_record(customer_id: Uuid, event: &CustomerEvent) -> Result<Event, CodecError> {
        let record: record::CustomerEvent = match event {
            CustomerEvent::Registered {
                name,
                email,
                billing_address,
                delivery_address,
            } => CustomerRegisteredV2 {
                customer_id,
                name: name.to_string(),
                email: email.as_ref().map(EmailAddress::to_string),
                billing_address: address(billing_address),
                delivery_address: delivery_address.as_ref().map(address),
            }
            .into(),
            CustomerEvent::Renamed { name } => CustomerRenamedV1 {
                customer_id,
                name: name.to_string(),
            }
            .into(),
            CustomerEvent::BillingAddressChanged { billing_address } => CustomerBillingAddressChangedV1 {
                customer_id,
                billing_address: address(billing_address),
            }
            .into(),
            CustomerEvent::DeliveryAddressChanged { delivery_address } => CustomerDeliveryAddressChangedV1 {
                customer_id,
                delivery_address: address(delivery_address),
            }
            .into(),
        };
        Ok(record.into())
    }

    fn from_record(record: Event) -> Result<(Uuid, CustomerEvent), CodecError> {
        let Event::Customer(record) = record else {
            return Err(CodecError::ForeignType(record.event_type()));
        };
        Ok(match record {
            record::CustomerEvent::Registered(registered) => (
                registered.customer_id,
                CustomerEvent::Registered {
                    name: Name::new(&registered.name)?,
                    email: registered.email.as_deref().map(EmailAddress::new).transpose()?,
                    billing_address: from_address(&registered.billing_address)?,
                    delivery_address: registered
                        .delivery_address
                        .as_ref()
                        .map(from_address)
                        .transpose()?,
                },
            ),
            record::CustomerEvent::Renamed(renamed) => (
                renamed.customer_id,
                CustomerEvent::Renamed {
                    name: Name::new(&renamed.name)?,
                },
            ),
            record::CustomerEvent::BillingAddressChanged(changed) => (
                changed.customer_id,
                CustomerEvent::BillingAddressChanged {
                    billing_address: from_address(&changed.billing_address)?,
                },
            ),
            record::CustomerEvent::DeliveryAddressChanged(changed) => (
                changed.customer_id,
                CustomerEvent::DeliveryAddressChanged {
                    delivery_address: from_address(&changed.delivery_address)?,
                },
            ),
        })
    }
}
