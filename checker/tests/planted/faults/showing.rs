//! What the read side made of the events, and how it answered.

use checker::history::{Read, Shown, Sighting};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Planted, planted};
use crate::story::Story;

pub const FAULTS: &[Planted] = &[
    planted(
        "the projector committed first: a document is behind at rest",
        &["I5"],
        |story| {
            let order = story.delivered;
            let last = story.event_of_type(order, "OrderDeliveredV1").event_id;
            story.never_applied(last, &["orders", "order-list", "search", "sales-status"]);
        },
    ),
    planted("an invoice's payment was never applied", &["I5"], |story| {
        let order = story.delivered;
        story.answer("invoices", crate::shop::invoice_of(order)).body["paid"]["amount"] = json!(0);
    }),
    planted("a document is missing at rest", &["I5"], |story| {
        let draft = story.draft.to_string();
        story
            .history
            .answers
            .retain(|shown| shown.kind != "orders" || shown.id != draft);
    }),
    planted(
        "a read model was never asked: none of its answers is there",
        &["I5"],
        |story| {
            story.history.answers.retain(|shown| shown.kind != "deliveries");
        },
    ),
    planted("a document is shown that no event tells of", &["I5"], |story| {
        let mut ghost = story.answer("customers", story.customer).clone();
        ghost.id = Uuid::from_u128(66).to_string();
        story.history.answers.push(ghost);
    }),
    planted("a list shows an order twice", &["I5"], |story| {
        let again = story.answer("order-list", story.draft).clone();
        story.history.answers.push(again);
    }),
    planted(
        "an event was applied twice: a quantity is doubled",
        &["I5"],
        |story| {
            let order = story.delivered;
            story.answer("orders", order).body["items"][0]["quantity"] = json!(6);
        },
    ),
    planted("a sale was counted twice", &["I5"], |story| {
        let day = figure(story, "sales-daily");
        let (orders, revenue) = (&day["orders"], &day["revenue"]["amount"]);
        let (orders, revenue) = (
            orders.as_i64().expect("a count"),
            revenue.as_i64().expect("an amount"),
        );
        (day["orders"], day["revenue"]["amount"]) = (json!(orders + 1), json!(revenue * 2));
    }),
    planted("a sale that was taken back is still counted", &["I5"], |story| {
        let product = figure(story, "sales-products");
        product["quantity"] = json!(product["quantity"].as_i64().expect("a count") + 1);
    }),
    planted("an order counts under its old status, too", &["I5"], |story| {
        let mut one = story
            .history
            .answers
            .iter()
            .find(|shown| shown.kind == "sales-status")
            .expect("one")
            .clone();
        (one.id, one.body) = ("confirmed".to_owned(), json!({"status": "confirmed", "count": 1}));
        story.history.answers.push(one);
    }),
    planted("a new name was not followed in an order", &["I5"], |story| {
        let order = story.delivered;
        story.answer("orders", order).body["customer_name"] = json!("Augusta Byron");
    }),
    planted("a new name is not found by a search", &["I5"], |story| {
        let order = story.delivered;
        story.answer("search", order).body["customer_name"] = json!("Augusta Byron");
    }),
    planted("an entry of the history is missing", &["I5"], |story| {
        let order = story.delivered;
        let entries = story.answer("order-history", order).body["items"].as_array_mut();
        entries.expect("entries").remove(2);
    }),
    planted("the history names another actor", &["I5"], |story| {
        let order = story.delivered;
        story.answer("order-history", order).body["items"][0]["actor"] = json!("mallory");
    }),
    planted(
        "a cancellation was lost on its way to delivery",
        &["I5"],
        |story| {
            let order = story.taken_back;
            story.answer("deliveries", order).body["status"] = json!("requested");
        },
    ),
    planted(
        "a version was compared with the wrong sign: a document moved back",
        &["I6"],
        |story| {
            let order = story.delivered;
            sight(story, order, Some(2));
        },
    ),
    planted("a document was really deleted", &["I6"], |story| {
        let order = story.delivered;
        sight(story, order, None);
    }),
    planted(
        "a late write brought a deleted document back, older",
        &["I6"],
        |story| {
            let order = story.delivered;
            sight(story, order, None);
            sight(story, order, Some(1));
        },
    ),
    planted(
        "a client that stays on one replica was shown less",
        &["I6"],
        |story| {
            shows_less(story, 3);
        },
    ),
    planted("an answer's token names less than it shows", &["I6"], |story| {
        let read = found(story, 3);
        read.got_token = read.got_token.as_ref().map(|token| before(token));
    }),
    planted(
        "a token off by one: the answer shows the version before it",
        &["I7"],
        |story| {
            shows_less(story, 4);
        },
    ),
    planted("a token was answered from a stale cache", &["I7"], |story| {
        shows_less(story, 4);
        found(story, 4).age = Some(30);
    }),
    planted("a token was answered with 404", &["I7"], |story| {
        let read = found(story, 4);
        (read.status, read.problem) = (Some(404), Some("/problems/not-found".to_owned()));
        read.shown.clear();
        read.got_token = None;
    }),
    planted(
        "a customer's token was answered with the old name",
        &["I7"],
        |story| {
            let mut reads = story.history.reads.iter_mut();
            let read = reads.find(|read| read.body.is_some()).expect("one with a body");
            read.body.as_mut().expect("it has")["customer_name"] = json!("Augusta Byron");
        },
    ),
    planted("an answer's token names more than it shows", &["I7"], |story| {
        let read = found(story, 3);
        let after = read.shown.values().next().expect("a version") + 1;
        let token = read.got_token.as_ref().expect("a token");
        let (document, _) = token.rsplit_once(':').expect("a version");
        read.got_token = Some(format!("{document}:{after}"));
    }),
];

fn figure<'a>(story: &'a mut Story, kind: &str) -> &'a mut Value {
    let mut answers = story.history.answers.iter_mut();
    let shown: Option<&mut Shown> = answers.find(|shown| shown.kind == kind);
    &mut shown.expect("figures").body
}

fn sight(story: &mut Story, order: Uuid, version: Option<u64>) {
    let last = story.history.sightings.last().expect("somebody looked").at;
    story.history.sightings.push(Sighting {
        at: last + 1_000,
        index: "orders-1".to_owned(),
        id: order.to_string(),
        version,
    });
}

/// The client's last look at the delivered order.
fn found(story: &mut Story, client: u32) -> &mut Read {
    let path = format!("/v1/orders/{}", story.delivered);
    let mut reads = story.history.reads.iter_mut().rev();
    reads
        .find(|read| {
            read.client == client && read.path == path && read.status == Some(200) && read.body.is_none()
        })
        .expect("it looked")
}

fn shows_less(story: &mut Story, client: u32) {
    let read = found(story, client);
    read.got_token = read.got_token.as_ref().map(|token| before(token));
    for version in read.shown.values_mut() {
        *version = 2;
    }
    let token = read.got_token.clone().expect("a token");
    let (document, _) = token.rsplit_once(':').expect("a version");
    read.got_token = Some(format!("{document}:2"));
}

fn before(token: &str) -> String {
    let (document, version) = token.rsplit_once(':').expect("a version");
    let version: u64 = version.parse().expect("a version");
    format!("{document}:{}", version - 1)
}
