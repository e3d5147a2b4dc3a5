use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use query_service::outbound::elasticsearch::indices;
use serde_json::Value;
use shared_events::AggregateType;

use super::events::*;
use super::world::World;

fn applied(text: &str, what: &str) -> f64 {
    text.lines()
        .filter(|line| line.starts_with(what))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore]
async fn backlog() {
    let count: u128 = std::env::var("ORDERS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_000);
    let customers: u128 = std::env::var("CUSTOMERS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1000);
    let world = World::new().await;
    let people: Vec<_> = (0..customers)
        .map(|n| registered(id(1_000_000_000 + n), "Ada Lovelace"))
        .collect();
    let products: Vec<_> = (0..200)
        .map(|n| product_added(id(2_000_000_000 + n), "Difference engine"))
        .collect();
    world.produce(&people).await;
    world.produce(&products).await;
    let both = std::env::var("BOTH").is_ok();
    let mut events = 0.0;
    for part in (0..count).collect::<Vec<_>>().chunks(5_000) {
        let batch: Vec<_> = part
            .iter()
            .flat_map(|n| {
                let order = id(10_000 + n);
                let mut told = vec![created(
                    order,
                    id(1_000_000_000 + n * 7919 % customers),
                    "Ada Lovelace",
                )];
                if both {
                    told.push(item_added(
                        order,
                        2,
                        id(2_000_000_000 + n % 200),
                        "Difference engine",
                    ));
                }
                told
            })
            .collect();
        events += batch.len() as f64;
        world.produce(&batch).await;
    }
    let total = events + customers as f64 + 200.0;
    let port = stack::free_port().unwrap();
    let started = Instant::now();
    let mut child = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/release/query-service"
    ))
    .arg("projector")
    .env("QUERY_SERVICE__HTTP__PORT", port.to_string())
    .env("QUERY_SERVICE__ELASTICSEARCH__URL", &world.elasticsearch.url)
    .env(
        "QUERY_SERVICE__ELASTICSEARCH__INDEX_PREFIX",
        &world.elasticsearch.index_prefix,
    )
    .env(
        "QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS",
        &world.kafka.bootstrap_servers,
    )
    .env("QUERY_SERVICE__KAFKA__TOPIC_PREFIX", &world.kafka.topic_prefix)
    .env("QUERY_SERVICE__KAFKA__GROUP_ID", &world.kafka.group_id)
    .env("QUERY_SERVICE__SCHEMA_REGISTRY__URL", &world.registry.url)
    .envs(std::env::vars().filter(|(name, _)| name.starts_with("QUERY_SERVICE__")))
    .spawn()
    .unwrap();
    let mut first: Option<(Instant, f64)> = None;
    let text = loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let Ok(answer) = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await else {
            continue;
        };
        let text = answer.text().await.unwrap();
        let done = applied(&text, "projector_records_total");
        if done > 0.0 && first.is_none() {
            first = Some((Instant::now(), done));
        }
        if done >= total {
            break text;
        }
        assert!(started.elapsed() < Duration::from_secs(300));
    };
    let (began, already) = first.unwrap();
    let took = began.elapsed().as_secs_f64();
    let rate = (total - already) / took;
    for line in text
        .lines()
        .filter(|line| line.starts_with("projector_") && !line.contains("bucket"))
    {
        println!("{line}");
    }
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let cpu = (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    println!(
        "{}",
        status.lines().find(|line| line.starts_with("VmHWM")).unwrap()
    );
    child.kill().unwrap();
    child.wait().unwrap();
    println!(
        "projector: {total} records, {rate:.0} records/s, {:.1} us cpu/record; first after {:?}",
        cpu * 1e6 / total,
        began - started
    );

    // Raw: the same documents into a fresh index.
    let client = reqwest::Client::new();
    let es = &world.elasticsearch;
    let mut documents = Vec::new();
    let mut after = Value::Null;
    client
        .post(format!("{}/{}orders/_refresh", es.url, es.index_prefix))
        .send()
        .await
        .unwrap();
    loop {
        let mut query = serde_json::json!({"size": 5000, "sort": ["id"], "query": {"match_all": {}}});
        if !after.is_null() {
            query["search_after"] = after.clone();
        }
        let page: Value = client
            .post(format!("{}/{}orders/_search", es.url, es.index_prefix))
            .header("content-type", "application/json")
            .body(query.to_string())
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let hits = page["hits"]["hits"].as_array().unwrap().clone();
        let Some(last) = hits.last() else { break };
        after = last["sort"].clone();
        documents.extend(hits.into_iter().map(|hit| {
            (
                hit["_id"].as_str().unwrap().to_owned(),
                hit["_source"].to_string(),
            )
        }));
    }
    let raw = query_service::outbound::elasticsearch::ElasticsearchSettings {
        index_prefix: format!("{}raw-", es.index_prefix),
        ..es.clone()
    };
    indices::create(&world.client, &raw).await.unwrap();
    let alias = indices::index(&raw.index_prefix, AggregateType::Order);
    let bodies: Vec<String> = documents
        .chunks(1000)
        .map(|part| {
            let mut body = String::new();
            for (id, text) in part {
                writeln!(
                    body,
                    r#"{{"index":{{"_id":"{id}","version":1,"version_type":"external"}}}}"#
                )
                .unwrap();
                writeln!(body, "{text}").unwrap();
            }
            body
        })
        .collect();
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for body in bodies {
        if running.len() == 2 {
            running.join_next().await;
        }
        let request = client
            .post(format!("{}/{alias}/_bulk?filter_path=errors", es.url))
            .header("content-type", "application/x-ndjson")
            .body(body);
        running.spawn(async move {
            let t = request.send().await.unwrap().text().await.unwrap();
            assert!(t.contains("false"), "{t}");
        });
    }
    while running.join_next().await.is_some() {}
    let raw_rate = documents.len() as f64 / started.elapsed().as_secs_f64();
    println!(
        "raw: {} documents, {raw_rate:.0}/s; ratio by records {:.2}, by documents {:.2}",
        documents.len(),
        rate / raw_rate,
        rate * documents.len() as f64 / total / raw_rate
    );
    for kind in AggregateType::ALL {
        client
            .delete(format!("{}/{}", es.url, indices::index(&raw.index_prefix, kind)))
            .send()
            .await
            .unwrap();
    }
}
