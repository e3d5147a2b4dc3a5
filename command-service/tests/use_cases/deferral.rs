//! Commands that are accepted now and decided later.

use command_service::application::bus::{Answered, Command, CommandError, Context, Deferred, VersionMatch};
use command_service::application::codec::Recorded;
use command_service::application::ordering::{CreateOrder, RenameCustomer};
use command_service::application::ports::{
    BUCKETS, CommandOutcome, CommandQueue, CommandStatus, CommandStore, IdempotencyKey, TakenCommand,
};
use domain::testing::{customer_id, name, order_id, product_id};
use domain::{Customer, CustomerId};

use crate::service::{Service, item, kind_of};

fn rename(customer_id: CustomerId) -> RenameCustomer {
    RenameCustomer {
        customer_id,
        name: name("Ada King"),
    }
}

fn keyed(service: &Service, request: u8) -> Context {
    let key = IdempotencyKey {
        key: "later".to_owned(),
        request_hash: [request; 32],
    };
    Context {
        key: Some(key),
        ..service.context()
    }
}

async fn defer(service: &Service, context: &Context, id: CustomerId) -> Result<Answered, CommandError> {
    service.bus.defer(context, &rename(id)).await
}

fn deferred(context: &Context) -> Answered {
    Answered::Deferred(Deferred {
        command_id: context.command_id,
    })
}

async fn taken(service: &Service) -> TakenCommand {
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    service.memory.take(&buckets, 10).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_deferred_command_waits_in_the_queue_as_it_was_sent() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let context = Context {
        if_match: Some(VersionMatch(vec![1, 4])),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ..service.context()
    };
    let answer = defer(&service, &context, customer_id).await.unwrap();
    assert_eq!(answer, deferred(&context));
    let queued = service.memory.queued().remove(0);
    assert_eq!(queued.command_id, context.command_id);
    assert_eq!(queued.command_type, RenameCustomer::TYPE);
    assert_eq!(queued.stream, Customer::stream(customer_id));
    assert_eq!(queued.if_match, Some(vec![1, 4]));
    assert_eq!(
        RenameCustomer::from_body(queued.body.clone()).unwrap(),
        rename(customer_id)
    );
    assert_eq!(service.memory.command(context.command_id), None);
    assert_eq!(service.history(queued.stream), ["CustomerRegisteredV2"]);

    let place = taken(&service).await.place;
    let as_queued = Context::of_queued(&queued, place);
    let expected = Context {
        place: Some(place),
        ..context
    };
    assert_eq!(as_queued, expected, "it goes on as what it was");
}

#[tokio::test]
async fn a_queued_command_is_decided_once() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let context = service.context();
    defer(&service, &context, customer_id).await.unwrap();
    let taken = taken(&service).await;
    let queued = Context::of_queued(&taken.command, taken.place);
    let answer = service.execute_as(&queued, rename(customer_id)).await.unwrap();
    assert_eq!(answer.version, 2);
    assert_eq!(service.memory.queued(), []);
    let status = CommandStore::command(&*service.memory, context.command_id)
        .await
        .unwrap()
        .unwrap()
        .status;
    let succeeded = CommandOutcome::Succeeded { version: 2 };
    assert!(
        matches!(&status, CommandStatus::Decided { outcome, .. } if *outcome == succeeded),
        "{status:?}"
    );
    let again = service.execute_as(&queued, rename(customer_id)).await;
    assert!(matches!(again, Err(CommandError::AlreadyDecided)), "{again:?}");
    assert_eq!(service.history(Customer::stream(customer_id)).len(), 2);
}

#[tokio::test]
async fn a_refusal_takes_its_row_out_of_the_queue_too() {
    let service = Service::new();
    let context = service.context();
    defer(&service, &context, customer_id(404)).await.unwrap();
    let taken = taken(&service).await;
    let queued = Context::of_queued(&taken.command, taken.place);
    let answer = service.execute_as(&queued, rename(customer_id(404))).await;
    assert_eq!(kind_of(answer), "not-found");
    assert_eq!(service.memory.queued(), []);
    assert!(service.memory.command(context.command_id).is_some());
}

#[tokio::test]
async fn a_repeat_names_the_first_command_before_and_after_it_is_decided() {
    let service = Service::new();
    let id = service.a_customer().await;
    let context = keyed(&service, 1);
    let first = defer(&service, &context, id).await.unwrap();
    assert_eq!(first, deferred(&context));
    assert_eq!(defer(&service, &keyed(&service, 1), id).await.unwrap(), first);
    let now = service.bus.execute(&keyed(&service, 1), &rename(id)).await;
    assert_eq!(now.unwrap(), first, "also where the repeat does not want to wait");
    let other = defer(&service, &keyed(&service, 2), id).await;
    assert!(matches!(other, Err(CommandError::KeyReused)), "{other:?}");
    assert_eq!(service.memory.queued().len(), 1);

    let taken = taken(&service).await;
    let queued = Context::of_queued(&taken.command, taken.place);
    service.execute_as(&queued, rename(id)).await.unwrap();
    assert_eq!(defer(&service, &keyed(&service, 1), id).await.unwrap(), first);
    assert_eq!(service.memory.queued(), []);
}

#[tokio::test]
async fn what_was_decided_at_once_is_not_queued_by_its_repeat() {
    let service = Service::new();
    let id = service.a_customer().await;
    let first = service
        .bus
        .execute(&keyed(&service, 1), &rename(id))
        .await
        .unwrap();
    assert!(matches!(first, Answered::Accepted(_)), "{first:?}");
    assert_eq!(defer(&service, &keyed(&service, 1), id).await.unwrap(), first);
    assert_eq!(service.memory.queued(), []);
}

#[tokio::test]
async fn an_invalid_command_is_not_queued() {
    let service = Service::new();
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: customer_id(1),
        items: vec![item(product_id(1), 1); 201],
    };
    let answer = service.bus.defer(&service.context(), &create).await;
    assert!(matches!(answer, Err(CommandError::Invalid(_))), "{answer:?}");
    assert_eq!(service.memory.queued(), []);
}
