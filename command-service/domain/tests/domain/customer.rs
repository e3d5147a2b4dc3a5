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

fn renamed(to: &str) -> CustomerEvent {
    CustomerEvent::Renamed { name: name(to) }
}

#[test]
fn a_customer_is_registered_with_two_addresses() {
    Scenario::<Customer>::creating(registration()).then(a_registered_customer());
}

#[test]
fn without_a_delivery_address_goods_go_to_the_billing_address() {
    let registration = RegisterCustomer {
        delivery_address: None,
        ..registration()
    };
    Scenario::<Customer>::creating(registration).then([CustomerEvent::Registered {
        name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
        billing_address: an_address("Ada Lovelace"),
        delivery_address: an_address("Ada Lovelace"),
    }]);
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
    assert_eq!(
        replay::<Customer>(&[renamed("Ada King")]),
        Err(Misfit::BeforeCreation)
    );
    let twice = [a_registered_customer(), a_registered_customer()].concat();
    assert_eq!(replay::<Customer>(&twice), Err(Misfit::CreatedTwice));
}
