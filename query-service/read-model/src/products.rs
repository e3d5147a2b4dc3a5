//! A product's events, folded.

use shared_events::ProductEvent;

use crate::documents::ProductDocument;
use crate::fold::{Fold, FoldError, Occurrence};

impl Fold for ProductDocument {
    type Event = ProductEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn begin(occurrence: Occurrence<'_, ProductEvent>) -> Result<Self, FoldError> {
        let ProductEvent::Added(added) = occurrence.event else {
            return Err(FoldError::NotCreated);
        };
        Ok(Self {
            id: added.product_id,
            version: occurrence.version,
            name: added.name.clone(),
            name_version: occurrence.version,
            // No order can show an earlier name.
            propagated_version: occurrence.version,
            unit_price: added.unit_price.clone(),
            size: added.size,
            weight_grams: added.weight_grams.map(i64::from),
            discontinued: false,
            created_at: occurrence.occurred_at,
            updated_at: occurrence.occurred_at,
        })
    }

    fn evolve(&mut self, occurrence: Occurrence<'_, ProductEvent>) -> Result<(), FoldError> {
        match occurrence.event {
            ProductEvent::Added(_) => return Err(FoldError::CreatedTwice),
            ProductEvent::Renamed(renamed) => {
                self.name.clone_from(&renamed.name);
                self.name_version = occurrence.version;
            }
            ProductEvent::PriceChanged(changed) => {
                self.unit_price.clone_from(&changed.unit_price);
                self.nothing_to_carry(occurrence.version);
            }
            ProductEvent::DimensionsChanged(changed) => {
                self.size = Some(changed.size);
                self.weight_grams = Some(changed.weight_grams.into());
                self.nothing_to_carry(occurrence.version);
            }
            ProductEvent::Discontinued(_) => {
                self.discontinued = true;
                self.nothing_to_carry(occurrence.version);
            }
        }
        self.version = occurrence.version;
        self.updated_at = occurrence.occurred_at;
        Ok(())
    }
}

impl ProductDocument {
    /// What changed at `version` is shown by no order, which also keeps the price that it was made at; before
    /// `self.version` is raised.
    fn nothing_to_carry(&mut self, version: u64) {
        if self.propagated_version == self.version {
            self.propagated_version = version;
        }
    }
}
