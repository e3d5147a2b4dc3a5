//! The history of a test's small run, for the checker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use checker::History;
use checker::history::{Answer, Call, Change, Micros, Read, Record, Rest, Shown};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared_events::topic::CHANGES;
use shared_events::{AggregateType, EventMetadata, wire};
use uuid::Uuid;

use crate::api::{self, Commands};
use crate::queries::Queries;
use crate::system::System;
use crate::{eventually, stored, topics};

/// A command as a test sends it.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Such as `submit_order`.
    pub command: &'a str,
    pub aggregate: &'a str,
    pub id: Option<Uuid>,
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    pub key: Option<&'a str>,
    pub if_match: Option<u64>,
}

/// What is seen while it runs. One client, one replica of each API.
pub struct Recorder {
    begun: Instant,
    history: Mutex<History>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            history: Mutex::default(),
        }
    }
}

impl Recorder {
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Micros {
        Micros::try_from(self.begun.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// Sends a command once.
    pub async fn call(&self, commands: &Commands, asked: Asked<'_>) -> Result<Answer> {
        let if_match = asked.if_match.map(|version| format!("\"{version}\""));
        let mut headers: Vec<(&str, &str)> = Vec::new();
        headers.extend(asked.key.map(|key| ("Idempotency-Key", key)));
        headers.extend(if_match.as_deref().map(|versions| ("If-Match", versions)));
        let sent = self.now();
        let answered = commands
            .ask(asked.method.clone(), &asked.path, &headers, asked.body.as_ref())
            .await;
        let answer = match answered {
            Ok(answer) => said(answer)?,
            Err(error) => Answer::Unknown {
                cause: format!("{error:#}"),
            },
        };
        self.history().calls.push(Call {
            client: 0,
            command: asked.command.to_owned(),
            aggregate: asked.aggregate.to_owned(),
            id: asked.id,
            body: asked.body.unwrap_or_default(),
            key: asked.key.map(str::to_owned),
            if_match: asked.if_match,
            deferred: false,
            replica: 0,
            sent,
            ended: self.now(),
            answer: answer.clone(),
        });
        Ok(answer)
    }

    /// Asks for a document with a token, and waits a second for what it names.
    pub async fn read(&self, queries: &Queries, path: &str, document: &str, token: &str) -> Result<()> {
        let sent = self.now();
        let seen = queries
            .ask(path, &[("Consistency-Token", token), ("Prefer", "wait=1")])
            .await?;
        let shown = seen.body["version"].as_u64();
        self.history().reads.push(Read {
            client: 0,
            replica: 0,
            path: path.to_owned(),
            token: Some(token.to_owned()),
            sent,
            ended: self.now(),
            status: Some(seen.status.as_u16()),
            problem: seen.body["type"].as_str().map(str::to_owned),
            shown: shown
                .map(|version| (document.to_owned(), version))
                .into_iter()
                .collect(),
            got_token: seen.header("consistency-token").map(str::to_owned),
            age: None,
            body: None,
        });
        Ok(())
    }

    /// Waits until nothing is on its way any more, and notes what stands everywhere then.
    pub async fn at_rest(self, system: &System, queries: &Queries, limit: Duration) -> Result<History> {
        eventually("outbox and queue are empty", limit, async || {
            let row = system
                .database
                .query_one(
                    "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM command_queue)",
                    &[],
                )
                .await?;
            Ok((row.get::<_, i64>(0) == 0).then_some(()))
        })
        .await?;
        eventually("every record is projected", limit, async || {
            Ok((topics::uncommitted_records(system).await? == 0).then_some(()))
        })
        .await?;
        // Lists see no more than the last refresh.
        let (elasticsearch, prefix) = (&system.servers.elasticsearch, system.index_prefix());
        let refresh = format!("{elasticsearch}/{prefix}*/_refresh");
        let refreshed = reqwest::Client::new().post(refresh).send().await?;
        refreshed.error_for_status()?;
        let level = self.now();
        let mut history = self.history.into_inner().unwrap_or_else(PoisonError::into_inner);
        history.rest = Some(Rest {
            last_fault_healed: level,
            level_at: Some(level),
            limit: Micros::try_from(limit.as_micros())?,
            detail: String::new(),
        });
        in_the_store(system, &mut history).await?;
        in_the_topics(system, &mut history)?;
        answered(queries, &mut history).await?;
        Ok(history)
    }
}

/// An answer in the checker's terms.
fn said(answer: api::Answer) -> Result<Answer> {
    let status = answer.status.as_u16();
    let said = answer.json()?;
    let uuid = |name: &str| -> Result<Uuid> { Ok(said[name].as_str().context("no id")?.parse()?) };
    Ok(match answer.status {
        StatusCode::ACCEPTED => Answer::Accepted {
            command_id: uuid("command_id")?,
            body: answer.body,
        },
        done if done.is_success() => Answer::Ok {
            status,
            id: uuid("id")?,
            version: said["version"].as_u64().context("no version")?,
            token: said["consistency_token"].as_str().context("no token")?.to_owned(),
            body: answer.body,
        },
        _ => Answer::Refused {
            status,
            problem: said["type"].as_str().unwrap_or_default().to_owned(),
            body: answer.body,
        },
    })
}

async fn in_the_store(system: &System, history: &mut History) -> Result<()> {
    let History {
        events,
        outcomes,
        left,
        ..
    } = history;
    stored::each_event(&system.database, |event| {
        events.push(event);
        Ok(())
    })
    .await?;
    stored::each_outcome(&system.database, |outcome| {
        outcomes.push(outcome);
        Ok(())
    })
    .await?;
    stored::each_left_over(&system.database, |waits| {
        left.push(waits);
        Ok(())
    })
    .await
}

fn in_the_topics(system: &System, history: &mut History) -> Result<()> {
    for aggregate in AggregateType::ALL {
        topics::each_record(system, aggregate.topic(), |message| {
            history.records.push(record(aggregate, message)?);
            Ok(())
        })?;
    }
    topics::each_record(system, CHANGES, |message| {
        let body: Value = serde_json::from_slice(message.payload().unwrap_or_default())?;
        if body["aggregate"] == "order" {
            history.changes.push(Change {
                partition: message.partition(),
                offset: message.offset(),
                order: body["id"].as_str().context("a change without an id")?.parse()?,
                version: body["version"].as_u64().context("a change without a version")?,
            });
        }
        Ok(())
    })
}

fn record(aggregate: AggregateType, message: &BorrowedMessage<'_>) -> Result<Record> {
    let headers = message.headers().context("a record without headers")?;
    let find = |name: &'static str| headers.iter().find(|header| header.key == name)?.value;
    let metadata = EventMetadata::from_headers(aggregate, find)?;
    let (_, payload) = wire::unframe(message.payload().unwrap_or_default())?;
    Ok(Record {
        topic: aggregate.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        planted: false,
        aggregate: aggregate.to_string(),
        stream: metadata.aggregate_id,
        version: metadata.version,
        event_id: metadata.event_id,
        event_type: metadata.event_type,
        payload: payload.to_vec(),
    })
}

/// Documents by themselves: kind, where they are, and whose streams they are of.
pub const DOCUMENTS: [(&str, &str, &str); 5] = [
    ("orders", "/v1/orders", "order"),
    ("customers", "/v1/customers", "customer"),
    ("products", "/v1/products", "product"),
    ("invoices", "/v1/invoices", "invoice"),
    ("deliveries", "/v1/deliveries", "order_for_delivery"),
];

/// Lists as a whole: kind, path, and what names an item.
pub const LISTS: [(&str, &str, &str); 4] = [
    ("order-list", "/v1/orders", "id"),
    ("sales-daily", "/v1/sales/daily", "date"),
    ("sales-products", "/v1/sales/products", "product_id"),
    ("sales-status", "/v1/sales/status", "status"),
];

async fn answered(queries: &Queries, history: &mut History) -> Result<()> {
    let mut answers = Vec::new();
    let mut show = |kind: &str, id: &str, body: Value| {
        answers.push(Shown {
            kind: kind.to_owned(),
            id: id.to_owned(),
            body,
        });
    };
    for (kind, path, aggregate) in DOCUMENTS {
        let streams = history
            .events
            .iter()
            .filter(|event| event.aggregate == aggregate && event.version == 1);
        for id in streams.map(|event| event.stream) {
            let (status, body) = queries.get(&format!("{path}/{id}")).await?;
            if status.is_success() {
                show(kind, &id.to_string(), body);
            }
            if kind == "orders" {
                let history = queries.list(&format!("{path}/{id}/history"), None).await;
                show(
                    "order-history",
                    &id.to_string(),
                    json!(history.unwrap_or_default()),
                );
            }
        }
    }
    for (kind, path, key) in LISTS {
        for item in queries.list(path, None).await? {
            let id = item[key].as_str().unwrap_or_default().to_owned();
            show(kind, &id, item);
        }
    }
    history.answers = answers;
    Ok(())
}
