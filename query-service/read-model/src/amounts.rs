//! Checked arithmetic of the folds.

use shared_events::event::Money;

use crate::fold::FoldError;

pub fn positive(quantity: i64) -> Result<i64, FoldError> {
    match quantity {
        1.. => Ok(quantity),
        _ => Err(FoldError::Quantity(quantity)),
    }
}

pub fn times(price: &Money, quantity: i64) -> Result<Money, FoldError> {
    Ok(Money {
        amount: price.amount.checked_mul(quantity).ok_or(FoldError::Overflow)?,
        currency: price.currency.clone(),
    })
}
