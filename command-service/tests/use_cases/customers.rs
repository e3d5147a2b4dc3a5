use command_service::application::bus::CommandError;
use command_service::application::codec::Recorded;
use command_service::application::ordering::{ChangeBillingAddress, ChangeDeliveryAddress, RenameCustomer};
use domain::Customer;
use domain::testing::{an_address, customer_id, name};

use crate::service::{Service, kind_of, registration};

#[tokio::test]
async fn a_customer_is_registered() {
    let service = Service::new();
    let accepted = service.execute(registration(customer_id(1))).await.unwrap();
    assert_eq!(accepted.stream, Customer::stream(customer_id(1)));
    assert_eq!(accepted.version, 1);
    assert_eq!(
        accepted.token().to_string(),
        format!("customer:{}:1", customer_id(1))
    );
    let customer = service.customer(customer_id(1));
    assert_eq!(customer.name, name("Ada Lovelace"));
    assert_eq!(customer.delivery_address, None);
    assert_eq!(customer.deliver_to(), &an_address("Ada Lovelace"));
}

#[tokio::test]
async fn an_id_is_registered_once() {
    let service = Service::new();
    service.execute(registration(customer_id(1))).await.unwrap();
    let again = service.execute(registration(customer_id(1))).await;
    let Err(CommandError::AlreadyExists(stream)) = again else {
        panic!("{again:?}");
    };
    assert_eq!(stream, Customer::stream(customer_id(1)));
    assert_eq!(service.history(stream), ["CustomerRegisteredV2"]);
}

#[tokio::test]
async fn a_customer_is_renamed() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let rename = RenameCustomer {
        customer_id,
        name: name("Ada King"),
    };
    assert_eq!(service.execute(rename.clone()).await.unwrap().version, 2);
    assert_eq!(service.customer(customer_id).name, name("Ada King"));
    assert_eq!(
        service.execute(rename).await.unwrap().version,
        2,
        "the same name changes nothing"
    );
    assert_eq!(
        service.history(Customer::stream(customer_id)),
        ["CustomerRegisteredV2", "CustomerRenamedV1"]
    );
}

#[tokio::test]
async fn who_is_not_registered_is_not_renamed() {
    let service = Service::new();
    let rename = RenameCustomer {
        customer_id: customer_id(1),
        name: name("Ada King"),
    };
    let answer = service.execute(rename).await;
    let Err(CommandError::NotFound(stream)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(stream, Customer::stream(customer_id(1)));
    assert!(service.history(stream).is_empty());
}

#[tokio::test]
async fn addresses_change_each_by_itself() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let billing = ChangeBillingAddress {
        customer_id,
        billing_address: an_address("Ada King"),
    };
    assert_eq!(service.execute(billing.clone()).await.unwrap().version, 2);
    let customer = service.customer(customer_id);
    assert_eq!(customer.billing_address, an_address("Ada King"));
    assert_eq!(
        customer.deliver_to(),
        &an_address("Ada King"),
        "who gave no delivery address gets parcels there"
    );
    let delivery = ChangeDeliveryAddress {
        customer_id,
        delivery_address: an_address("Charles Babbage"),
    };
    assert_eq!(service.execute(delivery.clone()).await.unwrap().version, 3);
    assert_eq!(
        service.execute(delivery).await.unwrap().version,
        3,
        "the same address"
    );
    assert_eq!(
        service.execute(billing).await.unwrap().version,
        3,
        "the same address"
    );
    assert_eq!(
        service.customer(customer_id).deliver_to(),
        &an_address("Charles Babbage")
    );
    assert_eq!(
        service.history(Customer::stream(customer_id)),
        [
            "CustomerRegisteredV2",
            "CustomerBillingAddressChangedV1",
            "CustomerDeliveryAddressChangedV1"
        ]
    );
}

#[tokio::test]
async fn who_is_not_registered_has_no_address_to_change() {
    let service = Service::new();
    let customer_id = customer_id(1);
    let address = an_address("Ada King");
    let billing = ChangeBillingAddress {
        customer_id,
        billing_address: address.clone(),
    };
    let delivery = ChangeDeliveryAddress {
        customer_id,
        delivery_address: address,
    };
    assert_eq!(kind_of(service.execute(billing).await), "not-found");
    assert_eq!(kind_of(service.execute(delivery).await), "not-found");
}
