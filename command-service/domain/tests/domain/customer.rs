use domain::customer::{CustomerCommand, CustomerEvent, RegisterCustomer};
use domain::testing::{Scenario, a_registered_customer, an_address, email, name};
use domain::{Customer, Misfit, replay};

fn registration() -> RegisterCustomer {
    RegisterCustomer {
        name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
        billing_address: an_address("Ada Lovelace"),
        delivery_address: Some(an_address("Charles Babbage")),
    }
}

fn rename(to: &str) -> CustomerCommand {
    CustomerCommand::Rename { name: name(to) }
}

fn change_billing_address(to: &str) -> CustomerCommand {
    CustomerCommand::ChangeBillingAddress {
        billing_address: an_address(to),
    }
}

fn billing_address_changed(to: &str) -> CustomerEvent {
    CustomerEvent::BillingAddressChanged {
        billing_address: an_address(to),
    }
}

fn change_delivery_address(to: &str) -> CustomerCommand {
    CustomerCommand::ChangeDeliveryAddress {
        delivery_address: an_address(to),
    }
}

fn delivery_address_changed(to: &str) -> CustomerEvent {
    CustomerEvent::DeliveryAddressChanged {
        delivery_address: an_address(to),
    }
}

fn renamed(to: &str) -> CustomerEvent {
    CustomerEvent::Renamed { name: name(to) }
}

#[test]
fn a_customer_is_registered_with_two_addresses() {
    Scenario::<Customer>::creating(registration()).then(a_registered_customer());
}

#[test]
fn without_a_delivery_address_goods_go_to_the_billing_address_whatever_it_becomes() {
    let registration = RegisterCustomer {
        delivery_address: None,
        ..registration()
    };
    let registered = CustomerEvent::Registered {
        name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
        billing_address: an_address("Ada Lovelace"),
        delivery_address: None,
    };
    let customer = Scenario::<Customer>::creating(registration).then_state([registered.clone()]);
    assert_eq!(customer.deliver_to(), &an_address("Ada Lovelace"));
    let customer = Scenario::<Customer>::given([registered.clone()])
        .when(change_billing_address("Ada King"))
        .then_state([billing_address_changed("Ada King")]);
    assert_eq!(customer.deliver_to(), &an_address("Ada King"));

    // Named as the delivery address, the same address stays it.
    let named = Scenario::<Customer>::given([registered.clone()])
        .when(change_delivery_address("Ada Lovelace"))
        .then_state([delivery_address_changed("Ada Lovelace")]);
    assert_eq!(named.deliver_to(), &an_address("Ada Lovelace"));
    let past = [registered, delivery_address_changed("Ada Lovelace")];
    let moved = Scenario::<Customer>::given(past)
        .when(change_billing_address("Ada King"))
        .then_state([billing_address_changed("Ada King")]);
    assert_eq!(moved.deliver_to(), &an_address("Ada Lovelace"));
}

#[test]
fn each_address_is_changed_alone() {
    let customer = Scenario::<Customer>::given(a_registered_customer())
        .when(change_billing_address("Ada King"))
        .then_state([billing_address_changed("Ada King")]);
    assert_eq!(customer.billing_address, an_address("Ada King"));
    assert_eq!(customer.deliver_to(), &an_address("Charles Babbage"));
    let customer = Scenario::<Customer>::given(a_registered_customer())
        .when(change_delivery_address("Mary Somerville"))
        .then_state([delivery_address_changed("Mary Somerville")]);
    assert_eq!(customer.billing_address, an_address("Ada Lovelace"));
    assert_eq!(customer.deliver_to(), &an_address("Mary Somerville"));
}

#[test]
fn the_same_address_changes_nothing() {
    for command in [
        change_billing_address("Ada Lovelace"),
        change_delivery_address("Charles Babbage"),
    ] {
        Scenario::<Customer>::given(a_registered_customer())
            .when(command)
            .then_nothing_happened();
    }
}

#[test]
fn a_customer_is_renamed() {
    let customer = Scenario::<Customer>::given(a_registered_customer())
        .when(rename("Ada King"))
        .then_state([renamed("Ada King")]);
    assert_eq!(customer.name, name("Ada King"));
    assert_eq!(customer.email, Some(email("ada@example.org")));
}

#[test]
fn a_rename_to_the_same_name_changes_nothing() {
    Scenario::<Customer>::given(a_registered_customer())
        .when(rename(" Ada Lovelace "))
        .then_nothing_happened();
}

#[test]
fn a_rename_back_is_a_change() {
    let past = a_registered_customer().into_iter().chain([renamed("Ada King")]);
    Scenario::<Customer>::given(past)
        .when(rename("Ada Lovelace"))
        .then([renamed("Ada Lovelace")]);
}

#[test]
fn a_stream_begins_with_the_registration_and_has_one() {
    assert_eq!(replay::<Customer>(&[]), Ok(None));
    for event in [
        renamed("Ada King"),
        billing_address_changed("Ada King"),
        delivery_address_changed("Ada King"),
    ] {
        assert_eq!(replay::<Customer>(&[event]), Err(Misfit::BeforeCreation));
    }
    let twice = [a_registered_customer(), a_registered_customer()].concat();
    assert_eq!(replay::<Customer>(&twice), Err(Misfit::CreatedTwice));
}
