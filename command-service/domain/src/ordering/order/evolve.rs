use super::{CreateOrder, Line, Lines, Order, OrderCommand, OrderEvent, OrderRefusal, OrderStatus, decide};
use crate::aggregate::{Aggregate, Misfit};
use crate::value::{Money, Name, ProductId, Quantity, UnitPrice};

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
            (Some(order), event) => order.changed(event),
        }
    }
}

impl Order {
    fn changed(mut self, event: &OrderEvent) -> Result<Self, Misfit> {
        match event {
            OrderEvent::Created { .. } => return Err(Misfit::CreatedTwice),
            OrderEvent::ItemAdded {
                product_id,
                product_name,
                quantity,
                unit_price,
                ..
            } => self
                .draft()?
                .add(*product_id, product_name, *quantity, *unit_price)?,
            OrderEvent::ItemQuantityChanged { product_id, quantity } => {
                match self.draft()?.lines.set_quantity(*product_id, *quantity) {
                    Ok(true) => {}
                    Ok(false) => return Err(Misfit::NoSuchLine),
                    Err(_) => return Err(Misfit::OutOfBounds),
                }
            }
            OrderEvent::ItemRemoved { product_id } => {
                let lines = &mut self.draft()?.lines;
                lines.get(*product_id).ok_or(Misfit::NoSuchLine)?;
                lines.remove(*product_id).map_err(|_| Misfit::OutOfBounds)?;
            }
            OrderEvent::Submitted { total } => {
                self.draft()?.has_total(*total)?;
                self.becomes(OrderStatus::Submitted)?;
            }
            OrderEvent::Confirmed { total } => {
                self.becomes(OrderStatus::Confirmed)?;
                self.has_total(*total)?;
            }
            OrderEvent::Shipped { .. } => self.becomes(OrderStatus::Shipped)?,
            OrderEvent::Delivered => self.becomes(OrderStatus::Delivered)?,
            OrderEvent::Cancelled { cancelled_from, .. } if *cancelled_from != self.status => {
                return Err(Misfit::WrongStatus);
            }
            OrderEvent::Cancelled { .. } => self.becomes(OrderStatus::Cancelled)?,
        }
        Ok(self)
    }

    fn draft(&mut self) -> Result<&mut Self, Misfit> {
        match self.status {
            OrderStatus::Draft => Ok(self),
            _ => Err(Misfit::NotADraft),
        }
    }

    fn becomes(&mut self, to: OrderStatus) -> Result<(), Misfit> {
        if !self.status.may_become(to) {
            return Err(Misfit::WrongStatus);
        }
        self.status = to;
        Ok(())
    }

    fn has_total(&self, total: Money) -> Result<(), Misfit> {
        match self.lines.total() {
            Some(sum) if sum == total => Ok(()),
            _ => Err(Misfit::WrongTotal),
        }
    }

    fn add(
        &mut self,
        product_id: ProductId,
        product_name: &Name,
        quantity: Quantity,
        unit_price: UnitPrice,
    ) -> Result<(), Misfit> {
        if let Some(line) = self.lines.get(product_id) {
            if line.unit_price != unit_price {
                return Err(Misfit::OutOfBounds);
            }
            let quantity = line
                .quantity
                .checked_add(quantity)
                .map_err(|_| Misfit::OutOfBounds)?;
            return match self.lines.set_quantity(product_id, quantity) {
                Ok(_) => Ok(()),
                Err(_) => Err(Misfit::OutOfBounds),
            };
        }
        if self
            .lines
            .currency()
            .is_some_and(|currency| currency != unit_price.currency())
        {
            return Err(Misfit::OutOfBounds);
        }
        let line = Line {
            product_id,
            product_name: product_name.clone(),
            quantity,
            unit_price,
        };
        self.lines.put(line).map_err(|_| Misfit::OutOfBounds)
    }
}
