use crate::value::{Name, Size, UnitPrice, Weight};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEvent {
    Added {
        name: Name,
        unit_price: UnitPrice,
        size: Option<Size>,
        weight: Option<Weight>,
    },
    Renamed {
        name: Name,
    },
    PriceChanged {
        unit_price: UnitPrice,
    },
    DimensionsChanged {
        size: Size,
        weight: Weight,
    },
    /// The last event of its stream.
    Discontinued,
}
