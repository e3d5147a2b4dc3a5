//! Queries over HTTP, beside the very requests that the service sends to Elasticsearch for them, sent without it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::queries::Queries;
use e2e::system::System;
use hyper::{Method, StatusCode};
use uuid::Uuid;

use crate::load::{Run, closed_loop};
use crate::recorder::{Recorder, Request};
use crate::report::Report;

/// Orders that are asked for by id.
const ORDERS: usize = 2_000;

/// A question with one part that varies.
struct Question {
    name: &'static str,
    /// With `{}` for what varies.
    path: &'static str,
    /// What the request to Elasticsearch has in its path.
    request: &'static str,
    values: Vec<String>,
}

pub async fn measure(system: &System, clients: usize, duration: Duration, report: &mut Report) -> Result<()> {
    let _projector = system.start("query-service", "projector")?;
    let questions = questions(system).await?;
    let recorded = record(system, &questions).await?;
    let elasticsearch = system.servers.elasticsearch.clone();
    let uncached = system
        .service("query-service", "api")
        .env("QUERY_SERVICE__CACHE__MAX_BYTES", "0");
    let mut uncached = uncached.spawn()?;
    uncached.wait_ready(Duration::from_secs(60))?;
    for (question, request) in questions.iter().zip(recorded) {
        for clients in [1, clients] {
            // Not counted: what comes first runs at half its speed until the servers' compiler has seen the work.
            raw(&elasticsearch, clients, duration / 3, question, &request).await?;
            let mut raw = raw(&elasticsearch, clients, duration, question, &request).await?;
            let mut ours = ours(&uncached.base_url(), clients, duration, question).await?;
            row(report, question.name, clients, &mut ours, &mut raw);
        }
    }
    uncached.terminate(Duration::from_secs(20))?;

    let mut cached = system.start("query-service", "api")?;
    let (question, request) = (&questions[0], &record(system, &questions[..1]).await?[0]);
    for clients in [1, clients] {
        let mut raw = raw(&elasticsearch, clients, duration, question, request).await?;
        ours(&cached.base_url(), clients, duration / 3, question).await?;
        let mut ours = ours(&cached.base_url(), clients, duration, question).await?;
        row(report, "get by id, cached", clients, &mut ours, &mut raw);
    }
    cached.terminate(Duration::from_secs(20))?;
    Ok(())
}

async fn questions(system: &System) -> Result<Vec<Question>> {
    let rows = system
        .database
        .query(
            "SELECT DISTINCT stream_id FROM events WHERE aggregate = 'order' LIMIT $1",
            &[&i64::try_from(ORDERS)?],
        )
        .await?;
    let orders = rows.iter().map(|row| row.get::<_, Uuid>(0).to_string()).collect();
    let rows = system
        .database
        .query(
            "SELECT DISTINCT stream_id FROM events WHERE aggregate = 'customer'",
            &[],
        )
        .await?;
    let customers = rows.iter().map(|row| row.get::<_, Uuid>(0).to_string()).collect();
    Ok(vec![
        Question {
            name: "get by id",
            path: "/v1/orders/{}",
            request: "/_source/",
            values: orders,
        },
        Question {
            name: "listing by customer and status, 20 a page",
            path: "/v1/orders?customer_id={}&status=draft&limit=20",
            request: "/_search",
            values: customers,
        },
        Question {
            name: "search for a misspelt name and a number, 20 a page",
            path: "/v1/orders/search?q=custmoer%20{}&limit=20",
            request: "/_search",
            values: (100..200).map(|n| n.to_string()).collect(),
        },
    ])
}

/// What the service asks Elasticsearch for each question's first value.
async fn record(system: &System, questions: &[Question]) -> Result<Vec<Request>> {
    let recorder = Recorder::before(&system.servers.elasticsearch).await?;
    let api = system
        .service("query-service", "api")
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", recorder.base_url());
    let mut api = api.spawn()?;
    api.wait_ready(Duration::from_secs(60))?;
    let queries = Queries::new(&api.base_url());
    let mut recorded = Vec::new();
    for question in questions {
        recorder.forget();
        let value = question.values.first().context("nothing to ask for")?;
        let path = question.path.replace("{}", value);
        let (status, answer) = queries.get(&path).await?;
        ensure!(status == StatusCode::OK.as_u16(), "{path}: {status} {answer}");
        let requests = recorder.requests(question.request)?;
        let request = requests
            .last()
            .with_context(|| format!("{path}: no request was seen"))?;
        ensure!(
            request.path.contains(value) || request.body.contains(value),
            "{path} led to {request:?}"
        );
        recorded.push(request.clone());
    }
    api.terminate(Duration::from_secs(20))?;
    Ok(recorded)
}

async fn ours(base: &str, clients: usize, duration: Duration, question: &Question) -> Result<Run> {
    let (path, values) = (question.path, question.values.clone());
    closed_loop(base, clients, duration, StatusCode::OK, move |client, n| {
        let value = &values[(client * 31 + n) % values.len()];
        (Method::GET, path.replace("{}", value), Vec::new())
    })
    .await
}

async fn raw(
    base: &str,
    clients: usize,
    duration: Duration,
    question: &Question,
    request: &Request,
) -> Result<Run> {
    let (request, values) = (request.clone(), question.values.clone());
    closed_loop(base, clients, duration, StatusCode::OK, move |client, n| {
        let value = &values[(client * 31 + n) % values.len()];
        let body = request.body.replace(&values[0], value);
        let path = request.path.replace(&values[0], value);
        (request.method.clone(), path, body.into_bytes())
    })
    .await
}

fn row(report: &mut Report, name: &str, clients: usize, ours: &mut Run, raw: &mut Run) {
    let text = |run: &mut Run| {
        format!(
            "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            run.per_second,
            run.latencies.quantile(0.5),
            run.latencies.quantile(0.99)
        )
    };
    report.row(
        &format!("{name}, {clients} connections"),
        text(ours),
        format!("its request to Elasticsearch: {}", text(raw)),
        Some(ours.per_second / raw.per_second),
    );
}
