use command_service::application::codec::Recorded;
use command_service::application::ordering::{
    AddOrderItem, AddProduct, ChangeProductDimensions, ChangeProductPrice, CreateOrder, DiscontinueProduct,
    RenameProduct,
};
use domain::testing::{eur, name, order_id, price, product_id, size, weight};
use domain::{Product, Size, Weight};

use crate::service::{Service, addition, item, kind_of};

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

#[tokio::test]
async fn size_and_weight_change() {
    let service = Service::new();
    let product_id = service.a_product(eur(1999)).await;
    let change = ChangeProductDimensions {
        product_id,
        size: size(300, 200, 100),
        weight: weight(2500),
    };
    assert_eq!(service.execute(change.clone()).await.unwrap().version, 2);
    assert_eq!(
        service.execute(change.clone()).await.unwrap().version,
        2,
        "the same"
    );
    let product = service.product(product_id);
    assert_eq!(
        (product.size, product.weight),
        (Some(change.size), Some(change.weight))
    );
    let unknown = ChangeProductDimensions {
        product_id: domain::testing::product_id(1),
        ..change
    };
    assert_eq!(kind_of(service.execute(unknown).await), "not-found");
}

#[tokio::test]
async fn what_is_discontinued_is_neither_changed_nor_ordered() {
    let service = Service::new();
    let product_id = service.a_product(eur(1999)).await;
    let draft = service.an_order(vec![]).await;
    let discontinue = DiscontinueProduct { product_id };
    assert_eq!(service.execute(discontinue.clone()).await.unwrap().version, 2);
    assert_eq!(
        service.execute(discontinue).await.unwrap().version,
        2,
        "it is already"
    );
    let rename = RenameProduct {
        product_id,
        name: name("Analytical engine"),
    };
    let reprice = ChangeProductPrice {
        product_id,
        unit_price: eur(1),
    };
    let resize = ChangeProductDimensions {
        product_id,
        size: size(1, 2, 3),
        weight: weight(4),
    };
    let add = AddOrderItem {
        order_id: draft,
        item: item(product_id, 1),
    };
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: service.a_customer().await,
        items: vec![item(product_id, 1)],
    };
    for answer in [
        service.execute(rename).await,
        service.execute(reprice).await,
        service.execute(resize).await,
        service.execute(add).await,
        service.execute(create).await,
    ] {
        assert_eq!(kind_of(answer), "product-discontinued");
    }
    let unknown = DiscontinueProduct {
        product_id: domain::testing::product_id(1),
    };
    assert_eq!(kind_of(service.execute(unknown).await), "not-found");
}
