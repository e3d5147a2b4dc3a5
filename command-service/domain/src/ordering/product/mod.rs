//! A product: what is ordered, and at which price.

mod command;
mod decide;
mod event;
mod evolve;
mod refusal;

pub use command::{AddProduct, ProductCommand};
pub use event::ProductEvent;
pub use refusal::ProductRefusal;

use crate::value::{Name, Size, UnitPrice, Weight};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub name: Name,
    pub unit_price: UnitPrice,
    pub size: Option<Size>,
    pub weight: Option<Weight>,
    /// No longer on offer: it takes no change any more.
    pub discontinued: bool,
}
