use super::{Order, OrderStatus};
use crate::value::{AmountOverflow, Currency, ProductId, Quantity, UnitPrice};

/// Why an order refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    #[error("the order is {status}; only a draft may change or be submitted")]
    NotADraft { status: OrderStatus },
    #[error("a {status} order cannot be {to}{}", first(.status, .to))]
    IllegalTransition { status: OrderStatus, to: OrderStatus },
    #[error("product {product_id} is discontinued")]
    ProductDiscontinued { product_id: ProductId },
    #[error("an order without items cannot be submitted")]
    EmptyOrder,
    #[error("product {product_id} costs {current}, not {expected} as expected")]
    PriceChanged {
        product_id: ProductId,
        expected: UnitPrice,
        current: UnitPrice,
    },
    #[error("product {product_id} costs {current} now, but the order has a line of it at {line}")]
    PriceDiffersFromLine {
        product_id: ProductId,
        line: UnitPrice,
        current: UnitPrice,
    },
    #[error("product {product_id} is priced in {product}, the order in {order}")]
    CurrencyMismatch {
        product_id: ProductId,
        order: Currency,
        product: Currency,
    },
    #[error("the order has no item of product {product_id}")]
    ItemNotInOrder { product_id: ProductId },
    #[error("an order has at most {max} lines", max = Order::MAX_LINES)]
    TooManyLines,
    #[error("a line of product {product_id} has at most {max} pieces", max = Quantity::MAX)]
    QuantityTooLarge { product_id: ProductId },
    #[error("the order's total is too large")]
    AmountOverflow,
}

impl OrderRefusal {
    /// A stable name: recorded with the command, and the last part of the problem's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotADraft { .. } => "not-a-draft",
            Self::IllegalTransition { .. } => "illegal-transition",
            Self::ProductDiscontinued { .. } => "product-discontinued",
            Self::EmptyOrder => "empty-order",
            Self::PriceChanged { .. } => "price-changed",
            Self::PriceDiffersFromLine { .. } => "price-differs-from-line",
            Self::CurrencyMismatch { .. } => "currency-mismatch",
            Self::ItemNotInOrder { .. } => "item-not-in-order",
            Self::TooManyLines => "too-many-lines",
            Self::QuantityTooLarge { .. } => "quantity-too-large",
            Self::AmountOverflow => "amount-overflow",
        }
    }
}

impl From<AmountOverflow> for OrderRefusal {
    fn from(AmountOverflow: AmountOverflow) -> Self {
        Self::AmountOverflow
    }
}

/// What would have to happen first, where anything helps.
fn first(status: &OrderStatus, to: &OrderStatus) -> String {
    match status.needed_before(*to) {
        Some(before) => format!("; it must be {before} first"),
        None => String::new(),
    }
}
