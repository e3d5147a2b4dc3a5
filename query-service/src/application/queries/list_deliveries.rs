//! Deliveries, optionally in some states, page by page.

use std::sync::Arc;

use read_model::{DeliveryDocument, DeliveryStatus, Kind};
use shared_events::{AggregateType, ConsistencyToken};

use super::deliveries::{self, Standing};
use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::freshness::Freshness;
use crate::application::ports::reading::{DeliveryFilter, ReadModels, VersionReader};

#[derive(Debug, Clone, PartialEq)]
pub struct ListDeliveries {
    /// Any of these; all states if empty.
    pub status: Vec<DeliveryStatus>,
    pub paging: Paging,
}

impl Query for ListDeliveries {
    const NAME: &'static str = "list_deliveries";
    const PROJECTIONS: &'static [Kind] = &[Kind::Delivery, Kind::Product];
    type Answer = Listing<DeliveryDocument>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match token.aggregate {
            // Whether there is a delivery to wait for is not known before a look: the handler waits.
            AggregateType::Order => Vec::new(),
            _ => awaiting::own_document(token),
        }
    }
}

pub struct ListDeliveriesHandler<R, F> {
    lists: Lists<R>,
    freshness: Arc<Freshness<F>>,
}

impl<R: ReadModels, F: VersionReader> ListDeliveriesHandler<R, F> {
    pub fn new(lists: Lists<R>, freshness: Arc<Freshness<F>>) -> Self {
        Self { lists, freshness }
    }

    /// Until the list shows the order's delivery as of the version, or there is none.
    async fn reached(
        &self,
        token: ConsistencyToken,
        context: &Context,
    ) -> Result<(), QueryError<UnusableCursor>> {
        let mut wait = self.freshness.wait_for(token, context.wait_until)?;
        loop {
            let standing = deliveries::standing(&*self.lists.reader, token.id).await?;
            if standing.order_version() < token.version {
                wait.pause(standing.order_version()).await?;
                continue;
            }
            if let Standing::Told(_) = standing {
                self.freshness
                    .searchable(&mut wait, Kind::Delivery, token.id, token.version)
                    .await?;
            }
            return Ok(());
        }
    }
}

impl<R: ReadModels, F: VersionReader> QueryHandler<ListDeliveries> for ListDeliveriesHandler<R, F> {
    async fn handle(&self, query: &ListDeliveries, context: &Context) -> Outcome<ListDeliveries> {
        if let Some(token) = context
            .token
            .filter(|token| token.aggregate == AggregateType::Order)
        {
            self.reached(token, context).await?;
        }
        let filter = DeliveryFilter {
            status: query.status.clone(),
        };
        let mut listing = self
            .lists
            .page(ListDeliveries::NAME, filter, &query.paging, context)
            .await?;
        deliveries::with_names(&*self.lists.reader, &mut listing.items).await?;
        Ok(listing)
    }
}
