use domain::product::{AddProduct, ProductCommand, ProductEvent};
use domain::testing::{Scenario, a_product, an_added_product, eur, name, price};
use domain::{Misfit, Product, replay};

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
fn the_same_name_and_the_same_price_change_nothing() {
    for command in [
        ProductCommand::Rename {
            name: name("Difference engine"),
        },
        ProductCommand::ChangePrice {
            unit_price: eur(1999),
        },
    ] {
        Scenario::<Product>::given(an_added_product())
            .when(command)
            .then_nothing_happened();
    }
}

#[test]
fn a_stream_begins_with_the_addition_and_has_one() {
    let changed = ProductEvent::PriceChanged { unit_price: eur(1) };
    assert_eq!(replay::<Product>(&[changed]), Err(Misfit::BeforeCreation));
    let twice = [an_added_product(), an_added_product()].concat();
    assert_eq!(replay::<Product>(&twice), Err(Misfit::CreatedTwice));
}
