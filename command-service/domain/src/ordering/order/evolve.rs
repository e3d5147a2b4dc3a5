use super::{CreateOrder, Line, Lines, Order, OrderCommand, OrderEvent, OrderRefusal, OrderStatus, decide};
use crate::aggregate::{Aggregate, Misfit};
use crate::value::{Money, ProductId, Quantity, UnitPrice};

impl Aggregate for Order {
    type Creation = CreateOrder;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Refusal = OrderRefusal;

    fn create(creation: CreateOrder) -> Result<Vec<OrderEvent>, OrderRefusal> {
        decide::create(creation)
    }

    fn decide(&self, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderRefusal> {
        decide::decide(self, command)
    }

    fn evolve(state: Option<Self>, event: &OrderEvent) -> Result<Self, Misfit> {
        match (state, event) {
            (None, OrderEvent::Created { customer_id, .. }) => Ok(Self {
                customer_id: *customer_id,
                status: OrderStatus::Draft,
                lines: Lines::default(),
            }),
            (Some(_), OrderEvent::Created { .. }) => Err(Misfit::CreatedTwice),
            (None, _) => Err(Misfit::BeforeCreation),
            (Some(order), event) => order.draft()?.changed(event),
        }
    }
}

impl Order {
    fn draft(self) -> Result<Self, Misfit> {
        match self.status {
            OrderStatus::Draft => Ok(self),
            OrderStatus::Submitted => Err(Misfit::NotADraft),
        }
    }

    fn changed(mut self, event: &OrderEvent) -> Result<Self, Misfit> {
        match *event {
            OrderEvent::Created { .. } => return Err(Misfit::CreatedTwice),
            OrderEvent::ItemAdded {
                product_id,
                quantity,
                unit_price,
                ..
            } => self.add(product_id, quantity, unit_price)?,
            OrderEvent::ItemQuantityChanged { product_id, quantity } => {
                let line = *self.lines.get(product_id).ok_or(Misfit::NoSuchLine)?;
                self.put(Line { quantity, ..line })?;
            }
            OrderEvent::ItemRemoved { product_id } => {
                self.lines.get(product_id).ok_or(Misfit::NoSuchLine)?;
                self.lines.remove(product_id).map_err(|_| Misfit::OutOfBounds)?;
            }
            OrderEvent::Submitted { total } => self.submit(total)?,
        }
        Ok(self)
    }

    fn add(
        &mut self,
        product_id: ProductId,
        quantity: Quantity,
        unit_price: UnitPrice,
    ) -> Result<(), Misfit> {
        let quantity = match self.lines.get(product_id) {
            Some(line) if line.unit_price != unit_price => return Err(Misfit::OutOfBounds),
            Some(line) => line
                .quantity
                .checked_add(quantity)
                .map_err(|_| Misfit::OutOfBounds)?,
            None => quantity,
        };
        if self
            .lines
            .currency()
            .is_some_and(|currency| currency != unit_price.currency())
        {
            return Err(Misfit::OutOfBounds);
        }
        self.put(Line {
            product_id,
            quantity,
            unit_price,
        })
    }

    fn put(&mut self, line: Line) -> Result<(), Misfit> {
        self.lines.put(line).map_err(|_| Misfit::OutOfBounds)
    }

    fn submit(&mut self, total: Money) -> Result<(), Misfit> {
        if self.lines.total() != Some(total) {
            return Err(Misfit::WrongTotal);
        }
        self.status = OrderStatus::Submitted;
        Ok(())
    }
}
