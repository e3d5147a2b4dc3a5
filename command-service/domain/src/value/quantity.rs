use std::fmt;

use super::{InvalidValue, Reason};

/// How many pieces of a product: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i32);

impl Quantity {
    pub const MAX: i32 = 1_000_000;

    pub fn new(pieces: i64) -> Result<Self, InvalidValue> {
        i32::try_from(pieces)
            .ok()
            .filter(|pieces| (1..=Self::MAX).contains(pieces))
            .map(Self)
            .ok_or_else(|| {
                InvalidValue::new(
                    "quantity",
                    Reason::OutOfRange {
                        min: 1,
                        max: i64::from(Self::MAX),
                    },
                )
            })
    }

    pub fn get(self) -> i32 {
        self.0
    }

    /// Fails above [`Self::MAX`].
    pub fn checked_add(self, more: Self) -> Result<Self, InvalidValue> {
        Self::new(i64::from(self.0) + i64::from(more.0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
