//! A history of the size of a long run.

use std::time::Duration;

use checker::history::Rest;

use crate::shop::Shop;
use crate::story::answers;
use crate::world::{Manner, keyed};

/// With 5 commands and 13 events each.
const ORDERS: usize = 1_500;
/// Nothing may take time that grows faster than the history.
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_large_history_is_checked_in_time() {
    let orders = std::env::var("CHECKER_ORDERS").map_or(ORDERS, |orders| orders.parse().expect("a number"));
    let mut shop = Shop::default();
    let customer = shop.register(Manner::default(), "Augusta Byron");
    let product = shop.add_product(Manner::default(), "Abacus");
    shop.world.listens(1);
    for number in 0..orders {
        let key = |what: &str| format!("{what} {number}");
        let order = shop.create(keyed(&key("create")), customer, product, 3);
        shop.submit(keyed(&key("submit")), order);
        shop.pay(keyed(&key("pay")), order);
        let token = format!("order:{order}:4");
        shop.world.read(
            (2, 0),
            &format!("/v1/orders/{order}"),
            Some(&token),
            ("order", order, 4),
        );
        shop.ship(Manner::default(), order);
        shop.deliver(keyed(&key("deliver")), order);
        shop.world.read(
            (2, 0),
            &format!("/v1/orders/{order}"),
            Some(&token),
            ("order", order, 6),
        );
    }
    let mut history = shop.world.history;
    history.answers = answers(&history.events);
    history.rest = Some(Rest {
        last_fault_healed: 0,
        level_at: Some(1),
        limit: 1,
        detail: String::new(),
    });
    let (calls, events) = (history.calls.len(), history.events.len());
    let started = busy();
    let report = checker::check(&history);
    let took = busy() - started;
    println!("{calls} commands, {events} events: {took:.1?}\n{report}");
    assert!(report.holds(), "{report}");
    assert!(took < LIMIT, "{calls} commands, {events} events: {took:.1?}");
}

/// For how long this thread has had a processor: others on the machine do not count.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}
