use crate::value::{AmountOverflow, Currency, Money, ProductId, Quantity, UnitPrice};

/// One product of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub product_id: ProductId,
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

    /// What the total would be with `line` in place of the one of its product, or beside the others.
    pub(super) fn total_with(&self, line: &Line) -> Result<Money, AmountOverflow> {
        let others = self.total_amount_without(line.product_id)?;
        let subtotal = line.subtotal()?;
        let amount = others.checked_add(subtotal.amount()).ok_or(AmountOverflow)?;
        Ok(Money::new(amount, subtotal.currency()))
    }

    /// Puts the line in place of the one of its product, or at the end.
    pub(super) fn put(&mut self, line: Line) -> Result<(), AmountOverflow> {
        let total = self.total_with(&line)?;
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
