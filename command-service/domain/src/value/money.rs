//! Amounts in minor units. No operation wraps.

use std::fmt;

use super::{Currency, InvalidValue, Quantity, Reason};

/// Minor units of a currency: 1999 EUR is € 19.99, 1999 JPY is ¥ 1999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

/// The result has no room in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct AmountOverflow;

impl Money {
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Takes the currency by its code.
    pub fn parse(amount: i64, currency: &str) -> Result<Self, InvalidValue> {
        Ok(Self::new(amount, Currency::new(currency)?))
    }

    pub const fn amount(self) -> i64 {
        self.amount
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Nothing, in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// `None` where the sum has no room in 64 bits, or the other amount is in another currency.
    pub fn checked_add(self, more: Self) -> Option<Self> {
        if self.currency != more.currency {
            return None;
        }
        let amount = self.amount.checked_add(more.amount)?;
        Some(Self::new(amount, self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

/// What one piece costs; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnitPrice(Money);

impl UnitPrice {
    pub fn new(price: Money) -> Result<Self, InvalidValue> {
        match price.amount() {
            ..0 => Err(InvalidValue::new("amount", Reason::Negative)),
            _ => Ok(Self(price)),
        }
    }

    pub const fn money(self) -> Money {
        self.0
    }

    pub const fn currency(self) -> Currency {
        self.0.currency
    }

    /// What so many pieces cost.
    pub fn times(self, quantity: Quantity) -> Result<Money, AmountOverflow> {
        let amount = self
            .0
            .amount
            .checked_mul(i64::from(quantity.get()))
            .ok_or(AmountOverflow)?;
        Ok(Money::new(amount, self.0.currency))
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is paid at once: more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaymentAmount(Money);

impl PaymentAmount {
    pub fn new(amount: Money) -> Result<Self, InvalidValue> {
        match amount.amount() {
            1.. => Ok(Self(amount)),
            _ => Err(InvalidValue::new(
                "amount",
                Reason::OutOfRange {
                    min: 1,
                    max: i64::MAX,
                },
            )),
        }
    }

    pub const fn money(self) -> Money {
        self.0
    }
}

impl fmt::Display for PaymentAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
