//! Every answer of the query service beside what the event store says that it must be.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use checker::fold::{Expected, history, normalised, order_as_of, without_nulls};
use chrono::SecondsFormat;
use futures_util::future::try_join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::queries::Queries;
use crate::system::System;
use crate::{eventually, stored};

/// What was compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub orders: usize,
    pub events: usize,
    pub customers: usize,
    pub products: usize,
    pub invoices: usize,
    pub deliveries: usize,
    pub days: usize,
}

/// Waits until nothing is queued or unpublished, and then until every answer is as told; twice: nothing that was right may
/// become wrong.
pub async fn all_are_as_folded(system: &System, queries: &Queries, limit: Duration) -> Result<Compared> {
    eventually("the queue of commands is empty", limit, async || {
        let row = system
            .database
            .query_one("SELECT count(*) FROM command_queue", &[])
            .await?;
        Ok((row.get::<_, i64>(0) == 0).then_some(()))
    })
    .await?;
    let expected = stored::expected(&system.database).await?;
    let mut last = Vec::new();
    eventually("every answer is as folded", limit, async || {
        last = differences(system, &expected, queries).await?;
        Ok(last.is_empty().then_some(()))
    })
    .await
    .with_context(|| format!("{} answers differ:\n{}", last.len(), shown(&last)))?;
    let again = differences(system, &expected, queries).await?;
    ensure!(
        again.is_empty(),
        "answers moved away from the fold:\n{}",
        shown(&again)
    );
    Ok(Compared {
        orders: expected.order_ids().count(),
        events: expected.events,
        customers: expected.customers().len(),
        products: expected.products().len(),
        invoices: expected.invoices().len(),
        deliveries: expected.deliveries()?.len(),
        days: expected.sales_daily().len(),
    })
}

fn shown(differences: &[String]) -> String {
    differences
        .iter()
        .take(3)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

async fn differences(system: &System, expected: &Expected, queries: &Queries) -> Result<Vec<String>> {
    let mut found = Differences {
        queries,
        list: Vec::new(),
    };
    let orders: BTreeMap<Uuid, Value> = expected
        .order_ids()
        .filter_map(|id| Some((id, expected.order(id)?)))
        .collect();
    let deliveries = expected.deliveries()?;
    found.details("/v1/orders", &orders).await?;
    found.details("/v1/customers", &expected.customers()).await?;
    found.details("/v1/products", &expected.products()).await?;
    found.details("/v1/invoices", &expected.invoices()).await?;
    found.details("/v1/deliveries", &deliveries).await?;
    for id in orders.keys().filter(|id| !deliveries.contains_key(id)) {
        let path = format!("/v1/deliveries/{id}");
        let (status, answer) = queries.get(&path).await?;
        if status != StatusCode::NOT_FOUND {
            found.differ(&path, &Value::Null, &answer);
        }
    }
    found
        .list("/v1/orders", "id", &expected.order_summaries())
        .await?;
    found.list("/v1/customers", "id", &expected.customers()).await?;
    found.list("/v1/products", "id", &expected.products()).await?;
    found.list("/v1/invoices", "id", &expected.invoices()).await?;
    found.list("/v1/deliveries", "order_id", &deliveries).await?;
    found
        .figures("/v1/sales/daily", "date", &expected.sales_daily())
        .await?;
    found
        .figures("/v1/sales/products", "product_id", &expected.sales_products())
        .await?;
    found
        .figures("/v1/sales/status", "status", &expected.sales_status())
        .await?;
    for id in orders.keys() {
        found.history(system, *id).await?;
    }
    Ok(found.list)
}

struct Differences<'a> {
    queries: &'a Queries,
    list: Vec<String>,
}

impl Differences<'_> {
    fn differ(&mut self, path: &str, expected: &Value, found: &Value) {
        self.list
            .push(format!("{path}: expected {expected:#}\nfound {found:#}"));
    }

    fn compare(&mut self, path: &str, expected: &Value, found: Value) -> Result<()> {
        let (expected, found) = (without_nulls(expected.clone()), without_nulls(normalised(found)?));
        if expected != found {
            self.differ(path, &expected, &found);
        }
        Ok(())
    }

    async fn details(&mut self, path: &str, expected: &BTreeMap<Uuid, Value>) -> Result<()> {
        let ids: Vec<Uuid> = expected.keys().copied().collect();
        for part in ids.chunks(16) {
            let answers = part.iter().map(async |id| {
                let path = format!("{path}/{id}");
                let (_, answer) = self.queries.get(&path).await?;
                anyhow::Ok((path, *id, answer))
            });
            for (path, id, answer) in try_join_all(answers).await? {
                self.compare(&path, &expected[&id], answer)?;
            }
        }
        Ok(())
    }

    /// Every item of a list. That its total differs is a difference of now: an invoice whose issuing has yet to arrive is
    /// counted and not shown.
    async fn items(&mut self, path: &str) -> Result<Vec<Value>> {
        let (items, total) = self.queries.pages(path, None).await?;
        if total != items.len() {
            self.differ(&format!("{path}, its total"), &json!(items.len()), &total);
        }
        Ok(items)
    }

    async fn list(&mut self, path: &str, key: &str, expected: &BTreeMap<Uuid, Value>) -> Result<()> {
        let mut missing = expected.clone();
        let mut before: Option<i64> = None;
        for item in self.items(path).await? {
            let id: Uuid = item[key]
                .as_str()
                .with_context(|| format!("{path}: no {key}"))?
                .parse()?;
            let created = normalised(item.clone())?["created_at"].as_i64();
            if before
                .zip(created)
                .is_some_and(|(before, created)| created > before)
            {
                self.differ(path, &json!("the newest first"), &item);
            }
            before = created;
            match missing.remove(&id) {
                Some(expected) => self.compare(path, &expected, item)?,
                None => self.differ(path, &Value::Null, &item),
            }
        }
        for expected in missing.values() {
            self.differ(path, expected, &Value::Null);
        }
        Ok(())
    }

    /// Lines of a statistic; what was not sold may be left out or be zero.
    async fn figures(&mut self, path: &str, key: &str, expected: &BTreeMap<String, Value>) -> Result<()> {
        let mut missing = expected.clone();
        for item in self.items(path).await? {
            if item["count"] == 0 {
                continue;
            }
            let name = item[key].as_str().with_context(|| format!("{path}: no {key}"))?;
            let name = match item["revenue"]["currency"].as_str() {
                Some(currency) => format!("{name} {currency}"),
                None => name.to_owned(),
            };
            match missing.remove(&name) {
                Some(expected) => self.compare(path, &expected, item)?,
                None => self.differ(path, &Value::Null, &item),
            }
        }
        for expected in missing.values() {
            self.differ(path, expected, &Value::Null);
        }
        Ok(())
    }

    async fn history(&mut self, system: &System, id: Uuid) -> Result<()> {
        let path = format!("/v1/orders/{id}/history");
        let events = stored::of_order(&system.database, id).await?;
        let expected = json!(history(&events)?);
        let (status, answer) = self.queries.get(&path).await?;
        if status == StatusCode::NOT_FOUND {
            // Not even its first event has arrived.
            self.differ(&path, &expected, &answer);
            return Ok(());
        }
        let found = self.items(&path).await?;
        self.compare(&path, &expected, json!(found))?;
        let moments = order_as_of(id, &events)?;
        for (at, (time, expected)) in moments.iter().enumerate() {
            let version = at + 1;
            let path = format!("/v1/orders/{id}?as_of={version}");
            let (_, found) = self.queries.get(&path).await?;
            self.compare(&path, expected, found)?;
            // Events of one command share their time: the last of them is what the order was then.
            if moments.get(version).is_none_or(|(next, _)| next > time) {
                let time = time.to_rfc3339_opts(SecondsFormat::Micros, true);
                let path = format!("/v1/orders/{id}?as_of={time}");
                let (_, found) = self.queries.get(&path).await?;
                self.compare(&path, expected, found)?;
            }
        }
        Ok(())
    }
}
