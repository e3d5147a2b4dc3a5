//! An answer to a query with a token shows at least that version, or says plainly that it does not yet.

use std::collections::HashMap;

use serde_json::Value;
use shared_events::{AggregateType, ConsistencyToken, CustomerEvent, Event, ProductEvent};
use uuid::Uuid;

use crate::context::Context;
use crate::history::{History, Read};
use crate::reading::{is_of_the_past, resource, token_of};
use crate::report::Verdict;
use crate::telling;

const PROMISED: &str = "an answer to a token shows at least that version";

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let names = Names::of(context);
    for read in &history.reads {
        if let Some(token) = read.token.as_deref().and_then(|token| token.parse().ok())
            && !is_of_the_past(read)
        {
            match read.status {
                Some(200) => shows(&mut verdict, &names, read, token),
                Some(404) => hides(&mut verdict, context, read, token),
                _ => {}
            }
        }
        // What it promises to who sends its token elsewhere.
        if let Some((token, version)) = token_of(read.got_token.as_deref(), read) {
            verdict.compare();
            if token > version {
                verdict.violate(
                    "an answer's token names what it shows",
                    format!("it names version {token}, and shows {version}"),
                    [telling::read(read)],
                );
            }
        }
    }
    verdict
}

fn shows(verdict: &mut Verdict, names: &Names, read: &Read, token: ConsistencyToken) {
    let document = format!("{}:{}", token.aggregate, token.id);
    if let Some(version) = read.shown.get(&document) {
        verdict.compare();
        if *version < token.version {
            let seen = format!("it shows {document} at version {version}");
            verdict.violate(PROMISED, seen, [telling::read(read)]);
        }
    }
    let Some(body) = &read.body else {
        return;
    };
    for (id, name) in named(body) {
        if id != token.id {
            continue;
        }
        verdict.compare();
        if !names.since(token).any(|known| known == name) {
            let since: Vec<&str> = names.since(token).collect();
            let seen = format!("it calls {document} {name:?}, which since then was called {since:?}");
            verdict.violate(PROMISED, seen, [telling::read(read)]);
        }
    }
}

/// It says that the token's own document is not there.
fn hides(verdict: &mut Verdict, context: &Context<'_>, read: &Read, token: ConsistencyToken) {
    let collection = match token.aggregate {
        AggregateType::Customer => "customers",
        AggregateType::Product => "products",
        AggregateType::Order => "orders",
        AggregateType::Invoice => "invoices",
        AggregateType::OrderForInvoicing | AggregateType::OrderForDelivery => return,
    };
    if resource(read) != format!("/v1/{collection}/{}", token.id) {
        return;
    }
    verdict.compare();
    if context
        .event(token.aggregate.as_str(), token.id, token.version)
        .is_some()
    {
        verdict.violate(PROMISED, "it says that there is none", [telling::read(read)]);
    }
}

/// Of customers and products in an order, or in the items of a list.
fn named(body: &Value) -> Vec<(Uuid, &str)> {
    let mut found = Vec::new();
    let orders = match body["items"].as_array() {
        Some(items) if body["id"].is_null() => items.iter().collect(),
        _ => vec![body],
    };
    for order in orders {
        found.extend(pair(order, "customer"));
        let lines = order["items"].as_array().into_iter().flatten();
        found.extend(lines.filter_map(|line| pair(line, "product")));
    }
    found
}

fn pair<'a>(of: &'a Value, what: &str) -> Option<(Uuid, &'a str)> {
    let id = of[format!("{what}_id")].as_str()?.parse().ok()?;
    Some((id, of[format!("{what}_name")].as_str()?))
}

/// What customers and products were called, with the version from which on.
struct Names(HashMap<Uuid, Vec<(u64, String)>>);

impl Names {
    fn of(context: &Context<'_>) -> Self {
        let mut names: HashMap<Uuid, Vec<(u64, String)>> = HashMap::new();
        for stood in &context.events {
            let name = match &stood.says {
                Some(Event::Customer(CustomerEvent::Registered(event))) => &event.name,
                Some(Event::Customer(CustomerEvent::Renamed(event))) => &event.name,
                Some(Event::Product(ProductEvent::Added(event))) => &event.name,
                Some(Event::Product(ProductEvent::Renamed(event))) => &event.name,
                _ => continue,
            };
            let names = names.entry(stood.event.stream).or_default();
            names.push((stood.event.version, name.clone()));
        }
        Self(names)
    }

    /// The name at the token's version and all later ones.
    fn since(&self, token: ConsistencyToken) -> impl Iterator<Item = &str> {
        let names = self.0.get(&token.id).map_or(&[][..], Vec::as_slice);
        let then = names.iter().rposition(|(from, _)| *from <= token.version);
        names[then.unwrap_or(0)..].iter().map(|(_, name)| name.as_str())
    }
}
