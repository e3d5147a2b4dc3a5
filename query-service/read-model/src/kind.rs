//! The kinds of documents.

use std::fmt;

use shared_events::AggregateType;

/// What is projected: each kind is one aggregate's stream folded into one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Customer,
    Product,
    Order,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Customer, Self::Product, Self::Order];

    /// Whose events are folded.
    pub fn aggregate(self) -> AggregateType {
        match self {
            Self::Customer => AggregateType::Customer,
            Self::Product => AggregateType::Product,
            Self::Order => AggregateType::Order,
        }
    }

    /// The topic of those events.
    pub fn topic(self) -> &'static str {
        self.aggregate().topic()
    }

    /// `None` where nothing is made of the aggregate's events.
    pub fn of(aggregate: AggregateType) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.aggregate() == aggregate)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.aggregate().fmt(f)
    }
}
