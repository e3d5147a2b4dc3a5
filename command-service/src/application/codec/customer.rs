use domain::customer::CustomerEvent;
use domain::{Customer, CustomerId, EmailAddress, Name};
use shared_events::event::{self as record, CustomerRegisteredV2, CustomerRenamedV1};
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
                delivery_address: Some(address(delivery_address)),
            }
            .into(),
            CustomerEvent::Renamed { name } => CustomerRenamedV1 {
                customer_id,
                name: name.to_string(),
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
                    delivery_address: from_address(
                        registered
                            .delivery_address
                            .as_ref()
                            .unwrap_or(&registered.billing_address),
                    )?,
                },
            ),
            record::CustomerEvent::Renamed(renamed) => (
                renamed.customer_id,
                CustomerEvent::Renamed {
                    name: Name::new(&renamed.name)?,
                },
            ),
            other => return Err(CodecError::ForeignType(other.event_type())),
        })
    }
}
