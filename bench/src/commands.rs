//! Commands over HTTP until they are committed, beside pgbench sending the same statements.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::DateTime;
use command_service::application::ports::{CommandOutcome, CommandRecord, Commit, StreamId};
use command_service::outbound::postgres::{commit_sql, read_sql};
use e2e::api::Commands;
use e2e::system::System;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use shared_events::AggregateType;
use tokio::process::Command;
use uuid::Uuid;

use crate::cpu;
use crate::load::closed_loop;
use crate::report::Report;

const CUSTOMERS: usize = 200;
const PRODUCTS: usize = 200;

/// What orders are made of: each names one customer and one product, so that a command is one read of two streams and one
/// append of two events.
#[derive(Clone)]
pub struct Seed {
    customers: Vec<Uuid>,
    products: Vec<Uuid>,
}

impl Seed {
    async fn plant(commands: &Commands) -> Result<Self> {
        let mut seed = Self {
            customers: Vec::new(),
            products: Vec::new(),
        };
        for n in 0..CUSTOMERS {
            seed.customers
                .push(commands.register_customer(&format!("Customer {n}")).await?.id);
        }
        for n in 0..PRODUCTS {
            seed.products
                .push(commands.add_product(&format!("Product {n}"), 1999).await?.id);
        }
        Ok(seed)
    }

    pub fn order(&self, client: usize, n: usize) -> Value {
        let customer = self.customers[(client * 31 + n) % self.customers.len()];
        let product = self.products[(client * 17 + n * 7) % self.products.len()];
        json!({"customer_id": customer, "items": [{"product_id": product, "quantity": 1 + n % 9}]})
    }
}

/// Leaves its events in the outbox: only the api runs.
pub async fn measure(
    system: &System,
    clients: usize,
    duration: Duration,
    report: &mut Report,
) -> Result<Seed> {
    let mut service = system.start("command-service", "api")?;
    let seed = Seed::plant(&Commands::new(&service.base_url())).await?;
    let raw = System::prepare().await?;
    let mut raw_service = raw.start("command-service", "api")?;
    let raw_seed = Seed::plant(&Commands::new(&raw_service.base_url())).await?;
    raw_service.terminate(Duration::from_secs(20))?;
    let script = Script::of(system, &service.base_url(), &seed, &raw_seed).await?;
    for clients in [1, clients] {
        let order = seed.clone();
        let cpu_before = cpu::time_of(service.pid());
        let mut ours = closed_loop(
            &service.base_url(),
            clients,
            duration,
            StatusCode::CREATED,
            move |client, n| {
                (
                    Method::POST,
                    "/v1/orders".to_owned(),
                    order.order(client, n).to_string().into_bytes(),
                )
            },
        )
        .await?;
        let cpu = (cpu::time_of(service.pid()) - cpu_before).as_secs_f64();
        let commit = pgbench(&raw, &script.commit, clients, duration).await?;
        let both = pgbench(&raw, &script.read_and_commit, clients, duration).await?;
        let ours_text = format!(
            "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {:.0} µs CPU each",
            ours.per_second,
            ours.latencies.quantile(0.5),
            ours.latencies.quantile(0.99),
            cpu * 1e6 / ours.latencies.count() as f64,
        );
        report.row(
            &format!("command over HTTP, {clients} clients; raw: pgbench, its commit alone"),
            ours_text.clone(),
            format!("{:.0}/s, mean {:.2} ms", commit.per_second, commit.mean_ms),
            Some(ours.per_second / commit.per_second),
        );
        report.row(
            &format!("command over HTTP, {clients} clients; raw: pgbench, its read and its commit"),
            ours_text,
            format!("{:.0}/s, mean {:.2} ms", both.per_second, both.mean_ms),
            Some(ours.per_second / both.per_second),
        );
    }
    println!(
        "  command-service api: {:.0} MiB at most",
        cpu::resident_mib(service.pid())
    );
    service.terminate(Duration::from_secs(20))?;
    Ok(seed)
}

/// The service's own statements with the values of a real command in place of the parameters; ids are made anew by
/// Postgres, where the service makes them itself.
struct Script {
    commit: String,
    read_and_commit: String,
}

impl Script {
    async fn of(system: &System, service: &str, seed: &Seed, raw: &Seed) -> Result<Self> {
        let commands = Commands::new(service);
        let order = commands
            .send(reqwest::Method::POST, "/v1/orders", Some(seed.order(0, 0)))
            .await?;
        let database = &system.database;
        let command = database
            .query_one(
                "SELECT command_type, body::text FROM commands WHERE stream_id = $1 AND aggregate = 'order'",
                &[&order.id],
            )
            .await?;
        let events = database
            .query(
                "SELECT event_type, encode(payload, 'hex') FROM events WHERE stream_id = $1 AND aggregate = 'order'
                 ORDER BY version",
                &[&order.id],
            )
            .await?;
        ensure!(
            events.len() == 2,
            "the bench's command makes two events, found {}",
            events.len()
        );
        let column = |at: usize, form: &dyn Fn(&str) -> String| {
            events
                .iter()
                .map(|row| form(row.get::<_, &str>(at)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let ids = "ARRAY[gen_random_uuid(), gen_random_uuid()]";
        let commit = commit_sql(any_commit()).context("the commit has no statement")?;
        let commit = with_values(
            &commit,
            &[
                "gen_random_uuid()",
                "'order'::text",
                "gen_random_uuid()",
                "0::bigint",
                "'anonymous'::text",
                "gen_random_uuid()",
                "gen_random_uuid()",
                "now()",
                ids,
                &format!("'{}'::text", command.get::<_, &str>(0)),
                "now()",
                &format!("'{}'::jsonb", command.get::<_, &str>(1)),
                "'succeeded'::text",
                "2::bigint",
                "NULL::text",
                "NULL::text",
                "NULL::text",
                "ARRAY['order', 'order']",
                // One stream of two events, though another one than the command names.
                "(SELECT ARRAY[id, id] FROM gen_random_uuid() id)",
                "ARRAY[1, 2]::bigint[]",
                ids,
                &format!("ARRAY[{}]", column(0, &|text| format!("'{text}'::text"))),
                &format!("ARRAY[{}]", column(1, &|hex| format!("'\\x{hex}'::bytea"))),
                "ARRAY['ordering.orders', 'ordering.orders']",
                "(SELECT ARRAY[bucket, bucket] FROM CAST(floor(random() * 16) AS smallint) bucket)",
                "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'::text",
            ],
        )?;
        let read = read_sql(&[]);
        let read = with_values(
            &read,
            &[
                "ARRAY['customer', 'product']",
                &format!("ARRAY['{}', '{}']::uuid[]", raw.customers[0], raw.products[0]),
                "NULL::integer",
            ],
        )?;
        Ok(Self {
            read_and_commit: format!("{read};\n{commit};\n"),
            commit: format!("{commit};\n"),
        })
    }
}

/// Its values do not matter: only the statement's text is taken.
fn any_commit() -> Commit {
    let at = DateTime::UNIX_EPOCH;
    let command = CommandRecord {
        command_id: Uuid::nil(),
        command_type: "create-order".into(),
        stream: StreamId {
            aggregate: AggregateType::Order,
            id: Uuid::nil(),
        },
        actor: String::new(),
        received_at: at,
        body: Value::Null,
        causation_id: Uuid::nil(),
        correlation_id: Uuid::nil(),
        outcome: CommandOutcome::Succeeded { version: 0 },
    };
    Commit::of(command, at)
}

/// Puts values in place of `$1`, `$2`, …
fn with_values(sql: &str, values: &[&str]) -> Result<String> {
    let mut text = sql.to_owned();
    // From the last on, so that `$1` is not found in `$10`.
    for (at, value) in values.iter().enumerate().rev() {
        let parameter = format!("${}", at + 1);
        ensure!(
            text.contains(&parameter),
            "{parameter} is not in the statement: the bench is out of date"
        );
        text = text.replace(&parameter, value);
    }
    ensure!(
        !text.contains('$'),
        "the statement has more parameters than the bench knows: {text}"
    );
    Ok(text.replace('\n', " "))
}

struct PgBench {
    per_second: f64,
    mean_ms: f64,
}

async fn pgbench(raw: &System, script: &str, clients: usize, duration: Duration) -> Result<PgBench> {
    let file = std::env::temp_dir().join(format!("bench-{}.sql", std::process::id()));
    tokio::fs::write(&file, script).await?;
    let output = Command::new(pgbench_binary()?)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
        .arg(format!("--client={clients}"))
        .arg(format!("--time={}", duration.as_secs()))
        .arg("--file")
        .arg(&file)
        .arg(raw.app_url())
        .output()
        .await
        .context("pgbench")?;
    tokio::fs::remove_file(&file).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "pgbench: {}{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    let number = |before: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(before))
            .with_context(|| format!("no {before:?}: {text}"))?;
        line[before.len()..]
            .split_whitespace()
            .next()
            .and_then(|word| word.parse::<f64>().ok())
            .context("a number")
    };
    Ok(PgBench {
        per_second: number("tps = ")?,
        mean_ms: number("latency average = ")?,
    })
}

/// From the path, else from Debian's folder of the newest version.
fn pgbench_binary() -> Result<std::path::PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&folders).map(|folder| folder.join("pgbench"));
    let mut debian: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin/pgbench"))
        .collect();
    debian.sort();
    on_path
        .chain(debian.into_iter().rev())
        .find(|path| path.is_file())
        .context("pgbench is not installed (Debian: postgresql)")
}
