//! A command that is sent again under its key is answered as it was the first time.

use command_service::application::UseCases;
use command_service::application::bus::{
    Accepted, Actor, Answered, Command, CommandError, Context, Decided, Handler, Rights,
};
use command_service::application::codec::Recorded;
use command_service::application::ordering::{AddOrderItem, CreateOrder, RenameCustomer, SubmitOrder};
use command_service::application::ports::{
    CommandStore, EventStore, IdempotencyKey, RecordedRefusal, StreamId,
};
use domain::testing::{customer_id, eur, name, order_id, product_id};
use domain::{Customer, CustomerId};

use crate::service::{Service, item, kind_of, registration};
use crate::stores::{Fate, Fated};

fn a_service() -> Service<Fated> {
    Service::over(Fated::new)
}

/// Of a new command under a key; requests are told apart by a number.
fn keyed<S: EventStore + CommandStore>(service: &Service<S>, key: &str, request: u8) -> Context {
    Context {
        key: Some(IdempotencyKey {
            key: key.to_owned(),
            request_hash: [request; 32],
        }),
        ..service.context()
    }
}

async fn is_known(service: &Service<Fated>, key: &str) -> bool {
    let known = service.memory.command_of_key("anonymous", key).await.unwrap();
    known.is_some()
}

fn rename(customer_id: CustomerId, to: &str) -> RenameCustomer {
    RenameCustomer {
        customer_id,
        name: name(to),
    }
}

#[track_caller]
fn recorded(answer: Result<Accepted, CommandError>) -> RecordedRefusal {
    match answer {
        Err(CommandError::Recorded(refusal)) => refusal,
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_is_not_executed() {
    let service = a_service();
    let id = customer_id(1);
    let first = service
        .execute_as(&keyed(&service, "one", 1), registration(id))
        .await
        .unwrap();
    service.execute(rename(id, "Ada King")).await.unwrap();
    let commits = service.store.commits();
    let context = keyed(&service, "one", 1);
    let again = service.execute_as(&context, registration(id)).await.unwrap();
    assert_eq!(again, first, "also after others changed the aggregate");
    assert_eq!((first.stream, first.version), (Customer::stream(id), 1));
    assert_eq!(service.store.commits(), commits);
    assert_eq!(service.memory.command(context.command_id), None);
    assert_eq!(
        service.history(Customer::stream(id)),
        ["CustomerRegisteredV2", "CustomerRenamedV1"]
    );
}

#[tokio::test]
async fn a_refusal_is_the_answer_for_good() {
    let service = a_service();
    let product = service.a_product(eur(5)).await;
    let order_id = service.an_order(vec![]).await;
    let context = keyed(&service, "submission", 1);
    let first = service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap_err();
    let refusal = first.outcome().unwrap();
    assert_eq!(refusal.kind, "empty-order");
    let add = AddOrderItem {
        order_id,
        item: item(product, 1),
    };
    service.execute(add).await.unwrap();
    let context = keyed(&service, "submission", 1);
    let again = service.execute_as(&context, SubmitOrder { order_id }).await;
    assert_eq!(recorded(again), refusal);
    let context = keyed(&service, "another submission", 1);
    service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_repeated_refusal_points_where_the_first_did() {
    let service = a_service();
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: service.a_customer().await,
        items: vec![item(service.a_product(eur(5)).await, 1), item(product_id(404), 1)],
    };
    let context = keyed(&service, "creation", 1);
    let first = service.execute_as(&context, create.clone()).await.unwrap_err();
    let context = keyed(&service, "creation", 1);
    let refusal = recorded(service.execute_as(&context, create).await);
    assert_eq!(refusal.kind, "unknown-reference");
    assert_eq!(refusal.pointer.as_deref(), Some("/items/1/product_id"));
    assert_eq!(Some(refusal), first.outcome());
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_actor() {
    let service = a_service();
    let id = service.a_customer().await;
    let context = keyed(&service, "name", 1);
    service
        .execute_as(&context, rename(id, "Ada King"))
        .await
        .unwrap();
    let context = keyed(&service, "name", 2);
    let other = service.execute_as(&context, rename(id, "Ada Byron")).await;
    assert_eq!(kind_of(other), "idempotency-key-reused");
    assert_eq!(service.memory.command(context.command_id), None);
    let context = Context {
        actor: Actor::trusted("Grace Hopper"),
        ..context
    };
    service
        .execute_as(&context, rename(id, "Ada Byron"))
        .await
        .unwrap();
    assert_eq!(service.customer(id).name.as_str(), "Ada Byron");
}

#[tokio::test]
async fn while_the_first_runs_a_second_one_waits_elsewhere() {
    let service = a_service();
    let id = service.a_customer().await;
    let context = keyed(&service, "name", 1);
    let mut first = Box::pin(service.execute_as(&context, rename(id, "Ada King")));
    service.store.end(Fate::HeldUp);
    service.store.until_held_up(&mut first).await;

    let send = async |context: Context| service.execute_as(&context, rename(id, "Ada Byron")).await;
    assert_eq!(
        kind_of(send(keyed(&service, "name", 1)).await),
        "idempotency-key-in-flight"
    );
    assert_eq!(
        kind_of(send(keyed(&service, "name", 2)).await),
        "idempotency-key-reused"
    );
    let others = Context {
        actor: Actor::trusted("Grace Hopper"),
        ..keyed(&service, "name", 1)
    };
    send(others).await.unwrap();
    send(keyed(&service, "another name", 1)).await.unwrap();

    service.store.let_go();
    let answer = first.await.unwrap();
    assert_eq!(send(keyed(&service, "name", 1)).await.unwrap(), answer);
    assert_eq!(service.customer(id).name.as_str(), "Ada King");
}

#[tokio::test]
async fn a_command_that_is_given_up_frees_its_key() {
    let service = a_service();
    let id = service.a_customer().await;
    service.store.end(Fate::HeldUp);
    {
        let context = keyed(&service, "name", 1);
        let given_up = service.execute_as(&context, rename(id, "Ada King"));
        service.store.until_held_up(given_up).await;
    }
    assert!(!is_known(&service, "name").await);
    let context = keyed(&service, "name", 1);
    let answer = service.execute_as(&context, rename(id, "Ada King")).await;
    assert_eq!(answer.unwrap().version, 2);
}

#[tokio::test]
async fn what_was_not_run_to_its_end_may_be_sent_again_under_its_key() {
    let service = a_service();
    let id = service.a_customer().await;
    for (fate, kind) in [
        (Fate::Unavailable, "unavailable"),
        (Fate::Conflict, "version-conflict"),
    ] {
        service.store.end(fate);
        let context = keyed(&service, kind, 1);
        let answer = service.execute_as(&context, rename(id, kind)).await;
        assert_eq!(kind_of(answer), kind);
        assert!(!is_known(&service, kind).await);
        service.store.end(Fate::Committed);
        let context = keyed(&service, kind, 1);
        service.execute_as(&context, rename(id, kind)).await.unwrap();
        assert!(is_known(&service, kind).await);
        assert_eq!(service.customer(id).name.as_str(), kind);
    }
}

#[tokio::test]
async fn what_was_never_run_leaves_no_key() {
    let service = a_service();
    let id = service.a_customer().await;
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: id,
        items: vec![item(product_id(1), 1); 201],
    };
    let answer = service.execute_as(&keyed(&service, "invalid", 1), create).await;
    assert_eq!(kind_of(answer), "too-many-items");
    assert!(!is_known(&service, "invalid").await);

    let mut context = keyed(&service, "forbidden", 1);
    context.actor.rights = Rights::Scopes(["orders:write".to_owned()].into());
    let answer = service.execute_as(&context, rename(id, "Ada King")).await;
    assert_eq!(kind_of(answer), "forbidden");
    assert!(!is_known(&service, "forbidden").await);
    let context = keyed(&service, "forbidden", 1);
    service
        .execute_as(&context, rename(id, "Ada King"))
        .await
        .unwrap();
}

/// Lets a second process commit under the key while the first one's commit is on its way; answers what the first says.
async fn raced<C>(service: &Service<Fated>, slow: C, fast: C, hash: u8) -> Result<Accepted, CommandError>
where
    C: Command,
    UseCases<Fated>: Handler<C, Answer = Decided>,
{
    let elsewhere = service.another_bus();
    let context = keyed(service, "raced", 1);
    let mut first = Box::pin(service.execute_as(&context, slow));
    service.store.end(Fate::HeldUp);
    service.store.until_held_up(&mut first).await;
    let context = keyed(service, "raced", hash);
    let won = elsewhere.execute(&context, &fast).await.unwrap();
    service.store.let_go();
    let answer = first.await;
    if let Ok(answer) = &answer {
        assert_eq!(won, Answered::Accepted(*answer));
    }
    answer
}

fn names(service: &Service<Fated>, stream: StreamId) -> usize {
    service.history(stream).len()
}

#[tokio::test]
async fn of_two_processes_the_slower_answers_what_the_faster_did() {
    let service = a_service();
    let id = service.a_customer().await;
    let answer = raced(&service, rename(id, "Ada King"), rename(id, "Ada King"), 1).await;
    assert_eq!(answer.unwrap().version, 2);
    assert_eq!(names(&service, Customer::stream(id)), 2);

    let service = a_service();
    let id = customer_id(1);
    let answer = raced(&service, registration(id), registration(id), 1).await;
    assert_eq!(answer.unwrap().version, 1, "and not that it is there already");
    assert_eq!(names(&service, Customer::stream(id)), 1);
}

#[tokio::test]
async fn of_two_processes_with_one_key_for_two_requests_one_is_refused() {
    let service = a_service();
    let id = service.a_customer().await;
    let answer = raced(&service, rename(id, "Ada King"), rename(id, "Ada Byron"), 2).await;
    assert_eq!(kind_of(answer), "idempotency-key-reused");
    assert_eq!(service.customer(id).name.as_str(), "Ada Byron");
    assert_eq!(names(&service, Customer::stream(id)), 2);
}
