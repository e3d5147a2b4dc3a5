//! The read models: flat documents, ready to show, and the projections that fold events into them.
//!
//! Pure: a document and an event give a document. Where documents are kept is not known here.

pub mod customers;
pub mod documents;
pub mod fold;
pub mod kind;
pub mod orders;
pub mod products;
pub mod projection;
pub mod sequenced;

pub use documents::{CustomerDocument, Money, OrderDocument, OrderItem, OrderStatus, ProductDocument};
pub use fold::{Fold, FoldError, Occurrence};
pub use kind::Kind;
pub use orders::NameSource;
pub use projection::{CurrentName, Projection};
pub use sequenced::{Applied, ApplyError, Draining, Sequenced, UnreadableDocument};
