//! A customer's events, folded.

use shared_events::CustomerEvent;

use crate::documents::CustomerDocument;
use crate::fold::{Fold, FoldError, Occurrence};

impl Fold for CustomerDocument {
    type Event = CustomerEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn begin(occurrence: Occurrence<'_, CustomerEvent>) -> Result<Self, FoldError> {
        let CustomerEvent::Registered(registered) = occurrence.event else {
            return Err(FoldError::NotCreated);
        };
        Ok(Self {
            id: registered.customer_id,
            version: occurrence.version,
            name: registered.name.clone(),
            name_version: occurrence.version,
            // No order can show an earlier name.
            propagated_version: occurrence.version,
            email: registered.email.clone(),
            billing_address: registered.billing_address.clone(),
            delivery_address: registered
                .delivery_address
                .as_ref()
                .unwrap_or(&registered.billing_address)
                .clone(),
            own_delivery_address: registered.delivery_address.is_some(),
            created_at: occurrence.occurred_at,
            updated_at: occurrence.occurred_at,
        })
    }

    fn evolve(&mut self, occurrence: Occurrence<'_, CustomerEvent>) -> Result<(), FoldError> {
        match occurrence.event {
            CustomerEvent::Registered(_) => return Err(FoldError::CreatedTwice),
            CustomerEvent::Renamed(renamed) => {
                self.name.clone_from(&renamed.name);
                self.name_version = occurrence.version;
            }
            CustomerEvent::BillingAddressChanged(changed) => {
                self.billing_address.clone_from(&changed.billing_address);
                if !self.own_delivery_address {
                    self.delivery_address.clone_from(&changed.billing_address);
                }
                self.nothing_to_carry(occurrence.version);
            }
            CustomerEvent::DeliveryAddressChanged(changed) => {
                self.delivery_address.clone_from(&changed.delivery_address);
                self.own_delivery_address = true;
                self.nothing_to_carry(occurrence.version);
            }
        }
        self.version = occurrence.version;
        self.updated_at = occurrence.occurred_at;
        Ok(())
    }
}

impl CustomerDocument {
    /// Of what changed at `version`, orders show nothing; before `self.version` is raised.
    fn nothing_to_carry(&mut self, version: u64) {
        if self.propagated_version == self.version {
            self.propagated_version = version;
        }
    }
}
