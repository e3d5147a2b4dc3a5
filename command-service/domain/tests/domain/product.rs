use domain::product::{AddProduct, ProductCommand, ProductEvent, ProductRefusal};
use domain::testing::{
    Scenario, a_discontinued_product, a_product, an_added_product, eur, name, price, size, weight,
};
use domain::{Aggregate, Misfit, Product, replay};

#[test]
fn a_product_is_added() {
    Scenario::<Product>::creating(a_product()).then(an_added_product());
}

#[test]
fn size_and_weight_may_be_unknown() {
    let product = AddProduct {
        size: None,
        weight: None,
        ..a_product()
    };
    Scenario::<Product>::creating(product).then([ProductEvent::Added {
        name: name("Difference engine"),
        unit_price: eur(1999),
        size: None,
        weight: None,
    }]);
}

#[test]
fn a_product_is_renamed() {
    let name = name("Analytical engine");
    let product = Scenario::<Product>::given(an_added_product())
        .when(ProductCommand::Rename { name: name.clone() })
        .then_state([ProductEvent::Renamed { name: name.clone() }]);
    assert_eq!((product.name, product.unit_price), (name, eur(1999)));
}

#[test]
fn a_price_changes_currency_included() {
    for unit_price in [eur(2499), price(1999, "USD"), eur(0)] {
        let product = Scenario::<Product>::given(an_added_product())
            .when(ProductCommand::ChangePrice { unit_price })
            .then_state([ProductEvent::PriceChanged { unit_price }]);
        assert_eq!(product.unit_price, unit_price);
    }
}

#[test]
fn the_same_values_change_nothing() {
    for command in [
        ProductCommand::Rename {
            name: name("Difference engine"),
        },
        ProductCommand::ChangePrice {
            unit_price: eur(1999),
        },
        ProductCommand::ChangeDimensions {
            size: size(300, 200, 100),
            weight: weight(2500),
        },
    ] {
        Scenario::<Product>::given(an_added_product())
            .when(command)
            .then_nothing_happened();
    }
}

#[test]
fn size_and_weight_change_together() {
    for (size, weight) in [
        (size(300, 200, 100), weight(1)),
        (size(1, 1, 1), weight(2500)),
        (size(100, 200, 300), weight(2501)),
    ] {
        let product = Scenario::<Product>::given(an_added_product())
            .when(ProductCommand::ChangeDimensions { size, weight })
            .then_state([ProductEvent::DimensionsChanged { size, weight }]);
        assert_eq!((product.size, product.weight), (Some(size), Some(weight)));
    }
}

#[test]
fn dimensions_that_were_unknown_are_told() {
    let (size, weight) = (size(300, 200, 100), weight(2500));
    for known in [(Some(size), None), (None, Some(weight)), (None, None)] {
        let product = AddProduct {
            size: known.0,
            weight: known.1,
            ..a_product()
        };
        Scenario::<Product>::given(Product::create(product).unwrap())
            .when(ProductCommand::ChangeDimensions { size, weight })
            .then([ProductEvent::DimensionsChanged { size, weight }]);
    }
}

#[test]
fn a_product_is_discontinued_once() {
    let product = Scenario::<Product>::given(an_added_product())
        .when(ProductCommand::Discontinue)
        .then_state([ProductEvent::Discontinued]);
    assert!(product.discontinued);
    Scenario::<Product>::given(a_discontinued_product())
        .when(ProductCommand::Discontinue)
        .then_nothing_happened();
}

#[test]
fn a_discontinued_product_takes_no_change() {
    for command in [
        ProductCommand::Rename {
            name: name("Analytical engine"),
        },
        // To what it is already, too.
        ProductCommand::Rename {
            name: name("Difference engine"),
        },
        ProductCommand::ChangePrice { unit_price: eur(1) },
        ProductCommand::ChangeDimensions {
            size: size(1, 1, 1),
            weight: weight(1),
        },
    ] {
        Scenario::<Product>::given(a_discontinued_product())
            .when(command)
            .then_refused(ProductRefusal::Discontinued);
    }
    assert_eq!(ProductRefusal::Discontinued.kind(), "product-discontinued");
}

#[test]
fn nothing_follows_the_discontinuation() {
    let events = [
        ProductEvent::Renamed { name: name("x") },
        ProductEvent::PriceChanged { unit_price: eur(1) },
        ProductEvent::DimensionsChanged {
            size: size(1, 1, 1),
            weight: weight(1),
        },
        ProductEvent::Discontinued,
    ];
    for event in events {
        let stream = [a_discontinued_product(), vec![event]].concat();
        assert_eq!(replay::<Product>(&stream), Err(Misfit::Discontinued));
    }
}

#[test]
fn a_stream_begins_with_the_addition_and_has_one() {
    let changed = ProductEvent::PriceChanged { unit_price: eur(1) };
    assert_eq!(replay::<Product>(&[changed]), Err(Misfit::BeforeCreation));
    let twice = [an_added_product(), an_added_product()].concat();
    assert_eq!(replay::<Product>(&twice), Err(Misfit::CreatedTwice));
}
