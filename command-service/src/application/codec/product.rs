use domain::product::ProductEvent;
use domain::{Name, Product, ProductId, Weight};
use shared_events::event::{
    self as record, ProductAddedV1, ProductDimensionsChangedV1, ProductDiscontinuedV1, ProductPriceChangedV1,
    ProductRenamedV1,
};
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use super::values::{from_size, from_unit_price, from_weight, money, size as to_size};
use super::{CodecError, Recorded};

impl Recorded for Product {
    const TYPE: AggregateType = AggregateType::Product;
    type Id = ProductId;

    fn to_record(product_id: Uuid, event: &ProductEvent) -> Result<Event, CodecError> {
        let record: record::ProductEvent = match event {
            ProductEvent::Added {
                name,
                unit_price,
                size,
                weight,
            } => ProductAddedV1 {
                product_id,
                name: name.to_string(),
                unit_price: money(unit_price.money()),
                size: size.map(to_size),
                weight_grams: weight.map(Weight::grams),
            }
            .into(),
            ProductEvent::Renamed { name } => ProductRenamedV1 {
                product_id,
                name: name.to_string(),
            }
            .into(),
            ProductEvent::PriceChanged { unit_price } => ProductPriceChangedV1 {
                product_id,
                unit_price: money(unit_price.money()),
            }
            .into(),
            ProductEvent::DimensionsChanged { size, weight } => ProductDimensionsChangedV1 {
                product_id,
                size: to_size(*size),
                weight_grams: weight.grams(),
            }
            .into(),
            ProductEvent::Discontinued => ProductDiscontinuedV1 { product_id }.into(),
        };
        Ok(record.into())
    }

    fn from_record(record: Event) -> Result<(Uuid, ProductEvent), CodecError> {
        let Event::Product(record) = record else {
            return Err(CodecError::ForeignType(record.event_type()));
        };
        Ok(match record {
            record::ProductEvent::Added(added) => (
                added.product_id,
                ProductEvent::Added {
                    name: Name::new(&added.name)?,
                    unit_price: from_unit_price(&added.unit_price)?,
                    size: added.size.map(from_size).transpose()?,
                    weight: added.weight_grams.map(from_weight).transpose()?,
                },
            ),
            record::ProductEvent::Renamed(renamed) => (
                renamed.product_id,
                ProductEvent::Renamed {
                    name: Name::new(&renamed.name)?,
                },
            ),
            record::ProductEvent::PriceChanged(changed) => (
                changed.product_id,
                ProductEvent::PriceChanged {
                    unit_price: from_unit_price(&changed.unit_price)?,
                },
            ),
            record::ProductEvent::DimensionsChanged(changed) => (
                changed.product_id,
                ProductEvent::DimensionsChanged {
                    size: from_size(changed.size)?,
                    weight: from_weight(changed.weight_grams)?,
                },
            ),
            record::ProductEvent::Discontinued(discontinued) => {
                (discontinued.product_id, ProductEvent::Discontinued)
            }
        })
    }
}
