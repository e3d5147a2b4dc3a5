//! What a consistency token waits for: the version itself where the answer shows it, and of another aggregate its own
//! document.

use read_model::Kind;
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use crate::application::ports::reading::Watched;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Await {
    /// The answer shows the token's aggregate, so that a look at it is the query itself.
    Answer,
    /// A look at a document shows this version.
    Visible(Watched, u64),
    /// Searches of a document's index see this version of it.
    Searchable(Kind, Uuid, u64),
    /// Nothing is made of the aggregate: it is never seen.
    Never,
}

/// For answers that show names as orders keep them: a customer's or product's has to have reached every order.
pub(super) fn with_kept_names(token: &ConsistencyToken) -> Vec<Await> {
    let kind = match token.aggregate {
        AggregateType::Customer => Kind::Customer,
        AggregateType::Product => Kind::Product,
        _ => return own_document(token),
    };
    vec![Await::Visible(Watched::Names(kind, token.id), token.version)]
}

/// For answers that look names up, or show none.
pub(super) fn own_document(token: &ConsistencyToken) -> Vec<Await> {
    let kind = match token.aggregate {
        AggregateType::Customer => Kind::Customer,
        AggregateType::Product => Kind::Product,
        AggregateType::Order => Kind::Order,
        AggregateType::Invoice => Kind::InvoiceAccount,
        // Between contexts: nobody is given a token of these.
        AggregateType::OrderForInvoicing | AggregateType::OrderForDelivery => return vec![Await::Never],
    };
    vec![Await::Visible(Watched::Document(kind, token.id), token.version)]
}

/// For lists of this kind.
pub(super) fn listed(kind: Kind, token: &ConsistencyToken) -> Vec<Await> {
    vec![Await::Searchable(kind, token.id, token.version)]
}

/// For sales figures, summed up over orders.
pub(super) fn sales(token: &ConsistencyToken) -> Vec<Await> {
    match token.aggregate {
        AggregateType::Order => listed(Kind::Sale, token),
        _ => own_document(token),
    }
}
