use super::{AddProduct, Product, ProductCommand, ProductEvent};

pub(super) fn add(command: AddProduct) -> ProductEvent {
    let AddProduct {
        name,
        unit_price,
        size,
        weight,
    } = command;
    ProductEvent::Added {
        name,
        unit_price,
        size,
        weight,
    }
}

pub(super) fn decide(product: &Product, command: ProductCommand) -> Vec<ProductEvent> {
    match command {
        ProductCommand::Rename { name } if name == product.name => vec![],
        ProductCommand::Rename { name } => vec![ProductEvent::Renamed { name }],
        ProductCommand::ChangePrice { unit_price } if unit_price == product.unit_price => vec![],
        ProductCommand::ChangePrice { unit_price } => vec![ProductEvent::PriceChanged { unit_price }],
    }
}
