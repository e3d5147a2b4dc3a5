//! Faults planted in the services' code, each in a run that lets it do its harm: the checker finds it. The same steps
//! without a fault break nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use checker::history::{Answer, Lag};
use e2e::api::Commands;
use e2e::cut_points;
use e2e::eventually;
use e2e::queries::Queries;
use e2e::recorded::{Asked, Recorder};
use e2e::system::System;
use e2e::topics;
use reqwest::Method;
use serde_json::{Value, json};
use shared_events::AggregateType;
use stack::ServiceProcess;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);
/// For so long it is watched what is told of a lag.
const WATCHED: Duration = Duration::from_millis(3_500);
const SAMPLES: Duration = Duration::from_millis(250);
/// What is known of a lag is below the truth by so much at least.
const SLACK: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_nothing_is_broken() -> Result<()> {
    let mut run = Run::with("").await?;
    run.the_relay_dies().await?;
    run.an_answer_is_lost().await?;
    run.two_want_one_version().await?;
    run.an_order_is_cancelled().await?;
    run.the_relay_is_away().await?;
    run.the_projector_is_away().await?;
    run.the_projector_dies().await?;
    run.events_come_again().await?;
    let broken = run.broken().await?;
    ensure!(broken.is_empty(), "{broken:?} are broken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_marks_before_the_acknowledgement_is_caught() -> Result<()> {
    let mut run = Run::with("planted::mark_before_acknowledgement").await?;
    run.the_relay_dies().await?;
    run.caught_by("I4").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_committed_with_the_outcome_is_caught() -> Result<()> {
    let mut run = Run::with("planted::key_not_committed").await?;
    run.an_answer_is_lost().await?;
    run.caught_by("I8").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_precondition_that_is_not_looked_at_is_caught() -> Result<()> {
    let run = Run::with("planted::if_match_ignored").await?;
    run.two_want_one_version().await?;
    run.caught_by("I9").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_is_not_stored_is_caught() -> Result<()> {
    let run = Run::with("planted::follow_ups_not_stored").await?;
    run.an_order_is_cancelled().await?;
    run.caught_by("I10").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_does_not_tell_other_contexts_is_caught() -> Result<()> {
    let run = Run::with("planted::told_not_stored").await?;
    run.an_order_is_cancelled().await?;
    run.caught_by("I2").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_is_told_to_be_of_no_age_is_caught() -> Result<()> {
    let mut run = Run::with("planted::outbox_age_zero").await?;
    run.the_relay_is_away().await?;
    run.caught_by("I14").await
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_committed_before_the_write_are_caught() -> Result<()> {
    let mut run = Run::with("planted::offsets_before_write").await?;
    run.the_projector_dies().await?;
    run.caught_by("I5").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_that_overwrites_is_caught() -> Result<()> {
    let run = Run::with("planted::older_version_overwrites").await?;
    run.events_come_again().await?;
    run.caught_by("I5").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_deleted_is_caught() -> Result<()> {
    let run = Run::with("planted::cancelled_order_deleted").await?;
    run.an_order_is_cancelled().await?;
    run.caught_by("I5").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_taken_for_the_one_before_is_caught() -> Result<()> {
    let mut run = Run::with("planted::token_off_by_one").await?;
    run.the_projector_is_away().await?;
    run.caught_by("I7").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_is_told_to_be_level_is_caught() -> Result<()> {
    let mut run = Run::with("planted::lag_zero").await?;
    run.the_projector_is_away().await?;
    run.caught_by("I14").await
}

fn customer() -> Value {
    let address = json!({
        "name": "Ada Lovelace", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London",
        "country": "GB",
    });
    json!({"name": "Ada Lovelace", "billing_address": address})
}

/// Both services with a fault, and what is recorded of them.
struct Run {
    fault: &'static str,
    system: System,
    command: ServiceProcess,
    query: ServiceProcess,
    projector: ServiceProcess,
    recorder: Recorder,
    customer: Uuid,
    product: Uuid,
}

impl Run {
    async fn with(fault: &'static str) -> Result<Self> {
        let system = System::prepare().await?;
        let command = start(&system, fault, "command-service", "all")?;
        let query = start(&system, fault, "query-service", "api")?;
        let projector = start(&system, fault, "query-service", "projector")?;
        // Says at once what is missing where there are no fail points.
        cut_points::set(&command.base_url(), "none", "off").await?;
        let mut run = Self {
            fault,
            system,
            command,
            query,
            projector,
            recorder: Recorder::default(),
            customer: Uuid::nil(),
            product: Uuid::nil(),
        };
        run.customer = run.created("customer", "/v1/customers", customer()).await?;
        let product = json!({"name": "Loom", "unit_price": {"amount": 700, "currency": "EUR"}});
        run.product = run.created("product", "/v1/products", product).await?;
        Ok(run)
    }

    fn commands(&self) -> Commands {
        Commands::new(&self.command.base_url())
    }

    fn queries(&self) -> Queries {
        Queries::new(&self.query.base_url())
    }

    async fn call(&self, asked: Asked<'_>) -> Result<Answer> {
        self.recorder.call(&self.commands(), asked).await
    }

    async fn created(&self, aggregate: &str, path: &str, body: Value) -> Result<Uuid> {
        let answer = self.call(creation(aggregate, path, body)).await?;
        match answer {
            Answer::Ok { id, .. } => Ok(id),
            other => anyhow::bail!("{path}: {other:?}"),
        }
    }

    fn order(&self) -> Value {
        json!({"customer_id": self.customer, "items": [{"product_id": self.product, "quantity": 2}]})
    }

    fn renaming<'a>(&self, key: &'a str, if_match: Option<u64>) -> Asked<'a> {
        Asked {
            command: "rename_customer",
            aggregate: "customer",
            id: Some(self.customer),
            method: Method::PUT,
            path: format!("/v1/customers/{}/name", self.customer),
            body: Some(json!({"name": format!("Ada, as {key} has it")})),
            key: Some(key),
            if_match,
        }
    }

    /// After it has read what is to be published.
    async fn the_relay_dies(&mut self) -> Result<()> {
        cut_points::set(&self.command.base_url(), "relay::after_read", "return").await?;
        let mut order = creation("order", "/v1/orders", self.order());
        order.key = Some("of-a-relay-that-dies");
        self.call(order.clone()).await?;
        dies(&mut self.command).await?;
        self.command = start(&self.system, self.fault, "command-service", "all")?;
        self.call(order).await?;
        Ok(())
    }

    /// The api dies when it has committed, and the client asks again under its key.
    async fn an_answer_is_lost(&mut self) -> Result<()> {
        cut_points::set(&self.command.base_url(), "append::after_commit", "return").await?;
        let lost = self.call(self.renaming("lost", None)).await?;
        ensure!(matches!(lost, Answer::Unknown { .. }), "{lost:?}");
        dies(&mut self.command).await?;
        self.command = start(&self.system, self.fault, "command-service", "all")?;
        let again = self.call(self.renaming("lost", None)).await?;
        ensure!(matches!(again, Answer::Ok { .. }), "{again:?}");
        Ok(())
    }

    async fn two_want_one_version(&self) -> Result<()> {
        let seen = self.call(self.renaming("the-last-name-seen", None)).await?;
        let Answer::Ok { version, .. } = seen else {
            anyhow::bail!("{seen:?}");
        };
        for key in ["one", "other"] {
            self.call(self.renaming(key, Some(version))).await?;
        }
        Ok(())
    }

    /// After it was submitted, beside one that is left as it is.
    async fn an_order_is_cancelled(&self) -> Result<()> {
        self.created("order", "/v1/orders", self.order()).await?;
        let order = self.created("order", "/v1/orders", self.order()).await?;
        // It has a document by then: there is nothing to delete of an order that is written for the first time as cancelled.
        self.queries().order(order, &format!("order:{order}:2")).await?;
        for (command, step, body) in [
            ("submit_order", "submit", None),
            ("cancel_order", "cancel", Some(json!({"reason": "too slow"}))),
        ] {
            let step = Asked {
                command,
                aggregate: "order",
                id: Some(order),
                method: Method::POST,
                path: format!("/v1/orders/{order}/{step}"),
                body,
                key: None,
                if_match: None,
            };
            let answer = self.call(step).await?;
            ensure!(matches!(answer, Answer::Ok { .. }), "{answer:?}");
        }
        Ok(())
    }

    /// Events wait in the outbox, while the api tells how old they are.
    async fn the_relay_is_away(&mut self) -> Result<()> {
        self.command.kill()?;
        self.command = start(&self.system, self.fault, "command-service", "api")?;
        self.created("order", "/v1/orders", self.order()).await?;
        let url = format!("{}/metrics", self.command.base_url());
        self.watch("outbox", async || {
            let text = reqwest::get(&url).await?.text().await?;
            let line = text
                .lines()
                .find(|line| line.starts_with("outbox_oldest_age_seconds"));
            let value = line.and_then(|line| line.rsplit(' ').next());
            Ok(value.map(str::parse).transpose()?)
        })
        .await?;
        self.command.kill()?;
        self.command = start(&self.system, self.fault, "command-service", "all")?;
        Ok(())
    }

    /// A client asks for what is not projected yet, and how far the projection is behind.
    async fn the_projector_is_away(&mut self) -> Result<()> {
        let order = self.created("order", "/v1/orders", self.order()).await?;
        let (path, queries) = (format!("/v1/orders/{order}"), self.queries());
        queries.order(order, &format!("order:{order}:2")).await?;
        self.projector.kill()?;
        let changed = Asked {
            command: "change_order_item_quantity",
            aggregate: "order",
            id: Some(order),
            method: Method::PUT,
            path: format!("{path}/items/{}", self.product),
            body: Some(json!({"quantity": 5})),
            key: None,
            if_match: None,
        };
        let changed = self.call(changed).await?;
        let Answer::Ok { token, .. } = changed else {
            anyhow::bail!("{changed:?}");
        };
        self.recorder
            .read(&queries, &path, &format!("order:{order}"), &token)
            .await?;
        self.system.everything_is_published(LIMIT).await?;
        self.watch("orders", async || {
            let seen = queries.ask(&path, &[]).await?;
            Ok(seen.header("projection-lag").map(str::parse).transpose()?)
        })
        .await?;
        self.projector = start(&self.system, self.fault, "query-service", "projector")?;
        Ok(())
    }

    /// Right before it writes what it has read. It has read of customers and products before: a group that shares its
    /// partitions out refuses a commit, and then nothing would be lost.
    async fn the_projector_dies(&mut self) -> Result<()> {
        for (kind, id) in [("customer", self.customer), ("product", self.product)] {
            let (path, token) = (format!("/v1/{kind}s/{id}"), format!("{kind}:{id}:1"));
            self.queries().get_with(&path, &token).await?;
        }
        let point = "projector::before_bulk";
        cut_points::set(&self.projector.base_url(), point, "return").await?;
        self.created("customer", "/v1/customers", customer()).await?;
        dies(&mut self.projector).await?;
        self.projector = start(&self.system, self.fault, "query-service", "projector")?;
        Ok(())
    }

    /// The first event of an order that has more, once all of them are projected.
    async fn events_come_again(&self) -> Result<()> {
        let order = self.created("order", "/v1/orders", self.order()).await?;
        self.queries().order(order, &format!("order:{order}:2")).await?;
        let mut events = topics::stored_events(&self.system, AggregateType::Order).await?;
        events.retain(|event| event.metadata.aggregate_id == order && event.metadata.version == 1);
        ensure!(events.len() == 1, "{events:?}");
        topics::publish(&self.system, &events).await
    }

    /// Notes for a while what is told of a lag that nobody works off, from when it certainly was there.
    async fn watch(&self, of: &str, told: impl AsyncFn() -> Result<Option<f64>>) -> Result<()> {
        let since = Instant::now();
        let mut samples = tokio::time::interval(SAMPLES);
        while since.elapsed() < WATCHED {
            samples.tick().await;
            let certain = since.elapsed();
            let lag = Lag {
                at: self.recorder.now(),
                of: of.to_owned(),
                process: "api".to_owned(),
                told: told().await?,
                at_least: certain.saturating_sub(SLACK).as_secs_f64(),
                stopped_for: Some(certain.as_secs_f64()),
            };
            self.recorder.history().lags.push(lag);
        }
        Ok(())
    }

    /// The invariants that the checker finds broken.
    async fn broken(self) -> Result<Vec<&'static str>> {
        let queries = self.queries();
        let history = self.recorder.at_rest(&self.system, &queries, LIMIT).await?;
        let report = checker::check(&history);
        println!("{}: {report}", self.fault);
        Ok(report.broken().map(|verdict| verdict.invariant).collect())
    }

    async fn caught_by(self, invariant: &str) -> Result<()> {
        let fault = self.fault;
        let broken = self.broken().await?;
        ensure!(
            broken.contains(&invariant),
            "{fault} broke {broken:?}, not {invariant}"
        );
        Ok(())
    }
}

fn start(system: &System, fault: &str, service: &str, role: &str) -> Result<ServiceProcess> {
    let planted = match fault {
        "" => String::new(),
        fault => format!("{fault}=return"),
    };
    let mut builder = system.service(service, role).env("FAILPOINTS", planted);
    if service == "query-service" {
        // A dead one is missed only when its session is over; brokers allow no less.
        builder = builder.env("QUERY_SERVICE__KAFKA__SESSION_TIMEOUT", "6s");
    }
    let mut process = builder.spawn()?;
    process
        .wait_ready(LIMIT)
        .with_context(|| format!("{service} {role}"))?;
    Ok(process)
}

async fn dies(process: &mut ServiceProcess) -> Result<()> {
    eventually("the process dies at its fail point", LIMIT, async || {
        Ok((!process.is_running()?).then_some(()))
    })
    .await?;
    let log = process.log_text();
    ensure!(log.contains("this process dies"), "it died otherwise:\n{log}");
    Ok(())
}

fn creation<'a>(aggregate: &'a str, path: &str, body: Value) -> Asked<'a> {
    Asked {
        command: match aggregate {
            "customer" => "register_customer",
            "product" => "add_product",
            _ => "create_order",
        },
        aggregate,
        id: None,
        method: Method::POST,
        path: path.to_owned(),
        body: Some(body),
        key: None,
        if_match: None,
    }
}
