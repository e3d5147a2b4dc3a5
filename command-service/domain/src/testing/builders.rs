use super::mothers::{eur, name, product_id, quantity};
use crate::invoicing::LineToInvoice;
use crate::order::{ItemToAdd, OrderEvent, ProductAsOffered};
use crate::value::{Name, Quantity, UnitPrice};

/// One piece of the numbered product at 19.99 EUR, unless told otherwise.
pub fn an_item(product: u128) -> ItemBuilder {
    ItemBuilder {
        product,
        name: name(&format!("Product {product}")),
        unit_price: eur(1999),
        quantity: quantity(1),
        expected_unit_price: None,
        discontinued: false,
    }
}

#[derive(Debug, Clone)]
pub struct ItemBuilder {
    product: u128,
    name: Name,
    unit_price: UnitPrice,
    quantity: Quantity,
    expected_unit_price: Option<UnitPrice>,
    discontinued: bool,
}

impl ItemBuilder {
    pub fn at(self, unit_price: UnitPrice) -> Self {
        Self { unit_price, ..self }
    }

    pub fn pieces(self, pieces: i64) -> Self {
        Self {
            quantity: quantity(pieces),
            ..self
        }
    }

    pub fn expecting(self, unit_price: UnitPrice) -> Self {
        Self {
            expected_unit_price: Some(unit_price),
            ..self
        }
    }

    pub fn named(self, text: &str) -> Self {
        Self {
            name: name(text),
            ..self
        }
    }

    pub fn discontinued(self) -> Self {
        Self {
            discontinued: true,
            ..self
        }
    }

    /// The item as a command names it.
    pub fn to_add(self) -> ItemToAdd {
        ItemToAdd {
            product: ProductAsOffered {
                id: product_id(self.product),
                name: self.name,
                version: 1,
                unit_price: self.unit_price,
                discontinued: self.discontinued,
            },
            quantity: self.quantity,
            expected_unit_price: self.expected_unit_price,
        }
    }

    /// The item as an order's event tells it.
    pub fn added(self) -> OrderEvent {
        OrderEvent::ItemAdded {
            product_id: product_id(self.product),
            product_name: self.name,
            product_version: 1,
            quantity: self.quantity,
            unit_price: self.unit_price,
        }
    }
    /// The item as a line of the invoice that is to be issued.
    pub fn to_invoice(self) -> LineToInvoice {
        LineToInvoice {
            product_id: product_id(self.product),
            product_name: self.name,
            quantity: self.quantity,
            unit_price: self.unit_price,
        }
    }
}
