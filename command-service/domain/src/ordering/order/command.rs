use crate::value::{CancellationReason, CustomerId, Name, ProductId, Quantity, TrackingNumber, UnitPrice};

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
    /// By hand, whether it is paid or not.
    Confirm,
    /// Because it is paid: done already where somebody confirmed it before.
    ConfirmPaid,
    Ship {
        tracking_number: TrackingNumber,
    },
    Deliver,
    Cancel {
        reason: CancellationReason,
    },
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
    /// No longer on offer: it is refused.
    pub discontinued: bool,
}
