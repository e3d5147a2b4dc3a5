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
            delivery_address: registered.delivery_address.clone(),
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
        }
        self.version = occurrence.version;
        self.updated_at = occurrence.occurred_at;
        Ok(())
    }
}
