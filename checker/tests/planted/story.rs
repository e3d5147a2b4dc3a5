//! A true history, small and with something of everything.

use std::collections::BTreeMap;

use checker::History;
use checker::fold::{Expected, history};
use checker::history::{Account, DeadLetter, Fault, Lag, Read, Rebuild, Record, Rest, Shown, StoredEvent};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use shared_events::AggregateType::{self, Order, Product};
use uuid::Uuid;

use crate::shop::{Shop, invoice_of};
use crate::world::{Manner, done, keyed, refusal, unknown};

/// The history, and what those who plant faults in it want to find again.
#[derive(Clone)]
pub struct Story {
    pub history: History,
    /// Paid, shipped and delivered; of the customer that was renamed.
    pub delivered: Uuid,
    /// Cancelled when it was submitted.
    pub cancelled: Uuid,
    /// Cancelled when it was confirmed, by hand.
    pub taken_back: Uuid,
    pub draft: Uuid,
    pub customer: Uuid,
    /// Whose price rivals changed with one `If-Match`.
    pub contested: Uuid,
}

pub fn story() -> Story {
    let mut shop = Shop::default();
    let customer = shop.register(Manner::default(), "Augusta Byron");
    let other = shop.register(keyed("register"), "Grace Hopper");
    let product = shop.add_product(keyed("add"), "Abacus");
    let contested = shop.add_product(Manner::default(), "Astrolabe");
    let first = shop.create(keyed("before"), other, product, 1);
    shop.world.listens(1);
    shop.world.listens(2);

    let delivered = shop.create(keyed("create"), customer, product, 3);
    shop.submit(keyed("submit"), delivered);
    look(&mut shop, delivered);
    shop.world.is_cut(1);
    shop.pay(keyed("pay"), delivered);
    shop.ship(Manner::default(), delivered);
    shop.world.resumes(1);
    look(&mut shop, delivered);
    shop.deliver(keyed("deliver"), delivered);

    let cancelled = shop.create(Manner::default(), other, contested, 2);
    shop.submit(Manner::default(), cancelled);
    shop.cancel(keyed("cancel"), cancelled);
    shop.world.is_cut(2);
    let taken_back = shop.create(keyed("create again"), customer, contested, 1);
    let deferred = Manner {
        deferred: true,
        ..keyed("deferred")
    };
    shop.submit(deferred, taken_back);
    shop.confirm(keyed("confirm"), taken_back);
    shop.cancel(keyed("take back"), taken_back);
    shop.world.resumes(2);
    let draft = unsure(&mut shop, customer, product);
    refused(&mut shop, draft);
    rivals(&mut shop, contested);
    let renamed = shop.rename_customer(keyed("rename"), customer, "Ada Lovelace");
    let token = format!("customer:{customer}:{}", renamed.version);
    by_token(&mut shop, delivered, &token);
    look(&mut shop, delivered);
    shop.cancel(keyed("cancel first"), first);
    strays(&mut shop);

    let mut history = shop.world.history;
    let now = shop.world.now;
    observed(&mut history, now);
    history.answers = answers(&history.events);
    Story {
        history,
        delivered,
        cancelled,
        taken_back,
        draft,
        customer,
        contested,
    }
}

/// A client stays on a replica, and one goes round with its token.
fn look(shop: &mut Shop, order: Uuid) {
    let version = shop.world.version(Order, order);
    let (path, shown) = (format!("/v1/orders/{order}"), ("order", order, version));
    let token = format!("order:{order}:{version}");
    shop.world.read((3, 0), &path, None, shown);
    shop.world.read((4, 0), &path, Some(&token), shown);
    shop.world.read((4, 1), &path, Some(&token), shown);
    shop.world.refused(
        (4, 1),
        &path,
        Some(&format!("order:{order}:{}", version + 1)),
        503,
        "not-yet-visible",
    );
    let invoice = invoice_of(order);
    let version = shop.world.version(AggregateType::Invoice, invoice);
    shop.world.read(
        (3, 0),
        &format!("/v1/invoices/{invoice}"),
        None,
        ("invoice", invoice, version),
    );
}

/// The order by the customer's token: under the customer's new name.
fn by_token(shop: &mut Shop, order: Uuid, token: &str) {
    let version = shop.world.version(Order, order);
    shop.world.read(
        (4, 0),
        &format!("/v1/orders/{order}"),
        Some(token),
        ("order", order, version),
    );
    let customer = token.split(':').nth(1);
    let read = shop.world.history.reads.last_mut().expect("just read");
    read.body = Some(json!({"id": order, "customer_id": customer, "customer_name": "Ada Lovelace"}));
}

/// Sent until there is an answer: unknown, turned away, in flight, and then what it was answered first.
fn unsure(shop: &mut Shop, customer: Uuid, product: Uuid) -> Uuid {
    let (id, manner) = (shop.world.id(), keyed("insisted"));
    let body = json!({"order_id": id, "customer_id": customer});
    let ran = shop.create_unanswered(manner.key, id, customer, product, 5);
    let answers = [
        refusal(503, "overloaded"),
        unknown(),
        refusal(409, "idempotency-key-in-flight"),
        refusal(503, "unavailable"),
        done(201, Order, &ran),
        done(201, Order, &ran),
    ];
    for answer in answers {
        shop.world
            .call(manner, "create_order", (Order, Some(id)), body.clone(), answer);
    }
    // Of another nobody ever heard, and it is not there.
    shop.world.call(
        keyed("lost"),
        "create_order",
        (Order, Some(Uuid::from_u128(9))),
        json!({}),
        unknown(),
    );
    id
}

/// A draft cannot be shipped, however often it is asked for.
fn refused(shop: &mut Shop, draft: Uuid) {
    let command = shop.world.id();
    shop.world.record(
        "ship_order",
        (Order, draft),
        Some("ship"),
        (command, None),
        Err("illegal-transition"),
    );
    for _ in 0..2 {
        let answer = refusal(409, "illegal-transition");
        shop.world.call(
            keyed("ship"),
            "ship_order",
            (Order, Some(draft)),
            json!({}),
            answer,
        );
    }
}

/// Three writers with one `If-Match`.
fn rivals(shop: &mut Shop, product: Uuid) {
    let seen = shop.world.version(Product, product);
    let ran = shop.change_price(Some("rival 1"), product, 1);
    for rival in 0..3 {
        let key = format!("rival {rival}");
        let manner = Manner {
            client: rival,
            if_match: Some(seen),
            ..keyed(&key)
        };
        let answer = match rival {
            1 => done(200, Product, &ran),
            _ => {
                let command = shop.world.id();
                let key = Some(key.as_str());
                shop.world.record(
                    "change_product_price",
                    (Product, product),
                    key,
                    (command, None),
                    Err("precondition-failed"),
                );
                refusal(412, "precondition-failed")
            }
        };
        let body = json!({"rival": rival});
        shop.world.call(
            manner,
            "change_product_price",
            (Product, Some(product)),
            body,
            answer,
        );
    }
}

/// What the harness put into topics: an event again, and garbage.
fn strays(shop: &mut Shop) {
    let again = shop.world.history.events[0].clone();
    shop.world.publish(&again, true);
    let garbage = StoredEvent {
        aggregate: "product".to_owned(),
        stream: Uuid::nil(),
        version: 0,
        event_type: String::new(),
        payload: b"not an event".to_vec(),
        ..again
    };
    shop.world.publish(&garbage, true);
    let Record {
        topic,
        partition,
        offset,
        ..
    } = shop.world.history.records.last().expect("just put").clone();
    shop.world.history.dead_letters.push(DeadLetter {
        projection: "products".to_owned(),
        topic,
        partition,
        offset,
        kind: "not-framed".to_owned(),
        cause: "no magic byte".to_owned(),
        expected: true,
    });
}

/// What the harness did and saw while it ran.
fn observed(history: &mut History, now: u64) {
    const SECOND: u64 = 1_000_000;
    let began = now + SECOND;
    let healed = began + 5 * SECOND;
    history.faults.push(Fault {
        name: "relay-frozen".to_owned(),
        detail: "relay 1".to_owned(),
        began,
        healed,
        recovered_after: Some(400_000),
    });
    let lag = |of: &str, at: u64, told: f64, at_least: f64, stopped_for: Option<f64>| Lag {
        at,
        of: of.to_owned(),
        process: "command api 1".to_owned(),
        told: Some(told),
        at_least,
        stopped_for,
    };
    history.lags = vec![
        lag("outbox", began - SECOND, 0.0, 0.0, None),
        lag("outbox", began + 2 * SECOND, 1.6, 2.0, Some(2.0)),
        lag("outbox", began + 4 * SECOND, 3.9, 4.0, Some(4.0)),
        lag("orders", began + 4 * SECOND, 0.2, 0.0, None),
    ];
    let rebuilt = healed + 60 * SECOND;
    history.rebuilds.push(Rebuild {
        projection: "orders".to_owned(),
        began: rebuilt,
        ended: rebuilt + 4 * SECOND,
        compared: 5,
        differing: 0,
        detail: "swapped in".to_owned(),
    });
    let read: Read = history.reads.last().expect("somebody read").clone();
    for (second, status) in [(1, 200), (2, 200), (3, 404)] {
        let sent = rebuilt + second * SECOND;
        history.reads.push(Read {
            client: 5,
            token: None,
            sent,
            ended: sent + 1_000,
            status: Some(status),
            ..read.clone()
        });
    }
    let records = history
        .records
        .iter()
        .filter(|record| record.topic == "ordering.products");
    let consumed = records.count() as u64;
    let outcomes = [
        ("applied", consumed - 2),
        ("superseded", 1),
        ("parked", 0),
        ("dead_lettered", 1),
    ];
    history.accounts.push(Account {
        process: "projector 1".to_owned(),
        projection: "products".to_owned(),
        consumed,
        outcomes: BTreeMap::from(outcomes.map(|(outcome, count)| (outcome.to_owned(), count))),
    });
    history.rest = Some(Rest {
        last_fault_healed: healed,
        level_at: Some(healed + 2 * SECOND),
        limit: 60 * SECOND,
        detail: String::new(),
    });
}

/// What the query service answers when it has made of the events what it should.
pub fn answers(events: &[StoredEvent]) -> Vec<Shown> {
    let mut sorted = events.to_vec();
    sorted.sort_by_key(|event| (event.aggregate.clone(), event.stream, event.version));
    let expected = Expected::of(&sorted).expect("a true history");
    let mut answers = Vec::new();
    let mut show = |kind: &str, id: String, body: Value| {
        answers.push(Shown {
            kind: kind.to_owned(),
            id,
            body: on_the_wire(body),
        });
    };
    for id in expected.order_ids() {
        show("orders", id.to_string(), expected.order(id).expect("it is there"));
    }
    for own in sorted.chunk_by(|one, other| one.stream == other.stream && one.aggregate == other.aggregate) {
        if own[0].aggregate == "order" {
            let entries = history(own).expect("they can be read");
            let body = json!({"items": entries, "total": own.len()});
            show("order-history", own[0].stream.to_string(), body);
        }
    }
    for (id, mut summary) in expected.order_summaries() {
        show("order-list", id.to_string(), summary.clone());
        summary["highlights"] = json!({"customer_name": ["<em>Ada</em>"]});
        show("search", id.to_string(), summary);
    }
    let documents = [
        ("customers", expected.customers()),
        ("products", expected.products()),
        ("invoices", expected.invoices()),
        ("deliveries", expected.deliveries().expect("told as it was")),
    ];
    for (kind, documents) in documents {
        for (id, body) in documents {
            show(kind, id.to_string(), body);
        }
    }
    let figures = [
        ("sales-daily", expected.sales_daily()),
        ("sales-products", expected.sales_products()),
        ("sales-status", expected.sales_status()),
    ];
    for (kind, lines) in figures {
        for (of, body) in lines {
            show(kind, of, body);
        }
    }
    show(
        "sales-status",
        "shipped".to_owned(),
        json!({"status": "shipped", "count": 0}),
    );
    answers
}

/// Times as an answer spells them.
fn on_the_wire(mut value: Value) -> Value {
    fn spell(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_i64().filter(|_| name.ends_with("_at")) {
                        Some(micros) => {
                            let time = DateTime::from_timestamp_micros(micros).expect("in reach");
                            *value = json!(time.to_rfc3339_opts(SecondsFormat::Micros, true));
                        }
                        None => spell(value),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(spell),
            _ => {}
        }
    }
    spell(&mut value);
    value
}
