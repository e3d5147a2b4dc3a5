//! Clients of the changes as they are pushed: each reconnects again and again, to the other replica, with the id that it saw last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use checker::history::{BEGINS_ANEW, Entry, Micros, Push};
use e2e::dice::Dice;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::calling::http_client;
use crate::recording::Recorder;

/// A heartbeat comes more often than that; without one the connection is dead.
const SILENCE: Duration = Duration::from_secs(30);
const COME_AGAIN_AFTER: Duration = Duration::from_millis(300);

pub struct Listener {
    http: reqwest::Client,
    recorder: Recorder,
    replicas: Arc<[String]>,
    dice: Dice,
    client: u32,
    connection: u32,
    /// As a browser keeps it.
    last_id: Option<String>,
    heard: Heard,
}

/// When any listener was told of a change last, and whether all are connected.
#[derive(Clone, Default)]
pub struct Heard {
    last: Arc<AtomicU64>,
    away: Arc<AtomicU64>,
}

impl Heard {
    /// Every listener is connected, and none has been told of anything since then.
    pub fn nothing_since(&self, moment: Micros) -> bool {
        self.away.load(Ordering::Acquire) == 0 && self.last.load(Ordering::Acquire) < moment
    }
}

impl Listener {
    pub fn new(
        recorder: &Recorder,
        query_apis: &[String],
        seed: u64,
        client: u32,
        heard: &Heard,
    ) -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            recorder: recorder.clone(),
            replicas: query_apis.into(),
            dice: Dice::of(seed, client as usize),
            client,
            connection: 0,
            last_id: None,
            heard: heard.clone(),
        })
    }

    pub async fn listen(mut self, stop: CancellationToken) {
        self.heard.away.fetch_add(1, Ordering::AcqRel);
        while !stop.is_cancelled() {
            self.connection += 1;
            let most = 20 + self.dice.roll(300);
            let connected = self.one_connection(most);
            // What was cut comes again; the history tells whether anything was missed.
            if let Some(Err(_)) = stop.run_until_cancelled(connected).await {
                stop.run_until_cancelled(sleep(COME_AGAIN_AFTER)).await;
            }
        }
    }

    /// Until so many changes were told, or the connection breaks.
    async fn one_connection(&mut self, most: usize) -> Result<()> {
        let replica = (self.client + self.connection) as usize % self.replicas.len();
        let mut request = self
            .http
            .get(format!("{}/v1/orders/changes", self.replicas[replica]))
            .header("Accept", "text/event-stream");
        if let Some(id) = &self.last_id {
            request = request.header("Last-Event-ID", id);
        }
        let mut response = timeout(SILENCE, request.send()).await.context("no answer")??;
        if response.status() == 410 {
            self.last_id = None;
            self.client += BEGINS_ANEW;
        }
        ensure!(response.status().is_success(), "{}", response.status());
        self.heard.away.fetch_sub(1, Ordering::AcqRel);
        let ended = self.told(&mut response, replica, most).await;
        self.heard.away.fetch_add(1, Ordering::AcqRel);
        ended
    }

    async fn told(&mut self, response: &mut reqwest::Response, replica: usize, most: usize) -> Result<()> {
        let mut unread: Vec<u8> = Vec::new();
        let mut told = 0;
        while told < most {
            let chunk = timeout(SILENCE, response.chunk()).await.context("silence")??;
            unread.extend_from_slice(&chunk.context("the stream ended")?);
            while let Some(end) = unread.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = unread.drain(..end + 2).collect();
                told += usize::from(self.understand(std::str::from_utf8(&block)?, replica)?);
            }
        }
        Ok(())
    }

    /// Whether it was a change.
    fn understand(&mut self, block: &str, replica: usize) -> Result<bool> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let Some(id) = field("id: ") else {
            return Ok(false);
        };
        self.last_id = Some(id.to_owned());
        let Some(data) = field("data: ") else {
            return Ok(false);
        };
        let order: Value = serde_json::from_str(data)?;
        let at = self.recorder.now();
        self.heard.last.fetch_max(at, Ordering::AcqRel);
        self.recorder.note(Entry::Push(Push {
            client: self.client,
            connection: self.connection,
            replica: replica as u32,
            at,
            event: id.to_owned(),
            order: order["id"].as_str().context("no id")?.parse()?,
            version: order["version"].as_u64().context("no version")?,
        }));
        Ok(true)
    }
}
