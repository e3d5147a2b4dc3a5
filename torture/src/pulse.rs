//! Whether the system lives, by what only a living system does: small commands of customers of the harness's own, sent all the
//! time through each replica of the command service.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use checker::history::Answer;
use reqwest::Method;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::asking::{Asker, Manner};
use crate::calling::{Caller, Command};
use crate::recording::Recorder;

/// Numbers of the pulse's clients in the history begin here.
pub const FIRST_CLIENT: u32 = 9_000;
const WRITE_EVERY: Duration = Duration::from_millis(200);
const WORK_EVERY: Duration = Duration::from_millis(400);
/// One that has no answer by then has none: short, so that the next, which may have, is not held up.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
const READ_LIMIT: Duration = Duration::from_secs(3);
/// For how long it is looked whether a worker has done a command.
const WORK_LIMIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const START: Duration = Duration::from_secs(30);
/// Probes of one kind that may be under way at once: a service that hangs is not to hold up the next.
const AT_ONCE: usize = 30;
/// Products that a probe changes in turn, so that two that are under way at once do not meet in one stream.
const CANARIES: usize = 32;
/// Of successes; older ones are nobody's question any more.
const REMEMBERED: usize = 10_000;

/// Cheap to clone.
///
/// Each question is answered with the time that passed from `since` to the first answer that counts: one to a request that was
/// sent after `since`. Ask at once: what has happened by then is known, but `next_visible` begins to look when it is asked.
#[derive(Clone)]
pub struct Pulse {
    shared: Arc<Shared>,
}

struct Shared {
    writes: Beats,
    work: Beats,
    callers: Caller,
    askers: Asker,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Pulse {
    /// Begins when the canaries are there, which needs a living command service.
    pub async fn start(recorder: &Recorder, command_apis: &[String], query_apis: &[String]) -> Result<Self> {
        let callers = Caller::new(recorder, command_apis, FIRST_CLIENT, WRITE_LIMIT)?;
        let askers = Asker::new(recorder, query_apis, FIRST_CLIENT, READ_LIMIT)?;
        let pulse = Self {
            shared: Arc::new(Shared {
                writes: Beats::default(),
                work: Beats::default(),
                callers,
                askers,
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        };
        for replica in 0..command_apis.len() {
            let writer = pulse.probe(replica, 1 + 2 * replica as u32, WRITE_EVERY).await?;
            let worker = pulse.probe(replica, 2 + 2 * replica as u32, WORK_EVERY).await?;
            pulse.shared.tasks.spawn(writer.keep(Probe::write));
            pulse.shared.tasks.spawn(worker.keep(Probe::defer));
        }
        Ok(pulse)
    }

    /// Returns when nothing of it is under way any more.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The next command that succeeds, through any replica.
    pub async fn next_write(&self, since: Instant, limit: Duration) -> Result<Duration> {
        let beat = self.shared.writes.first(since, limit, None).await;
        Ok(beat.context("no command succeeded")?.after(since))
    }

    pub async fn next_write_at(&self, replica: usize, since: Instant, limit: Duration) -> Result<Duration> {
        let beat = self.shared.writes.first(since, limit, Some(replica)).await;
        let beat = beat.with_context(|| format!("no command succeeded through replica {replica}"))?;
        Ok(beat.after(since))
    }

    /// The next command that was to be decided later and was: it takes a worker.
    pub async fn next_work(&self, since: Instant, limit: Duration) -> Result<Duration> {
        let beat = self.shared.work.first(since, limit, None).await;
        Ok(beat.context("no deferred command was done")?.after(since))
    }

    /// The next command that succeeds and is then shown by any replica of the query service.
    pub async fn next_visible(&self, since: Instant, limit: Duration) -> Result<Duration> {
        self.visible(None, since, limit).await
    }

    pub async fn next_visible_at(&self, replica: usize, since: Instant, limit: Duration) -> Result<Duration> {
        self.visible(Some(replica), since, limit).await
    }

    async fn visible(&self, replica: Option<usize>, since: Instant, limit: Duration) -> Result<Duration> {
        let beat = self.shared.writes.first(since, limit, None).await;
        let beat = beat.context("no command succeeded that could be looked for")?;
        let path = format!("/v1/products/{}", beat.product);
        let manner = Manner {
            token: Some(&beat.token),
            wait: Some(1),
            with_body: false,
        };
        let mut turn = replica.unwrap_or_default();
        while since.elapsed() < limit {
            let asked = Instant::now();
            if self.shared.askers.ask(&path, turn, manner).await.is_ok() {
                return Ok(since.elapsed());
            }
            turn += usize::from(replica.is_none());
            // It has waited for the token, or else for nothing.
            sleep(LOOK_EVERY.saturating_sub(asked.elapsed())).await;
        }
        bail!("{} could not be seen within {limit:?}", beat.token)
    }

    async fn probe(&self, replica: usize, number: u32, every: Duration) -> Result<Probe> {
        let client = FIRST_CLIENT + number;
        let caller = self.shared.callers.as_client(client);
        let deadline = Instant::now() + START;
        let mut canaries = Vec::new();
        while canaries.len() < CANARIES {
            let id = Uuid::new_v5(
                &Uuid::NAMESPACE_OID,
                format!("canary {number} {}", canaries.len()).as_bytes(),
            );
            let body = json!({
                "product_id": id, "name": format!("Canary {number}.{}", canaries.len()),
                "unit_price": {"amount": 1, "currency": "EUR"},
            });
            let add = Command::new(
                "add_product",
                "product",
                id,
                Method::POST,
                "/v1/products".to_owned(),
            )
            .body(body)
            .key(format!("canary-{id}"));
            match caller.send(&add, replica).await {
                Answer::Ok { .. } => canaries.push(id),
                answer if Instant::now() > deadline => bail!("no canary could be added: {answer:?}"),
                _ => sleep(WRITE_EVERY).await,
            }
        }
        Ok(Probe {
            shared: self.shared.clone(),
            caller,
            replica,
            canaries: canaries.into(),
            turn: Arc::default(),
            every,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }
}

/// One kind of request, sent to one replica at a steady pace.
#[derive(Clone)]
struct Probe {
    shared: Arc<Shared>,
    caller: Caller,
    replica: usize,
    canaries: Arc<[Uuid]>,
    turn: Arc<AtomicUsize>,
    every: Duration,
    at_once: Arc<Semaphore>,
}

impl Probe {
    async fn keep<F>(self, once: impl Fn(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.shared.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // Without a permit as many as that are under way already, and none more helps.
            if let Ok(permit) = self.at_once.clone().try_acquire_owned() {
                let probing = once(self.clone());
                self.shared.tasks.spawn(async move {
                    probing.await;
                    drop(permit);
                });
            }
        }
    }

    fn next(&self) -> Command {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let id = self.canaries[turn % self.canaries.len()];
        let path = format!("/v1/products/{id}/price");
        Command::new("change_product_price", "product", id, Method::PUT, path)
            .body(json!({"unit_price": {"amount": 2 + turn, "currency": "EUR"}}))
    }

    async fn write(self) {
        let (command, sent) = (self.next(), Instant::now());
        if let Answer::Ok { id, token, .. } = self.caller.send(&command, self.replica).await {
            self.shared.writes.add(self.replica, sent, id, token);
        }
    }

    async fn defer(self) {
        let (command, sent) = (self.next().deferred(), Instant::now());
        let Answer::Accepted { command_id, .. } = self.caller.send(&command, self.replica).await else {
            return;
        };
        let deadline = Instant::now() + WORK_LIMIT;
        // The other replica, if this one goes away meanwhile.
        let mut turn = self.replica;
        while Instant::now() < deadline {
            match self.caller.outcome(command_id, turn).await {
                Some(view) if view["status"] == "succeeded" => {
                    let product = command.id.unwrap_or_default();
                    self.shared.work.add(self.replica, sent, product, String::new());
                    return;
                }
                Some(_) => sleep(LOOK_EVERY).await,
                None => {
                    turn += 1;
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }
}

/// A request that did what it was to do.
#[derive(Debug, Clone)]
struct Beat {
    replica: usize,
    sent: Instant,
    answered: Instant,
    product: Uuid,
    token: String,
}

impl Beat {
    fn after(&self, since: Instant) -> Duration {
        self.answered.duration_since(since)
    }
}

/// In the order in which the answers came.
struct Beats {
    past: Mutex<VecDeque<Beat>>,
    count: watch::Sender<u64>,
}

impl Default for Beats {
    fn default() -> Self {
        Self {
            past: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }
}

impl Beats {
    fn add(&self, replica: usize, sent: Instant, product: Uuid, token: String) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if past.len() == REMEMBERED {
            past.pop_front();
        }
        past.push_back(Beat {
            replica,
            sent,
            answered: Instant::now(),
            product,
            token,
        });
        drop(past);
        self.count.send_modify(|count| *count += 1);
    }

    fn look(&self, since: Instant, replica: Option<usize>) -> Option<Beat> {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let from = past.partition_point(|beat| beat.answered < since);
        past.range(from..)
            .find(|beat| beat.sent >= since && replica.is_none_or(|replica| replica == beat.replica))
            .cloned()
    }

    /// The first answer to a request that was sent after `since`; waits for it until `limit` has passed since then.
    async fn first(&self, since: Instant, limit: Duration, replica: Option<usize>) -> Result<Beat> {
        let deadline = tokio::time::Instant::from_std(since + limit);
        let mut count = self.count.subscribe();
        loop {
            if let Some(beat) = self.look(since, replica) {
                return Ok(beat);
            }
            if timeout_at(deadline, count.changed()).await.is_err() {
                bail!("not within {limit:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_answer_to_what_was_sent_after_counts() -> Result<()> {
        let beats = Beats::default();
        let before = Instant::now();
        sleep(Duration::from_millis(2)).await;
        let since = Instant::now();
        beats.add(0, before, Uuid::nil(), "too early".to_owned());
        beats.add(1, since, Uuid::nil(), "first".to_owned());
        beats.add(0, Instant::now(), Uuid::nil(), "second".to_owned());
        let limit = Duration::from_millis(20);
        assert_eq!(beats.first(since, limit, None).await?.token, "first");
        assert_eq!(beats.first(since, limit, Some(0)).await?.token, "second");
        assert!(beats.first(Instant::now(), limit, None).await.is_err());
        Ok(())
    }
}
