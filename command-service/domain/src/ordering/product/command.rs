use crate::value::{Name, Size, UnitPrice, Weight};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddProduct {
    pub name: Name,
    pub unit_price: UnitPrice,
    pub size: Option<Size>,
    pub weight: Option<Weight>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductCommand {
    Rename { name: Name },
    ChangePrice { unit_price: UnitPrice },
    ChangeDimensions { size: Size, weight: Weight },
    Discontinue,
}
