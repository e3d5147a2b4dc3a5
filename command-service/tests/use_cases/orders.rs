use command_service::application::bus::{CommandError, Invalid};
use command_service::application::codec::Recorded;
use command_service::application::ordering::{
    AddOrderItem, ChangeOrderItemQuantity, ChangeProductPrice, CreateOrder, OrderItem, RemoveOrderItem,
    RenameCustomer, RenameProduct, SubmitOrder,
};
use domain::order::OrderStatus;
use domain::testing::{customer_id, eur, name, order_id, price, product_id, quantity};
use domain::{Customer, Order, Product};
use shared_events::{Event, OrderEvent, WriterSchema};

use crate::service::{Service, item, kind_of};

#[tokio::test]
async fn an_order_is_created_with_the_names_of_its_parts() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let product_id = service.a_product(eur(1999)).await;
    let rename = RenameCustomer {
        customer_id,
        name: name("Ada King"),
    };
    service.execute(rename).await.unwrap();
    for text in ["Analytical engine", "Arithmometer"] {
        let name = name(text);
        service.execute(RenameProduct { product_id, name }).await.unwrap();
    }
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id,
        items: vec![item(product_id, 2)],
    };
    let accepted = service.execute(create).await.unwrap();
    assert_eq!(accepted.token().to_string(), format!("order:{}:2", order_id(1)));

    let stored = service.memory.events(Order::stream(order_id(1)));
    let records = stored.iter().map(|event| {
        let schema = WriterSchema::of_type(&event.event_type).unwrap();
        Event::decode(Order::TYPE, schema, &event.payload).unwrap()
    });
    let [
        Event::Order(OrderEvent::Created(created)),
        Event::Order(OrderEvent::ItemAdded(added)),
    ] = &records.collect::<Vec<_>>()[..]
    else {
        panic!("other events");
    };
    assert_eq!(
        (created.customer_name.as_str(), created.customer_version),
        ("Ada King", 2)
    );
    assert_eq!(
        (added.product_name.as_str(), added.product_version),
        ("Arithmometer", 3)
    );
}

#[tokio::test]
async fn an_order_goes_its_way() {
    let service = Service::new();
    let (first, second) = (
        service.a_product(eur(1999)).await,
        service.a_product(eur(5)).await,
    );
    let order_id = service.an_order(vec![]).await;
    let add = |product, pieces| AddOrderItem {
        order_id,
        item: item(product, pieces),
    };
    let change = |product_id, pieces| ChangeOrderItemQuantity {
        order_id,
        product_id,
        quantity: quantity(pieces),
    };
    assert_eq!(service.execute(add(first, 1)).await.unwrap().version, 2);
    assert_eq!(service.execute(add(second, 10)).await.unwrap().version, 3);
    assert_eq!(service.execute(add(first, 2)).await.unwrap().version, 4);
    assert_eq!(service.execute(change(second, 20)).await.unwrap().version, 5);
    assert_eq!(
        service.execute(change(second, 20)).await.unwrap().version,
        5,
        "the same quantity"
    );
    let remove = RemoveOrderItem {
        order_id,
        product_id: first,
    };
    assert_eq!(service.execute(remove.clone()).await.unwrap().version, 6);
    assert_eq!(kind_of(service.execute(remove).await), "item-not-in-order");
    assert_eq!(
        kind_of(service.execute(change(first, 1)).await),
        "item-not-in-order"
    );
    assert_eq!(
        service.execute(SubmitOrder { order_id }).await.unwrap().version,
        7
    );

    let order = service.order(order_id);
    assert_eq!(order.status, OrderStatus::Submitted);
    assert_eq!(order.lines.total(), Some(eur(100).money()));
    for answer in [
        service.execute(SubmitOrder { order_id }).await,
        service.execute(add(first, 1)).await,
        service.execute(change(second, 1)).await,
    ] {
        assert_eq!(kind_of(answer), "not-a-draft");
    }
    assert_eq!(service.order(order_id), order);
}

#[tokio::test]
async fn a_product_named_twice_at_creation_is_one_line() {
    let service = Service::new();
    let product = service.a_product(eur(5)).await;
    let order = service.an_order(vec![item(product, 1), item(product, 2)]).await;
    let order = service.order(order);
    assert_eq!(
        (order.lines.len(), order.lines.total()),
        (1, Some(eur(15).money()))
    );
}

#[tokio::test]
async fn an_empty_order_is_not_submitted() {
    let service = Service::new();
    let order_id = service.an_order(vec![]).await;
    assert_eq!(
        kind_of(service.execute(SubmitOrder { order_id }).await),
        "empty-order"
    );
}

#[tokio::test]
async fn an_order_needs_its_customer_and_products() {
    let service = Service::new();
    let known = service.a_product(eur(1)).await;
    let unknown = product_id(1);
    let create = |customer_id, items| CreateOrder {
        order_id: order_id(1),
        customer_id,
        items,
    };
    let answer = service
        .execute(create(customer_id(1), vec![item(unknown, 1)]))
        .await;
    let Err(CommandError::UnknownReference { reference, pointer }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(reference, Customer::stream(customer_id(1)));
    assert_eq!(pointer, "/customer_id");

    let customer_id = service.a_customer().await;
    let answer = service
        .execute(create(customer_id, vec![item(known, 1), item(unknown, 1)]))
        .await;
    let Err(CommandError::UnknownReference { reference, pointer }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(reference, Product::stream(unknown));
    assert_eq!(pointer, "/items/1/product_id");
    assert!(service.history(Order::stream(order_id(1))).is_empty());

    let order_id = service.an_order(vec![]).await;
    let add = AddOrderItem {
        order_id,
        item: item(unknown, 1),
    };
    let answer = service.execute(add).await;
    let Err(CommandError::UnknownReference { reference, pointer }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (reference, pointer.as_str()),
        (Product::stream(unknown), "/product_id")
    );
}

#[tokio::test]
async fn an_order_is_created_once() {
    let service = Service::new();
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: service.a_customer().await,
        items: vec![],
    };
    service.execute(create.clone()).await.unwrap();
    assert_eq!(kind_of(service.execute(create).await), "already-exists");
}

#[tokio::test]
async fn an_order_that_is_not_there_is_not_found() {
    let service = Service::new();
    let product_id = service.a_product(eur(1)).await;
    let order_id = order_id(1);
    for answer in [
        service
            .execute(AddOrderItem {
                order_id,
                item: item(product_id, 1),
            })
            .await,
        service
            .execute(ChangeOrderItemQuantity {
                order_id,
                product_id,
                quantity: quantity(1),
            })
            .await,
        service.execute(RemoveOrderItem { order_id, product_id }).await,
        service.execute(SubmitOrder { order_id }).await,
    ] {
        assert_eq!(kind_of(answer), "not-found");
    }
}

#[tokio::test]
async fn a_changed_price_is_refused_instead_of_charged() {
    let service = Service::new();
    let product_id = service.a_product(eur(1999)).await;
    let order_id = service.an_order(vec![item(product_id, 1)]).await;
    let unit_price = eur(2499);
    service
        .execute(ChangeProductPrice {
            product_id,
            unit_price,
        })
        .await
        .unwrap();
    let seeing = |seen| AddOrderItem {
        order_id,
        item: OrderItem {
            expected_unit_price: seen,
            ..item(product_id, 1)
        },
    };
    assert_eq!(
        kind_of(service.execute(seeing(Some(eur(1999)))).await),
        "price-changed"
    );
    assert_eq!(
        kind_of(service.execute(seeing(None)).await),
        "price-differs-from-line"
    );
    assert_eq!(
        kind_of(service.execute(seeing(Some(eur(2499)))).await),
        "price-differs-from-line"
    );
    assert_eq!(service.order(order_id).lines.total(), Some(eur(1999).money()));
}

#[tokio::test]
async fn an_order_has_one_currency() {
    let service = Service::new();
    let (euros, dollars) = (
        service.a_product(eur(1)).await,
        service.a_product(price(1, "USD")).await,
    );
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: service.a_customer().await,
        items: vec![item(euros, 1), item(dollars, 1)],
    };
    assert_eq!(kind_of(service.execute(create).await), "currency-mismatch");
    assert!(service.history(Order::stream(order_id(1))).is_empty());
}

#[tokio::test]
async fn too_many_items_are_refused_unread() {
    let service = Service::new();
    let create = |count| CreateOrder {
        order_id: order_id(1),
        customer_id: customer_id(1),
        items: (0..count).map(|number| item(product_id(number), 1)).collect(),
    };
    let answer = service.execute(create(201)).await;
    let Err(CommandError::Invalid(invalid)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        invalid,
        Invalid::TooManyItems {
            pointer: "/items",
            count: 201,
            max: 200
        }
    );
    assert_eq!(kind_of(service.execute(create(200)).await), "unknown-reference");
}
