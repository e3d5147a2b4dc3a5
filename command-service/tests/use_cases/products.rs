use command_service::application::codec::Recorded;
use command_service::application::ordering::{AddProduct, ChangeProductPrice, RenameProduct};
use domain::testing::{eur, name, price, product_id};
use domain::{Product, Size, Weight};

use crate::service::{Service, addition, kind_of};

#[tokio::test]
async fn a_product_is_added() {
    let service = Service::new();
    let command = AddProduct {
        size: Some(Size::new(1, 2, 3).unwrap()),
        weight: Some(Weight::from_grams(4).unwrap()),
        ..addition(product_id(1), eur(1999))
    };
    let accepted = service.execute(command.clone()).await.unwrap();
    assert_eq!(
        accepted.token().to_string(),
        format!("product:{}:1", product_id(1))
    );
    let product = service.product(product_id(1));
    assert_eq!((product.size, product.weight), (command.size, command.weight));
    assert_eq!(kind_of(service.execute(command).await), "already-exists");
}

#[tokio::test]
async fn name_and_price_change_by_themselves() {
    let service = Service::new();
    let product_id = service.a_product(eur(1999)).await;
    let rename = RenameProduct {
        product_id,
        name: name("Analytical engine"),
    };
    let reprice = ChangeProductPrice {
        product_id,
        unit_price: price(2499, "USD"),
    };
    assert_eq!(service.execute(rename.clone()).await.unwrap().version, 2);
    assert_eq!(service.execute(reprice.clone()).await.unwrap().version, 3);
    assert_eq!(service.execute(rename).await.unwrap().version, 3);
    assert_eq!(service.execute(reprice).await.unwrap().version, 3);
    let product = service.product(product_id);
    assert_eq!(product.name, name("Analytical engine"));
    assert_eq!(product.unit_price, price(2499, "USD"));
    assert_eq!(
        service.history(Product::stream(product_id)),
        ["ProductAddedV1", "ProductRenamedV1", "ProductPriceChangedV1"]
    );
}

#[tokio::test]
async fn what_is_not_in_the_catalogue_is_not_changed() {
    let service = Service::new();
    let rename = RenameProduct {
        product_id: product_id(1),
        name: name("Analytical engine"),
    };
    let reprice = ChangeProductPrice {
        product_id: product_id(1),
        unit_price: eur(1),
    };
    assert_eq!(kind_of(service.execute(rename).await), "not-found");
    assert_eq!(kind_of(service.execute(reprice).await), "not-found");
}
