//! What becomes of an order once it is submitted.

use command_service::application::codec::Recorded;
use command_service::application::ordering::{
    CancelOrder, ConfirmOrder, ConfirmPaidOrder, DeliverOrder, ShipOrder, SubmitOrder,
};
use domain::order::OrderStatus;
use domain::testing::{cancellation_reason, order_id, tracking_number};
use domain::{Order, OrderId};

use crate::service::{Service, kind_of};

fn ship(order_id: OrderId) -> ShipOrder {
    ShipOrder {
        order_id,
        tracking_number: tracking_number("00340434161094042557"),
    }
}

fn cancel(order_id: OrderId) -> CancelOrder {
    CancelOrder {
        order_id,
        reason: cancellation_reason("Ordered twice"),
    }
}

#[tokio::test]
async fn an_order_is_confirmed_by_hand_shipped_and_delivered() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    let version = service.execute(ConfirmOrder { order_id }).await.unwrap().version;
    assert_eq!(version, 4);
    assert_eq!(service.execute(ship(order_id)).await.unwrap().version, 5);
    assert_eq!(
        service.execute(DeliverOrder { order_id }).await.unwrap().version,
        6
    );
    assert_eq!(service.order(order_id).status, OrderStatus::Delivered);
    assert_eq!(
        service.history(Order::stream(order_id)),
        [
            "OrderCreatedV1",
            "OrderItemAddedV1",
            "OrderSubmittedV1",
            "OrderConfirmedV1",
            "OrderShippedV1",
            "OrderDeliveredV1"
        ]
    );
}

#[tokio::test]
async fn no_step_is_left_out_or_gone_twice() {
    let service = Service::new();
    let draft = service.a_draft().await;
    for answer in [
        service.execute(ConfirmOrder { order_id: draft }).await,
        service.execute(ConfirmPaidOrder { order_id: draft }).await,
        service.execute(ship(draft)).await,
        service.execute(DeliverOrder { order_id: draft }).await,
    ] {
        assert_eq!(kind_of(answer), "illegal-transition");
    }
    let order_id = service.a_submitted_order().await;
    service.execute(ConfirmOrder { order_id }).await.unwrap();
    for answer in [
        service.execute(ConfirmOrder { order_id }).await,
        service.execute(DeliverOrder { order_id }).await,
    ] {
        assert_eq!(kind_of(answer), "illegal-transition");
    }
    service.execute(ship(order_id)).await.unwrap();
    for answer in [
        service.execute(ship(order_id)).await,
        service.execute(cancel(order_id)).await,
    ] {
        assert_eq!(kind_of(answer), "illegal-transition");
    }
}

#[tokio::test]
async fn the_confirmation_of_a_paid_order_comes_to_the_same_as_one_by_hand() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    let paid = || service.execute(ConfirmPaidOrder { order_id });
    assert_eq!(paid().await.unwrap().version, 4);
    assert_eq!(service.order(order_id).status, OrderStatus::Confirmed);
    assert_eq!(paid().await.unwrap().version, 4, "done already");
    service.execute(ship(order_id)).await.unwrap();
    assert_eq!(paid().await.unwrap().version, 5, "done long ago");
}

#[tokio::test]
async fn an_order_is_cancelled_until_it_is_shipped() {
    let service = Service::new();
    let draft = service.a_draft().await;
    let submitted = service.a_submitted_order().await;
    let confirmed = service.a_submitted_order().await;
    let confirm = ConfirmOrder { order_id: confirmed };
    service.execute(confirm).await.unwrap();
    for order_id in [draft, submitted, confirmed] {
        service.execute(cancel(order_id)).await.unwrap();
        assert_eq!(service.order(order_id).status, OrderStatus::Cancelled);
        for answer in [
            service.execute(cancel(order_id)).await,
            service.execute(ConfirmOrder { order_id }).await,
            service.execute(ConfirmPaidOrder { order_id }).await,
            service.execute(ship(order_id)).await,
        ] {
            assert_eq!(kind_of(answer), "illegal-transition");
        }
        assert_eq!(
            kind_of(service.execute(SubmitOrder { order_id }).await),
            "not-a-draft"
        );
    }
}

#[tokio::test]
async fn an_order_that_is_not_there_goes_nowhere() {
    let service = Service::new();
    let order_id = order_id(1);
    for answer in [
        service.execute(ConfirmOrder { order_id }).await,
        service.execute(ConfirmPaidOrder { order_id }).await,
        service.execute(ship(order_id)).await,
        service.execute(DeliverOrder { order_id }).await,
        service.execute(cancel(order_id)).await,
    ] {
        assert_eq!(kind_of(answer), "not-found");
    }
}
