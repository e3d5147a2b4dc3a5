//! The read models: flat documents, ready to show, and the projections that fold events into them.
//!
//! Pure: a document and an event give a document. Where documents are kept is not known here.

pub mod documents;

pub use documents::{CustomerDocument, Money, OrderDocument, OrderItem, OrderStatus, ProductDocument};
