//! An order as it was at a version or time, folded from its history: with the names that it had then.

use std::sync::Arc;

use read_model::{AsOf, Kind, Moment, OrderDocument, OrderHistoryEntry, entry_id};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::{Await, Context, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::ports::StoreError;
use crate::application::ports::reading::DocumentReader;

/// Entries that are read at once.
const BATCH: u64 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetOrderAsOf {
    pub id: Uuid,
    pub moment: Moment,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderThen {
    pub order: OrderDocument,
    /// Whatever comes changes nothing of it any more.
    is_settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotThen {
    #[error("there is no order {0}")]
    NoOrder(Uuid),
    #[error("order {id} has no version {version}; its current version is {current}")]
    NoVersion { id: Uuid, version: u64, current: u64 },
    #[error("order {0} did not exist yet at that time")]
    Before(Uuid),
}

impl Query for GetOrderAsOf {
    const NAME: &'static str = "get_order_as_of";
    const PROJECTIONS: &'static [Kind] = &[Kind::OrderHistory];
    type Answer = OrderThen;
    type Refusal = NotThen;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match (token.aggregate, token.id) == (AggregateType::Order, self.id) {
            true => vec![Await::Answer],
            false => awaiting::own_document(token),
        }
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(then) if !then.is_settled => Some(then.order.version),
            Ok(_) | Err(QueryError::Refused(NotThen::Before(_))) => None,
            Err(QueryError::Refused(NotThen::NoOrder(_))) => Some(0),
            Err(QueryError::Refused(NotThen::NoVersion { current, .. })) => Some(*current),
            Err(_) => None,
        }
    }
}

pub struct GetOrderAsOfHandler<R> {
    reader: Arc<R>,
}

impl<R> GetOrderAsOfHandler<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }
}

impl<R: DocumentReader<OrderHistoryEntry>> QueryHandler<GetOrderAsOf> for GetOrderAsOfHandler<R> {
    async fn handle(&self, query: &GetOrderAsOf, _: &Context) -> Outcome<GetOrderAsOf> {
        let GetOrderAsOf { id, moment } = *query;
        // There is no version 0; who asks for it is told which there are.
        let until = match moment {
            Moment::Version(0) => u64::MAX,
            Moment::Version(version) => version,
            Moment::Time(_) => u64::MAX,
        };
        let mut as_of = AsOf::new(match moment {
            Moment::Version(_) => Moment::Version(until),
            moment @ Moment::Time(_) => moment,
        });
        let (mut known, mut is_settled) = (0, false);
        'history: loop {
            let last = until.min(known + BATCH);
            let ids: Vec<Uuid> = (known + 1..=last).map(|version| entry_id(id, version)).collect();
            let entries = self.reader.get_all(&ids).await?;
            for entry in entries {
                let Some(entry) = entry else { break 'history };
                known = entry.version;
                let folded = as_of
                    .fold(&entry)
                    .map_err(|error| StoreError::Failed(error.into()))?;
                if !folded {
                    is_settled = true;
                    break 'history;
                }
            }
            if known == until {
                is_settled = true;
                break;
            }
        }
        match (as_of.order(), moment) {
            (Some(order), Moment::Version(version)) if order.version == version => {
                Ok(OrderThen { order, is_settled })
            }
            (Some(order), Moment::Time(_)) => Ok(OrderThen { order, is_settled }),
            (Some(order), Moment::Version(version)) => Err(QueryError::Refused(NotThen::NoVersion {
                id,
                version,
                current: order.version,
            })),
            (None, Moment::Time(_)) if known > 0 => Err(QueryError::Refused(NotThen::Before(id))),
            (None, _) => Err(QueryError::Refused(NotThen::NoOrder(id))),
        }
    }
}
