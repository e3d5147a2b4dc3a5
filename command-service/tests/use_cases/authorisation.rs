//! Who may send what.

use command_service::application::bus::{Actor, CommandError, Context, Rights};
use command_service::application::ordering::{CreateOrder, RenameCustomer};
use command_service::application::ports::Outbox;
use domain::testing::{customer_id, name, order_id, product_id};

use crate::service::{Service, item, registration};

/// A token's holder.
fn with_scopes(service: &Service, scopes: &[&str]) -> Context {
    let rights = Rights::Scopes(scopes.iter().map(|scope| (*scope).to_owned()).collect());
    Context {
        actor: Actor {
            name: "Grace Hopper".to_owned(),
            rights,
        },
        ..service.context()
    }
}

#[tokio::test]
async fn without_the_scope_nothing_is_done_or_recorded() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let rows = service.memory.backlog().await.unwrap().rows;
    let none_of_them: [&[&str]; 2] = [&[], &["orders:write", "customers", "customers:write "]];
    for scopes in none_of_them {
        let context = with_scopes(&service, scopes);
        let rename = RenameCustomer {
            customer_id,
            name: name("Ada King"),
        };
        let answer = service.execute_as(&context, rename.clone()).await;
        assert!(
            matches!(
                answer,
                Err(CommandError::Forbidden {
                    scope: "customers:write"
                })
            ),
            "{answer:?}"
        );
        let answer = service.bus.defer(&context, &rename).await;
        assert!(
            matches!(answer, Err(CommandError::Forbidden { .. })),
            "{answer:?}"
        );
        assert_eq!(service.memory.command(context.command_id), None);
    }
    assert_eq!(service.memory.queued(), []);
    assert_eq!(service.memory.backlog().await.unwrap().rows, rows);
}

#[tokio::test]
async fn who_may_not_send_it_does_not_learn_what_is_wrong_with_it() {
    let service = Service::new();
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: customer_id(1),
        items: vec![item(product_id(1), 1); 201],
    };
    let context = with_scopes(&service, &["customers:write"]);
    let answer = service.execute_as(&context, create).await;
    assert!(
        matches!(
            answer,
            Err(CommandError::Forbidden {
                scope: "orders:write"
            })
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn who_has_the_scope_or_needs_none_passes() {
    let service = Service::new();
    let holder = with_scopes(&service, &["orders:write", "customers:write"]);
    service
        .execute_as(&holder, registration(customer_id(1)))
        .await
        .unwrap();
    for (n, actor) in [Actor::anonymous(), Actor::trusted("policy:invoicing")]
        .into_iter()
        .enumerate()
    {
        let context = Context {
            actor: actor.clone(),
            ..service.context()
        };
        let customer_id = customer_id(2 + n as u128);
        service
            .execute_as(&context, registration(customer_id))
            .await
            .unwrap();
        let record = service.memory.command(context.command_id).unwrap();
        assert_eq!(record.actor, actor.name);
    }
}
