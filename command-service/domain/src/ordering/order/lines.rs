use crate::aggregate::Misfit;
use crate::value::{AmountOverflow, Currency, Money, Name, ProductId, Quantity, UnitPrice};

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub product_id: ProductId,
    /// As it was when the product was first added.
    pub product_name: Name,
    pub quantity: Quantity,
    pub unit_price: UnitPrice,
}

impl Line {
    pub fn subtotal(&self) -> Result<Money, AmountOverflow> {
        self.unit_price.times(self.quantity)
    }
}

/// The lines of an order, in the order in which they were added: one for each product, all in one currency, their
/// total within 64 bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    lines: Vec<Line>,
    /// Of `lines`, kept so that adding to a long order stays cheap; `None` without any.
    total: Option<Money>,
}

impl Lines {
    /// The lines of an order as they were kept elsewhere; a [`Misfit`] where no order has such.
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Result<Self, Misfit> {
        let mut all = Self::default();
        for line in lines {
            let fits = all.get(line.product_id).is_none()
                && all
                    .currency()
                    .is_none_or(|currency| currency == line.unit_price.currency());
            if !fits {
                return Err(Misfit::OutOfBounds);
            }
            all.put(line).map_err(|_| Misfit::OutOfBounds)?;
        }
        Ok(all)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.lines.iter()
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn get(&self, product_id: ProductId) -> Option<&Line> {
        self.lines.iter().find(|line| line.product_id == product_id)
    }

    /// `None` without lines: such an order has no currency yet.
    pub fn total(&self) -> Option<Money> {
        self.total
    }

    pub fn currency(&self) -> Option<Currency> {
        self.total.map(Money::currency)
    }

    /// What the total would be with so many pieces in place of the product's line, or beside the others.
    pub(super) fn total_with(
        &self,
        product_id: ProductId,
        quantity: Quantity,
        unit_price: UnitPrice,
    ) -> Result<Money, AmountOverflow> {
        let others = self.total_amount_without(product_id)?;
        let subtotal = unit_price.times(quantity)?;
        let amount = others.checked_add(subtotal.amount()).ok_or(AmountOverflow)?;
        Ok(Money::new(amount, subtotal.currency()))
    }

    /// Puts the line in place of the one of its product, or at the end.
    pub(super) fn put(&mut self, line: Line) -> Result<(), AmountOverflow> {
        let total = self.total_with(line.product_id, line.quantity, line.unit_price)?;
        match self
            .lines
            .iter_mut()
            .find(|known| known.product_id == line.product_id)
        {
            Some(known) => *known = line,
            None => self.lines.push(line),
        }
        self.total = Some(total);
        Ok(())
    }

    /// Gives the product's line another quantity; answers whether there is such a line.
    pub(super) fn set_quantity(
        &mut self,
        product_id: ProductId,
        quantity: Quantity,
    ) -> Result<bool, AmountOverflow> {
        let Some(unit_price) = self.get(product_id).map(|line| line.unit_price) else {
            return Ok(false);
        };
        let total = self.total_with(product_id, quantity, unit_price)?;
        if let Some(line) = self.lines.iter_mut().find(|line| line.product_id == product_id) {
            line.quantity = quantity;
        }
        self.total = Some(total);
        Ok(true)
    }

    pub(super) fn remove(&mut self, product_id: ProductId) -> Result<(), AmountOverflow> {
        let amount = self.total_amount_without(product_id)?;
        self.lines.retain(|line| line.product_id != product_id);
        self.total = self
            .lines
            .first()
            .map(|line| Money::new(amount, line.unit_price.currency()));
        Ok(())
    }

    fn total_amount_without(&self, product_id: ProductId) -> Result<i64, AmountOverflow> {
        let total = self.total.map_or(0, Money::amount);
        let own = match self.get(product_id) {
            Some(line) => line.subtotal()?.amount(),
            None => 0,
        };
        total.checked_sub(own).ok_or(AmountOverflow)
    }
}
