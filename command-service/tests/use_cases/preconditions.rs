//! Commands that are to be run on some versions only.

use command_service::application::bus::{CommandError, Context, VersionMatch};
use command_service::application::codec::Recorded;
use command_service::application::ordering::{AddOrderItem, RenameCustomer, SubmitOrder};
use command_service::application::ports::CommandOutcome;
use domain::testing::{customer_id, eur, name};
use domain::{Customer, Order};

use crate::service::{Service, item, registration};

fn on(service: &Service, versions: &[u64]) -> Context {
    Context {
        if_match: Some(VersionMatch(versions.to_vec())),
        ..service.context()
    }
}

#[tokio::test]
async fn a_command_is_run_on_the_version_that_it_is_for() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    // The last one is for any.
    let versions: [&[u64]; 3] = [&[1], &[7, 2, 9], &[]];
    for (versions, to) in versions.into_iter().zip(["Ada King", "Ada Byron", "Ada"]) {
        let rename = RenameCustomer {
            customer_id,
            name: name(to),
        };
        service.execute_as(&on(&service, versions), rename).await.unwrap();
    }
    assert_eq!(service.history(Customer::stream(customer_id)).len(), 4);
}

#[tokio::test]
async fn on_any_other_version_it_is_refused_and_recorded_so() {
    let service = Service::new();
    let order_id = service.a_draft().await;
    let product = service.a_product(eur(5)).await;
    let context = on(&service, &[1, 3]);
    let answer = service.execute_as(&context, SubmitOrder { order_id }).await;
    let Err(CommandError::PreconditionFailed { stream, current: 2 }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(stream, Order::stream(order_id));
    match service.memory.command(context.command_id).unwrap().outcome {
        CommandOutcome::Refused(refusal) => assert_eq!(refusal.kind, "precondition-failed"),
        outcome => panic!("{outcome:?}"),
    }
    let add = AddOrderItem {
        order_id,
        item: item(product, 1),
    };
    let answer = service.execute_as(&on(&service, &[1]), add).await;
    assert!(
        matches!(answer, Err(CommandError::PreconditionFailed { current: 2, .. })),
        "the order's version counts and not the product's: {answer:?}"
    );
    assert_eq!(service.history(stream).len(), 2);
}

#[tokio::test]
async fn what_is_to_be_created_is_at_no_version() {
    let service = Service::new();
    let known = service.a_customer().await;
    let versions: [&[u64]; 3] = [&[], &[0], &[1]];
    for versions in versions {
        for id in [customer_id(404), known] {
            let answer = service
                .execute_as(&on(&service, versions), registration(id))
                .await;
            assert!(
                matches!(answer, Err(CommandError::PreconditionFailed { current: 0, .. })),
                "{answer:?}"
            );
        }
    }
    assert_eq!(
        service.history(Customer::stream(customer_id(404))),
        [] as [&str; 0]
    );
}
