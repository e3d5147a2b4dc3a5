use super::{AddProduct, Product, ProductCommand, ProductEvent, ProductRefusal, decide};
use crate::aggregate::{Aggregate, Misfit};

impl Aggregate for Product {
    type Creation = AddProduct;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Refusal = ProductRefusal;

    fn create(creation: AddProduct) -> Result<Vec<ProductEvent>, ProductRefusal> {
        Ok(vec![decide::add(creation)])
    }

    fn decide(&self, command: ProductCommand) -> Result<Vec<ProductEvent>, ProductRefusal> {
        decide::decide(self, command)
    }

    fn evolve(state: Option<Self>, event: &ProductEvent) -> Result<Self, Misfit> {
        match (state, event) {
            (
                None,
                ProductEvent::Added {
                    name,
                    unit_price,
                    size,
                    weight,
                },
            ) => Ok(Self {
                name: name.clone(),
                unit_price: *unit_price,
                size: *size,
                weight: *weight,
                discontinued: false,
            }),
            (Some(_), ProductEvent::Added { .. }) => Err(Misfit::CreatedTwice),
            (None, _) => Err(Misfit::BeforeCreation),
            (
                Some(Self {
                    discontinued: true, ..
                }),
                _,
            ) => Err(Misfit::Discontinued),
            (Some(product), ProductEvent::Renamed { name }) => Ok(Self {
                name: name.clone(),
                ..product
            }),
            (Some(product), ProductEvent::PriceChanged { unit_price }) => Ok(Self {
                unit_price: *unit_price,
                ..product
            }),
            (Some(product), ProductEvent::DimensionsChanged { size, weight }) => Ok(Self {
                size: Some(*size),
                weight: Some(*weight),
                ..product
            }),
            (Some(product), ProductEvent::Discontinued) => Ok(Self {
                discontinued: true,
                ..product
            }),
        }
    }
}
