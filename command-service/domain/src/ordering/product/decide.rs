use super::{AddProduct, Product, ProductCommand, ProductEvent, ProductRefusal};

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

pub(super) fn decide(
    product: &Product,
    command: ProductCommand,
) -> Result<Vec<ProductEvent>, ProductRefusal> {
    if product.discontinued {
        return match command {
            ProductCommand::Discontinue => Ok(vec![]),
            _ => Err(ProductRefusal::Discontinued),
        };
    }
    Ok(match command {
        ProductCommand::Rename { name } if name == product.name => vec![],
        ProductCommand::Rename { name } => vec![ProductEvent::Renamed { name }],
        ProductCommand::ChangePrice { unit_price } if unit_price == product.unit_price => vec![],
        ProductCommand::ChangePrice { unit_price } => vec![ProductEvent::PriceChanged { unit_price }],
        ProductCommand::ChangeDimensions { size, weight }
            if (Some(size), Some(weight)) == (product.size, product.weight) =>
        {
            vec![]
        }
        ProductCommand::ChangeDimensions { size, weight } => {
            vec![ProductEvent::DimensionsChanged { size, weight }]
        }
        ProductCommand::Discontinue => vec![ProductEvent::Discontinued],
    })
}
