//! What queries are answered while Elasticsearch is in trouble.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use futures_util::future::join_all;
use tokio::time::sleep;
use uuid::Uuid;

use super::probing::{Answered, check_alive};
use super::scene::Scene;
use crate::cluster::Role;

/// `Age` is in whole seconds, and the machine takes its time.
const AGE_SLACK: u64 = 2;

/// What the trouble does to reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Nothing can be read: 503 as promised, and what is kept with its age.
    Fail,
    /// Only writing is in trouble.
    GoOn,
}

/// An order that no command changes any more and that every query api has read, and so keeps.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    order: Uuid,
    read: Instant,
}

impl Kept {
    /// None as long as there is no such order.
    pub async fn read(scene: &Scene) -> Result<Option<Self>> {
        let Some(order) = settled_order(scene).await? else {
            return Ok(None);
        };
        let read = Instant::now();
        for base in scene.cluster().query_apis() {
            let answer = scene.probes().get(&detail(base, order)).await?;
            if answer.status != 200 {
                return Ok(None);
            }
        }
        Ok(Some(Self { order, read }))
    }
}

/// For `lasting`, every kind of query at each replica in turn.
pub async fn are_answered(scene: &Scene, lasting: Duration, reads: Reads, kept: Option<Kept>) -> Result<()> {
    let end = Instant::now() + lasting;
    let apis = scene.cluster().query_apis();
    let mut turn = 0;
    while Instant::now() < end {
        let base = &apis[turn % apis.len()];
        turn += 1;
        let paths = [
            "/v1/orders?limit=5",
            "/v1/orders/search?q=ada",
            "/v1/products?limit=5",
        ];
        let answers = join_all(paths.map(async |path| {
            let url = format!("{base}{path}");
            let answer = scene.probes().get(&url).await?;
            check(&url, &answer, reads)
        }));
        for answer in answers.await {
            answer?;
        }
        if let Some(kept) = kept {
            of_kept(scene, base, kept, reads).await?;
        }
        check_alive(scene, Role::QueryApi).await?;
        sleep(Duration::from_millis(100)).await;
    }
    if let (Some(kept), Reads::Fail) = (kept, reads) {
        let mut ages = 0;
        for base in apis {
            ages += usize::from(of_kept(scene, base, kept, reads).await?);
        }
        ensure!(
            ages > 0,
            "no replica shows the order {} that it keeps",
            kept.order
        );
    }
    Ok(())
}

fn check(url: &str, answer: &Answered, reads: Reads) -> Result<()> {
    match (answer.status, reads) {
        (503, _) => answer.check_unavailable(),
        (200, Reads::GoOn) => answer.check_deadline(),
        _ => bail!("{url} was answered {answer:?}"),
    }
}

/// Whether it was shown from memory, and said so.
async fn of_kept(scene: &Scene, base: &str, kept: Kept, reads: Reads) -> Result<bool> {
    let url = detail(base, kept.order);
    let passed = kept.read.elapsed().as_secs();
    let answer = scene.probes().get(&url).await?;
    let age: Option<u64> = answer.header("age").and_then(|age| age.parse().ok());
    match (answer.status, reads) {
        (503, _) => answer.check_unavailable()?,
        (200, Reads::GoOn) => answer.check_deadline()?,
        // Younger than it can be: what the store did not answer is shown as if it had.
        (200, Reads::Fail) => ensure!(
            age.unwrap_or_default() + AGE_SLACK >= passed,
            "{url}, read {passed} s ago, was answered {answer:?}"
        ),
        _ => bail!("{url} was answered {answer:?}"),
    }
    Ok(answer.status == 200 && age.is_some())
}

fn detail(base: &str, order: Uuid) -> String {
    format!("{base}/v1/orders/{order}")
}

async fn settled_order(scene: &Scene) -> Result<Option<Uuid>> {
    let rows = scene
        .cluster()
        .database()
        .await?
        .query(
            "SELECT stream_id FROM events
             WHERE aggregate = 'order' AND (event_type LIKE '%OrderDelivered%' OR event_type LIKE '%OrderCancelled%')
             ORDER BY occurred_at LIMIT 1",
            &[],
        )
        .await?;
    Ok(rows.first().map(|row| row.get(0)))
}
