//! Orders under any sequence of commands, against a model that knows only the rules' words.

use std::collections::BTreeMap;

use domain::order::{CreateOrder, OrderCommand, OrderEvent, OrderStatus};
use domain::testing::{
    ItemBuilder, an_item, cancellation_reason, price, product_id, quantity, the_customer, tracking_number,
};
use domain::{Aggregate, Order, UnitPrice, replay};
use proptest::collection::vec;
use proptest::prelude::*;

/// Few products and prices, so that commands meet; prices and quantities up to the very bounds.
fn unit_prices() -> impl Strategy<Value = UnitPrice> {
    let amounts = prop_oneof![
        6 => 1_i64..4,
        1 => Just(0),
        1 => Just(i64::MAX),
        1 => Just(i64::MAX / 1_000_000),
        1 => Just(i64::MAX / 2),
    ];
    (amounts, prop_oneof![9 => Just("EUR"), 1 => Just("USD")])
        .prop_map(|(amount, currency)| price(amount, currency))
}

fn pieces() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 1_i64..4, 1 => Just(1_000_000), 1 => Just(999_999)]
}

fn items() -> impl Strategy<Value = ItemBuilder> {
    (
        1_u128..6,
        unit_prices(),
        pieces(),
        proptest::option::weighted(0.2, unit_prices()),
    )
        .prop_map(|(product, at, pieces, seen)| {
            let item = an_item(product).at(at).pieces(pieces);
            match seen {
                Some(seen) => item.expecting(seen),
                None => item,
            }
        })
}

/// Few of them are no longer on offer.
fn items_to_add() -> impl Strategy<Value = OrderCommand> {
    (items(), proptest::bool::weighted(0.05)).prop_map(|(item, discontinued)| {
        let item = if discontinued { item.discontinued() } else { item };
        OrderCommand::AddItem(item.to_add())
    })
}

fn commands() -> impl Strategy<Value = OrderCommand> {
    prop_oneof![
        8 => items_to_add(),
        4 => (1_u128..6, pieces()).prop_map(|(product, pieces)| OrderCommand::ChangeItemQuantity {
            product_id: product_id(product),
            quantity: quantity(pieces),
        }),
        3 => (1_u128..6).prop_map(|product| OrderCommand::RemoveItem { product_id: product_id(product) }),
        1 => Just(OrderCommand::Submit),
        1 => transitions(),
    ]
}

fn transitions() -> impl Strategy<Value = OrderCommand> {
    prop_oneof![
        3 => Just(OrderCommand::Confirm),
        3 => Just(OrderCommand::ConfirmPaid),
        4 => Just(OrderCommand::Ship { tracking_number: tracking_number("1Z") }),
        4 => Just(OrderCommand::Deliver),
        1 => Just(OrderCommand::Cancel { reason: cancellation_reason("Ordered twice") }),
    ]
}

/// Product to pieces, price and currency; wide enough for any sum.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    lines: BTreeMap<domain::ProductId, (i128, i128, String)>,
    status: OrderStatus,
}

impl Model {
    fn total(&self) -> i128 {
        self.lines.values().map(|(pieces, price, _)| pieces * price).sum()
    }

    /// The model after the command, or the kind of its refusal.
    fn after(&self, command: &OrderCommand) -> Result<Self, &'static str> {
        let mut next = self.clone();
        let transition = match (command, self.status) {
            (OrderCommand::Confirm, OrderStatus::Submitted) => Ok(OrderStatus::Confirmed),
            (OrderCommand::ConfirmPaid, OrderStatus::Submitted) => Ok(OrderStatus::Confirmed),
            (
                OrderCommand::ConfirmPaid,
                status @ (OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered),
            ) => Ok(status),
            (OrderCommand::Ship { .. }, OrderStatus::Confirmed) => Ok(OrderStatus::Shipped),
            (OrderCommand::Deliver, OrderStatus::Shipped) => Ok(OrderStatus::Delivered),
            (
                OrderCommand::Cancel { .. },
                OrderStatus::Draft | OrderStatus::Submitted | OrderStatus::Confirmed,
            ) => Ok(OrderStatus::Cancelled),
            (
                OrderCommand::Confirm
                | OrderCommand::ConfirmPaid
                | OrderCommand::Ship { .. }
                | OrderCommand::Deliver
                | OrderCommand::Cancel { .. },
                _,
            ) => Err("illegal-transition"),
            (_, OrderStatus::Draft) => Ok(OrderStatus::Draft),
            _ => Err("not-a-draft"),
        };
        next.status = transition?;
        match command {
            OrderCommand::AddItem(item) if item.product.discontinued => return Err("product-discontinued"),
            OrderCommand::AddItem(item) => {
                let offered = item.product.unit_price.money();
                if item
                    .expected_unit_price
                    .is_some_and(|seen| seen.money() != offered)
                {
                    return Err("price-changed");
                }
                let (amount, currency) = (i128::from(offered.amount()), offered.currency().to_string());
                let more = i128::from(item.quantity.get());
                match next.lines.get_mut(&item.product.id) {
                    Some((_, at, in_currency)) if (*at, &*in_currency) != (amount, &currency) => {
                        return Err("price-differs-from-line");
                    }
                    Some((pieces, ..)) if *pieces + more > 1_000_000 => return Err("quantity-too-large"),
                    Some((pieces, ..)) => *pieces += more,
                    None => {
                        if next.lines.values().any(|(_, _, other)| *other != currency) {
                            return Err("currency-mismatch");
                        }
                        next.lines.insert(item.product.id, (more, amount, currency));
                    }
                }
            }
            OrderCommand::ChangeItemQuantity { product_id, quantity } => {
                let line = next.lines.get_mut(product_id).ok_or("item-not-in-order")?;
                line.0 = i128::from(quantity.get());
            }
            OrderCommand::RemoveItem { product_id } => {
                next.lines.remove(product_id).ok_or("item-not-in-order")?;
            }
            OrderCommand::Submit if self.lines.is_empty() => return Err("empty-order"),
            OrderCommand::Submit => next.status = OrderStatus::Submitted,
            _ => {}
        }
        if next.total() > i128::from(i64::MAX) {
            return Err("amount-overflow");
        }
        Ok(next)
    }

    fn of(order: &Order) -> Self {
        let lines = order.lines.iter().map(|line| {
            let price = line.unit_price.money();
            let pieces = i128::from(line.quantity.get());
            (
                line.product_id,
                (pieces, price.amount().into(), price.currency().to_string()),
            )
        });
        Self {
            lines: lines.collect(),
            status: order.status,
        }
    }
}

fn replayed(events: &[OrderEvent]) -> Order {
    replay(events).unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_order_does_what_the_rules_say(commands in vec(commands(), 0..60)) {
        let creation = CreateOrder { customer: the_customer(), items: vec![] };
        let mut events = Order::create(creation).unwrap();
        let mut model = Model { lines: BTreeMap::new(), status: OrderStatus::Draft };
        for command in commands {
            let order = replayed(&events);
            match (order.decide(command.clone()), model.after(&command)) {
                (Ok(decided), Ok(next)) => {
                    prop_assert_eq!(decided.is_empty(), next == model, "an event for each change and no other");
                    events.extend(decided);
                    model = next;
                }
                (Err(refusal), Err(kind)) => prop_assert_eq!(refusal.kind(), kind),
                (decided, expected) => prop_assert!(false, "{command:?}: {decided:?}, but {expected:?}"),
            }
            let order = replayed(&events);
            prop_assert_eq!(Model::of(&order), model.clone());
            prop_assert_eq!(order.lines.total().map_or(0, |total| total.amount().into()), model.total());
            if let Some(OrderEvent::Submitted { total } | OrderEvent::Confirmed { total }) = events.last() {
                prop_assert_eq!(i128::from(total.amount()), model.total());
            }
        }
    }

    #[test]
    fn creating_with_items_is_creating_and_adding(items in vec(items(), 0..8)) {
        let items: Vec<_> = items.into_iter().map(ItemBuilder::to_add).collect();
        let create = |items| Order::create(CreateOrder { customer: the_customer(), items });
        let mut stepwise = create(vec![]);
        for item in items.clone() {
            stepwise = stepwise.and_then(|mut events| {
                events.extend(replayed(&events).decide(OrderCommand::AddItem(item))?);
                Ok(events)
            });
        }
        prop_assert_eq!(create(items), stepwise);
    }

    /// Whatever stands in a store: an order or an error, never a panic.
    #[test]
    fn any_events_replay_or_misfit(
        histories in vec((items(), pieces(), 0..9_u8), 0..30),
    ) {
        let mut events = domain::testing::a_draft_order();
        events.extend(histories.into_iter().map(|(item, pieces, kind)| {
            let product_id = item.clone().to_add().product.id;
            match kind {
                0 => OrderEvent::ItemQuantityChanged { product_id, quantity: quantity(pieces) },
                1 => OrderEvent::ItemRemoved { product_id },
                2 => OrderEvent::Submitted { total: item.to_add().product.unit_price.money() },
                3 => OrderEvent::Confirmed { total: item.to_add().product.unit_price.money() },
                4 => OrderEvent::Delivered,
                5 => OrderEvent::Cancelled {
                    reason: cancellation_reason("Ordered twice"),
                    cancelled_from: OrderStatus::Draft,
                },
                _ => item.added(),
            }
        }));
        let _ = replay::<Order>(&events);
    }
}
