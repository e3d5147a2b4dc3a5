//! What is kept of one order.

use std::sync::Arc;
use std::time::Duration;

use read_model::OrderDocument;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Kept {
    /// `None`: there is no such order.
    pub order: Option<Arc<OrderDocument>>,
    /// When the read began: the store was at least as far then.
    read_at: Instant,
    rank: Rank,
}

/// Which of two states of one order is the later. Names come without the order's version rising; where that is equal, the
/// lines are the same, and no name's version ever falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    version: u64,
    names: u128,
}

impl Kept {
    pub fn new(order: Option<OrderDocument>, read_at: Instant) -> Self {
        let rank = match &order {
            Some(order) => Rank {
                version: order.version,
                names: order
                    .items
                    .iter()
                    .map(|item| u128::from(item.product_version))
                    .sum::<u128>()
                    + u128::from(order.customer_version),
            },
            None => Rank { version: 0, names: 0 },
        };
        Self {
            order: order.map(Arc::new),
            read_at,
            rank,
        }
    }

    pub fn version(&self) -> u64 {
        self.rank.version
    }

    pub fn rank(&self) -> Rank {
        self.rank
    }

    pub fn age(&self) -> Duration {
        self.read_at.elapsed()
    }

    /// Whether this stays although `read` has come. Where it had outlived its time before that read began, the store has
    /// the last word: its index may have been made anew.
    pub fn stands_against(&self, read: &Self, time_to_live: Duration) -> bool {
        self.rank > read.rank && read.read_at < self.read_at + time_to_live
    }

    /// Roughly what it takes in memory.
    pub fn bytes(&self) -> u32 {
        let fixed = size_of::<Self>() + 64;
        let Some(order) = &self.order else {
            return u32::try_from(fixed).unwrap_or(u32::MAX);
        };
        let lines: usize = order
            .items
            .iter()
            .map(|item| {
                size_of_val(item)
                    + item.product_name.len()
                    + item.unit_price.currency.len()
                    + item.subtotal.currency.len()
            })
            .sum();
        let texts = [&order.tracking_number, &order.cancellation_reason];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let bytes = fixed + size_of::<OrderDocument>() + order.customer_name.len() + lines + texts;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}
