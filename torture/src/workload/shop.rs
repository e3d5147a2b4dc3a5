//! What the clients know of customers, products and orders, shared among them as a town shares its talk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use e2e::dice::Dice;
use uuid::Uuid;

/// Of each kind; older ones are forgotten.
const REMEMBERED: usize = 400;
/// Never fewer are left on sale.
const ON_SALE: usize = 24;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Shop(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    customers: VecDeque<Uuid>,
    products: VecDeque<Uuid>,
    orders: VecDeque<Uuid>,
    /// Of commands that succeeded of late.
    tokens: VecDeque<String>,
}

impl Shop {
    pub fn add_customer(&self, id: Uuid) {
        remember(&mut self.known().customers, id);
    }

    pub fn add_product(&self, id: Uuid) {
        remember(&mut self.known().products, id);
    }

    pub fn add_order(&self, id: Uuid) {
        remember(&mut self.known().orders, id);
    }

    /// A command was answered with this token.
    pub fn written(&self, token: &str) {
        remember(&mut self.known().tokens, token.to_owned());
    }

    /// A product to be discontinued: nobody orders it from now on, or nearly nobody.
    pub fn take_product(&self, dice: &mut Dice) -> Option<Uuid> {
        let mut known = self.known();
        if known.products.len() <= ON_SALE {
            return None;
        }
        let at = dice.roll(known.products.len());
        known.products.remove(at)
    }

    pub fn customer(&self, dice: &mut Dice) -> Option<Uuid> {
        one_of(&self.known().customers, dice).copied()
    }

    pub fn product(&self, dice: &mut Dice) -> Option<Uuid> {
        one_of(&self.known().products, dice).copied()
    }

    pub fn order(&self, dice: &mut Dice) -> Option<Uuid> {
        one_of(&self.known().orders, dice).copied()
    }

    /// Mostly one of the last few.
    pub fn token(&self, dice: &mut Dice) -> Option<String> {
        let known = self.known();
        let any = dice.roll(4) == 0;
        let back = dice.roll(if any { REMEMBERED } else { 8 });
        let at = known.tokens.len().checked_sub(1 + back)?;
        known.tokens.get(at).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember<T>(known: &mut VecDeque<T>, one: T) {
    if known.len() == REMEMBERED {
        known.pop_front();
    }
    known.push_back(one);
}

fn one_of<'a, T>(known: &'a VecDeque<T>, dice: &mut Dice) -> Option<&'a T> {
    match known.len() {
        0 => None,
        count => known.get(dice.roll(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_keeps_something_on_sale() {
        let (shop, mut dice) = (Shop::default(), Dice::of(1, 1));
        for number in 0..=ON_SALE {
            shop.add_product(Uuid::from_u128(number as u128));
        }
        assert!(shop.take_product(&mut dice).is_some());
        assert!(shop.take_product(&mut dice).is_none());
        assert!(shop.product(&mut dice).is_some());
        assert!(shop.order(&mut dice).is_none());
    }
}
