use crate::value::{CustomerId, Name, ProductId, Quantity, UnitPrice};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOrder {
    pub customer: CustomerAsKnown,
    pub items: Vec<ItemToAdd>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    AddItem(ItemToAdd),
    ChangeItemQuantity {
        product_id: ProductId,
        quantity: Quantity,
    },
    RemoveItem {
        product_id: ProductId,
    },
    Submit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemToAdd {
    pub product: ProductAsOffered,
    pub quantity: Quantity,
    /// The price that the client saw; any other is refused instead of charged.
    pub expected_unit_price: Option<UnitPrice>,
}

/// The customer as its stream had it at `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerAsKnown {
    pub id: CustomerId,
    pub name: Name,
    pub version: u64,
}

/// The product as its stream had it at `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductAsOffered {
    pub id: ProductId,
    pub name: Name,
    pub version: u64,
    pub unit_price: UnitPrice,
}
