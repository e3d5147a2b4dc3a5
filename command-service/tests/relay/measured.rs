//! Measurements, not tests: `cargo test --release -p command-service --test relay -- --ignored --nocapture measured`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use command_service::application::ports::{EventStore, Outbox, OutboxRow, PublishError, Publisher};
use command_service::outbound::kafka::{Compression, KafkaSettings};
use command_service::outbound::postgres::{PgEventStore, PgLeases, PgOutbox, Relays, Wakes};
use command_service::relay::{Relay, RelaySettings};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::publishing::fill_outbox;
use crate::support::events::{append, new_customer};
use crate::support::topics::TestTopics;
use crate::support::{TestDatabase, eventually, unique_id};

/// Passes on to another publisher and notes when each event was acknowledged.
struct Timed<P> {
    publisher: P,
    acknowledged: Arc<Mutex<HashMap<Uuid, Instant>>>,
}

impl<P: Publisher> Publisher for Timed<P> {
    async fn publish(&self, rows: &[OutboxRow]) -> Vec<Result<(), PublishError>> {
        let results = self.publisher.publish(rows).await;
        let now = Instant::now();
        let mut acknowledged = self.acknowledged.lock().unwrap();
        for (row, result) in rows.iter().zip(&results) {
            if result.is_ok() {
                acknowledged.insert(row.metadata.event_id, now);
            }
        }
        results
    }
}

/// Of this process, in user and system mode.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn linger() -> Duration {
    std::env::var("LINGER_US").map_or(KafkaSettings::default().linger, |micros| {
        Duration::from_micros(micros.parse().unwrap())
    })
}

fn quantiles(mut micros: Vec<u128>) -> String {
    micros.sort_unstable();
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    format!(
        "p50 {} us, p95 {} us, p99 {} us, max {} us",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures and judges none: run it alone, in a release build"]
async fn measured_append() {
    let database = TestDatabase::create().await;
    let store = PgEventStore::new(database.open(), Wakes::default());
    for events in [1, 2, 5] {
        let mut micros = Vec::new();
        for _ in 0..1000 {
            let commit = append(new_customer(), 0, events);
            let began = Instant::now();
            store.commit(commit).await.unwrap();
            micros.push(began.elapsed().as_micros());
        }
        println!(
            "append of {events} events alone: {}",
            quantiles(micros.split_off(100))
        );
    }
    let streams: Vec<_> = (0..3).map(|_| new_customer()).collect();
    for stream in &streams {
        store.commit(append(*stream, 0, 10)).await.unwrap();
    }
    let mut micros = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        store.read(&streams, None).await.unwrap();
        micros.push(began.elapsed().as_micros());
    }
    println!("read of 3 streams of 10 events: {}", quantiles(micros));
    let began = Instant::now();
    let writers = (0..16).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..500 {
                store.commit(append(new_customer(), 0, 2)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    println!(
        "appends of 2 events, 16 writers, 8 connections: {:.0}/s",
        8000.0 / began.elapsed().as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures and judges none: run it alone, in a release build"]
async fn measured_drain() {
    let rows: i64 = std::env::var("ROWS").map_or(100_000, |rows| rows.parse().unwrap());
    let lanes = std::env::var("LANES").map_or(2, |lanes| lanes.parse().unwrap());
    let per_bucket = std::env::var("PER_BUCKET").map_or(500, |rows| rows.parse().unwrap());
    let linger = linger();
    let database = TestDatabase::create().await;
    let mut topics = TestTopics::create().await;
    topics.kafka.linger = linger;
    if std::env::var("ZSTD").is_ok() {
        topics.kafka.compression = Compression::Zstd;
    }
    let settings = RelaySettings {
        lanes: std::num::NonZeroUsize::new(lanes).unwrap(),
        rows_per_bucket: std::num::NonZeroUsize::new(per_bucket).unwrap(),
        ..RelaySettings::default()
    };
    let connections = database.open();
    let leases = PgLeases::<Relays>::new(connections.clone(), settings.lease_ttl);
    let stop = CancellationToken::new();
    let relay = Relay::new(
        Arc::new(leases),
        Arc::new(PgOutbox::new(connections)),
        Arc::new(topics.publisher()),
        Arc::default(),
        unique_id(),
        &settings,
    );
    let task = tokio::spawn(relay.run(stop.clone()));
    // Every statement is planned while the tables are empty.
    let store = PgEventStore::new(database.open(), Wakes::default());
    for _ in 0..50 {
        store.commit(append(new_customer(), 0, 1)).await.unwrap();
    }
    fill_outbox(&database, rows).await;
    let owner = database.as_owner().await;
    let (began, cpu) = (Instant::now(), cpu_seconds());
    while owner
        .query_one("SELECT EXISTS (SELECT FROM outbox)", &[])
        .await
        .unwrap()
        .get(0)
    {
        // Seldom, so as to take little of what is measured.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "drained {rows} rows, lanes {lanes}, {per_bucket} a bucket, linger {linger:?}: {:.0} rows/s, {:.1} us of CPU a row",
        rows as f64 / took,
        cpu * 1e6 / rows as f64
    );
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures and judges none: run it alone, in a release build"]
async fn measured_latency() {
    let linger = linger();
    let rate: u64 = std::env::var("RATE").map_or(100, |rate| rate.parse().unwrap());
    let database = TestDatabase::create().await;
    let mut topics = TestTopics::create().await;
    topics.kafka.linger = linger;
    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    let wakes = Wakes::default();
    let settings = RelaySettings::default();
    let connections = database.open();
    let leases = PgLeases::<Relays>::new(connections.clone(), settings.lease_ttl);
    let outbox = Arc::new(PgOutbox::new(connections));
    let store = PgEventStore::new(database.open(), wakes.clone());
    let publisher = Timed {
        publisher: topics.publisher(),
        acknowledged: Arc::clone(&acknowledged),
    };
    let stop = CancellationToken::new();
    let relay = Relay::new(
        Arc::new(leases),
        Arc::clone(&outbox),
        Arc::new(publisher),
        wakes.outbox,
        unique_id(),
        &settings,
    );
    let task = tokio::spawn(relay.run(stop.clone()));
    // Warm.
    for _ in 0..50 {
        store.commit(append(new_customer(), 0, 1)).await.unwrap();
    }
    let cpu = cpu_seconds();
    // What is measured: three seconds of doing nothing.
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("idle: {:.3} cores", (cpu_seconds() - cpu) / 3.0);
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
    let mut committed = HashMap::new();
    let cpu = cpu_seconds();
    for _ in 0..rate * 10 {
        ticks.tick().await;
        let commit = append(new_customer(), 0, 1);
        let event_id = commit.events[0].event_id;
        store.commit(commit).await.unwrap();
        committed.insert(event_id, Instant::now());
    }
    let busy = (cpu_seconds() - cpu) / 10.0;
    eventually("the outbox is empty", async || {
        outbox.backlog().await.unwrap().rows == 0
    })
    .await;
    let acknowledged = acknowledged.lock().unwrap().clone();
    let micros = committed
        .iter()
        .map(|(id, at)| acknowledged[id].saturating_duration_since(*at).as_micros())
        .collect();
    println!(
        "commit to acknowledged at {rate}/s, linger {linger:?}: {}; {busy:.2} cores",
        quantiles(micros)
    );
    stop.cancel();
    task.await.unwrap();
}
