use domain::order::{CreateOrder, OrderCommand, OrderEvent, OrderRefusal, OrderStatus};
use domain::testing::{
    ItemBuilder, Scenario, a_draft_of, a_draft_order, an_item, eur, price, product_id, quantity, the_customer,
};
use domain::{Order, Quantity};

fn creation(items: impl IntoIterator<Item = ItemBuilder>) -> CreateOrder {
    CreateOrder {
        customer: the_customer(),
        items: items.into_iter().map(ItemBuilder::to_add).collect(),
    }
}

fn add(item: ItemBuilder) -> OrderCommand {
    OrderCommand::AddItem(item.to_add())
}

fn change_quantity(product: u128, pieces: i64) -> OrderCommand {
    OrderCommand::ChangeItemQuantity {
        product_id: product_id(product),
        quantity: quantity(pieces),
    }
}

fn quantity_changed(product: u128, pieces: i64) -> OrderEvent {
    OrderEvent::ItemQuantityChanged {
        product_id: product_id(product),
        quantity: quantity(pieces),
    }
}

fn remove(product: u128) -> OrderCommand {
    OrderCommand::RemoveItem {
        product_id: product_id(product),
    }
}

fn removed(product: u128) -> OrderEvent {
    OrderEvent::ItemRemoved {
        product_id: product_id(product),
    }
}

#[test]
fn an_order_is_created_without_items() {
    let order = Scenario::<Order>::creating(creation([])).then_state(a_draft_order());
    assert_eq!(order.status, OrderStatus::Draft);
    assert_eq!(order.lines.total(), None);
}

#[test]
fn an_order_is_created_with_items() {
    let items = || [an_item(1).pieces(2), an_item(2).at(eur(1))];
    let order = Scenario::<Order>::creating(creation(items())).then_state(a_draft_of(items()));
    assert_eq!(order.lines.total(), Some(eur(3999).money()));
}

#[test]
fn a_product_named_twice_at_creation_is_one_line() {
    let items = || [an_item(1).pieces(2), an_item(1)];
    let order = Scenario::<Order>::creating(creation(items())).then_state(a_draft_of(items()));
    assert_eq!(order.lines.len(), 1);
    assert_eq!(order.lines.total(), Some(eur(5997).money()));
}

#[test]
fn a_creation_with_one_bad_item_is_refused_whole() {
    let items = [an_item(1), an_item(2).expecting(eur(1998))];
    Scenario::<Order>::creating(creation(items)).then_refused(OrderRefusal::PriceChanged {
        product_id: product_id(2),
        expected: eur(1998),
        current: eur(1999),
    });
    let items = [an_item(1), an_item(2).at(price(1999, "USD"))];
    Scenario::<Order>::creating(creation(items)).then_refused(OrderRefusal::CurrencyMismatch {
        product_id: product_id(2),
        order: eur(0).currency(),
        product: price(0, "USD").currency(),
    });
}

#[test]
fn an_item_is_added_at_the_catalogues_price() {
    let order = Scenario::<Order>::given(a_draft_order())
        .when(add(an_item(1).pieces(3)))
        .then_state([an_item(1).pieces(3).added()]);
    assert_eq!(order.lines.total(), Some(eur(5997).money()));
}

#[test]
fn a_price_that_the_client_saw_is_charged_or_refused() {
    Scenario::<Order>::given(a_draft_order())
        .when(add(an_item(1).expecting(eur(1999))))
        .then([an_item(1).added()]);
    for seen in [eur(1998), eur(2000), price(1999, "USD")] {
        Scenario::<Order>::given(a_draft_order())
            .when(add(an_item(1).expecting(seen)))
            .then_refused(OrderRefusal::PriceChanged {
                product_id: product_id(1),
                expected: seen,
                current: eur(1999),
            });
    }
}

#[test]
fn more_of_a_product_adds_to_its_line() {
    let order = Scenario::<Order>::given(a_draft_of([an_item(1), an_item(2)]))
        .when(add(an_item(1).pieces(4)))
        .then_state([an_item(1).pieces(4).added()]);
    let lines: Vec<_> = order
        .lines
        .iter()
        .map(|line| (line.product_id, line.quantity))
        .collect();
    assert_eq!(
        lines,
        [(product_id(1), quantity(5)), (product_id(2), quantity(1))]
    );
}

#[test]
fn more_of_a_product_at_another_price_is_refused() {
    for current in [eur(2000), price(1999, "USD")] {
        Scenario::<Order>::given(a_draft_of([an_item(1)]))
            .when(add(an_item(1).at(current)))
            .then_refused(OrderRefusal::PriceDiffersFromLine {
                product_id: product_id(1),
                line: eur(1999),
                current,
            });
    }
}

#[test]
fn a_discontinued_product_is_refused() {
    let refusal = OrderRefusal::ProductDiscontinued {
        product_id: product_id(2),
    };
    // Whatever else is wrong with it, and whether the order has it already.
    for past in [a_draft_of([an_item(1)]), a_draft_of([an_item(1), an_item(2)])] {
        for item in [an_item(2), an_item(2).at(eur(1)), an_item(2).expecting(eur(1))] {
            Scenario::<Order>::given(past.clone())
                .when(add(item.discontinued()))
                .then_refused(refusal.clone());
        }
    }
    Scenario::<Order>::creating(creation([an_item(1), an_item(2).discontinued()])).then_refused(refusal);
}

#[test]
fn a_line_keeps_the_name_that_its_product_had_when_it_was_added() {
    let order = Scenario::<Order>::given(a_draft_of([an_item(1)]))
        .when(add(an_item(1).named("Renamed since")))
        .then_state([an_item(1).named("Renamed since").added()]);
    let names: Vec<_> = order
        .lines
        .iter()
        .map(|line| line.product_name.as_str())
        .collect();
    assert_eq!(names, ["Product 1"]);
}

#[test]
fn a_line_has_a_largest_quantity() {
    let max = i64::from(Quantity::MAX);
    Scenario::<Order>::given(a_draft_of([an_item(1).pieces(max - 1)]))
        .when(add(an_item(1)))
        .then([an_item(1).added()]);
    Scenario::<Order>::given(a_draft_of([an_item(1).pieces(max)]))
        .when(add(an_item(1)))
        .then_refused(OrderRefusal::QuantityTooLarge {
            product_id: product_id(1),
        });
}

#[test]
fn an_order_has_one_currency_until_it_is_empty_again() {
    let usd = || an_item(2).at(price(5, "USD"));
    Scenario::<Order>::given(a_draft_of([an_item(1)]))
        .when(add(usd()))
        .then_refused(OrderRefusal::CurrencyMismatch {
            product_id: product_id(2),
            order: eur(0).currency(),
            product: price(0, "USD").currency(),
        });
    let emptied = a_draft_of([an_item(1)]).into_iter().chain([removed(1)]);
    Scenario::<Order>::given(emptied)
        .when(add(usd()))
        .then([usd().added()]);
}

#[test]
fn an_order_has_two_hundred_lines_at_most() {
    let full = || a_draft_of((1..=200).map(an_item));
    Scenario::<Order>::given(full())
        .when(add(an_item(201)))
        .then_refused(OrderRefusal::TooManyLines);
    Scenario::<Order>::given(full())
        .when(add(an_item(200)))
        .then([an_item(200).added()]);
    Scenario::<Order>::creating(creation((1..=201).map(an_item))).then_refused(OrderRefusal::TooManyLines);
}

#[test]
fn a_total_beyond_64_bits_is_refused_before_it_is_submitted() {
    let most = || an_item(1).at(eur(i64::MAX));
    Scenario::<Order>::given(a_draft_order())
        .when(add(most()))
        .then([most().added()]);
    Scenario::<Order>::given(a_draft_order())
        .when(add(most().pieces(2)))
        .then_refused(OrderRefusal::AmountOverflow);
    Scenario::<Order>::given(a_draft_of([most()]))
        .when(add(an_item(2).at(eur(1))))
        .then_refused(OrderRefusal::AmountOverflow);
    Scenario::<Order>::given(a_draft_of([most()]))
        .when(add(an_item(2).at(eur(0))))
        .then([an_item(2).at(eur(0)).added()]);
    Scenario::<Order>::given(a_draft_of([most()]))
        .when(change_quantity(1, 2))
        .then_refused(OrderRefusal::AmountOverflow);
}

#[test]
fn a_quantity_is_changed() {
    let order = Scenario::<Order>::given(a_draft_of([an_item(1), an_item(2)]))
        .when(change_quantity(1, 7))
        .then_state([quantity_changed(1, 7)]);
    assert_eq!(order.lines.total(), Some(eur(8 * 1999).money()));
}

#[test]
fn the_same_quantity_changes_nothing() {
    Scenario::<Order>::given(a_draft_of([an_item(1).pieces(7)]))
        .when(change_quantity(1, 7))
        .then_nothing_happened();
}

#[test]
fn an_item_is_removed() {
    let order = Scenario::<Order>::given(a_draft_of([an_item(1), an_item(2)]))
        .when(remove(1))
        .then_state([removed(1)]);
    assert_eq!(order.lines.total(), Some(eur(1999).money()));
    let order = Scenario::<Order>::given(a_draft_of([an_item(1)]))
        .when(remove(1))
        .then_state([removed(1)]);
    assert_eq!((order.lines.len(), order.lines.total()), (0, None));
}

#[test]
fn what_is_not_in_the_order_cannot_be_changed_or_removed() {
    for command in [change_quantity(2, 1), remove(2)] {
        Scenario::<Order>::given(a_draft_of([an_item(1)]))
            .when(command)
            .then_refused(OrderRefusal::ItemNotInOrder {
                product_id: product_id(2),
            });
    }
}

#[test]
fn a_draft_with_items_is_submitted() {
    let items = [an_item(1).pieces(2), an_item(2).at(eur(2))];
    let order = Scenario::<Order>::given(a_draft_of(items))
        .when(OrderCommand::Submit)
        .then_state([OrderEvent::Submitted {
            total: eur(4000).money(),
        }]);
    assert_eq!(order.status, OrderStatus::Submitted);
}

#[test]
fn a_gift_is_not_empty() {
    Scenario::<Order>::given(a_draft_of([an_item(1).at(eur(0))]))
        .when(OrderCommand::Submit)
        .then([OrderEvent::Submitted {
            total: eur(0).money(),
        }]);
}

#[test]
fn an_empty_draft_is_not_submitted() {
    let emptied = a_draft_of([an_item(1)]).into_iter().chain([removed(1)]);
    for past in [a_draft_order(), emptied.collect()] {
        Scenario::<Order>::given(past)
            .when(OrderCommand::Submit)
            .then_refused(OrderRefusal::EmptyOrder);
    }
}
