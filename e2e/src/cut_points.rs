//! Services that die at fail points, and clients that repeat under its key whatever they got no answer to.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::{ServiceProcess, Signal};
use tokio::sync::watch;

use crate::api::{Answer, Commands, http_client};
use crate::eventually;
use crate::system::System;

/// How long a process may live on until it comes to a point.
const DIES_WITHIN: Duration = Duration::from_secs(60);
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Between two tries of a request, and how many there may be.
const RETRY: Duration = Duration::from_millis(50);
const MOST_TRIES: usize = 1_000;

/// Sets what a fail point of a running service does.
pub async fn set(base: &str, point: &str, action: &str) -> Result<()> {
    let url = format!("{base}/test/failpoints/{point}");
    let response = http_client().put(url).body(action.to_owned()).send().await?;
    match response.status() {
        StatusCode::NO_CONTENT => Ok(()),
        StatusCode::NOT_FOUND => bail!(
            "this service was built without fail points: use `cargo xtask test` or `cargo test --workspace --test …`, \
             and no COMMAND_SERVICE_BIN or QUERY_SERVICE_BIN of another build"
        ),
        status => bail!("{point}={action}: {status} {}", response.text().await?),
    }
}

/// The living replicas of the command API, round robin.
#[derive(Clone, Default)]
pub struct Doors {
    living: Arc<RwLock<Vec<Commands>>>,
    next: Arc<AtomicUsize>,
}

impl Doors {
    fn open(&self, processes: &[ServiceProcess]) {
        let doors = processes.iter().map(|process| Commands::new(&process.base_url()));
        *self.living.write().unwrap_or_else(PoisonError::into_inner) = doors.collect();
    }

    fn next(&self) -> Result<Commands> {
        let living = self.living.read().unwrap_or_else(PoisonError::into_inner);
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        living
            .get(next % living.len().max(1))
            .cloned()
            .context("no replica of the command API")
    }
}

/// Replicas of one role, some of which die and are started again.
pub struct Replicas<'a> {
    system: &'a System,
    service: &'static str,
    role: &'static str,
    settings: &'a [(&'static str, &'static str)],
    doors: Doors,
    pub processes: Vec<ServiceProcess>,
}

impl<'a> Replicas<'a> {
    /// Two of a role, with these settings in the environment.
    pub fn two(
        system: &'a System,
        service: &'static str,
        role: &'static str,
        settings: &'a [(&'static str, &'static str)],
    ) -> Result<Self> {
        let mut replicas = Self {
            system,
            service,
            role,
            settings,
            doors: Doors::default(),
            processes: Vec::new(),
        };
        for _ in 0..2 {
            let process = replicas.start("")?;
            replicas.processes.push(process);
        }
        replicas.doors.open(&replicas.processes);
        Ok(replicas)
    }

    /// Kept up to date while replicas come and go.
    pub fn doors(&self) -> Doors {
        self.doors.clone()
    }

    fn start(&self, fail_points: &str) -> Result<ServiceProcess> {
        let mut process = self
            .system
            .service(self.service, self.role)
            .envs(self.settings.iter().copied())
            .env("FAILPOINTS", fail_points)
            .spawn()?;
        process.wait_live(READY_WITHIN)?;
        Ok(process)
    }

    /// Replaces one that is dead. It does at its fail points as `fail_points` says, from its start on.
    pub fn restart(&mut self, at: usize, fail_points: &str) -> Result<()> {
        self.processes[at] = self.start(fail_points)?;
        self.doors.open(&self.processes);
        Ok(())
    }

    /// Lets one that runs die when it next comes to a point.
    pub async fn arm(&self, at: usize, point: &str) -> Result<()> {
        set(&self.processes[at].base_url(), point, "return").await
    }

    /// Waits until one has died at a point that begins so.
    pub async fn has_died(&mut self, at: usize, point: &str) -> Result<()> {
        let process = &mut self.processes[at];
        let what = format!("{} dies at {point}", self.role);
        eventually(&what, DIES_WITHIN, async || {
            Ok((!process.is_running()?).then_some(()))
        })
        .await?;
        let status = process.kill()?;
        ensure!(
            status.signal() == Some(Signal::SIGKILL as i32),
            "{} ended with {status} and not at {point}:\n{}",
            self.role,
            process.log_text()
        );
        ensure!(
            process.log_text().contains(&format!("fail point {point}")),
            "{} was killed, but not at {point}:\n{}",
            self.role,
            process.log_text()
        );
        Ok(())
    }
}

/// What was sent under a key, and its final answer.
struct Sent {
    key: String,
    method: Method,
    path: String,
    deferred: bool,
    body: Option<Value>,
    answer: Answer,
}

/// Clients that send each command under a key of its own, and again under that key until the answer is final.
pub struct Clients {
    doors: Doors,
    sent: Mutex<Vec<Sent>>,
    keys: AtomicUsize,
    unknown: AtomicUsize,
    /// Orders that came to their end.
    made: watch::Sender<usize>,
}

impl Clients {
    pub fn new(doors: Doors) -> Self {
        Self {
            doors,
            sent: Mutex::default(),
            keys: AtomicUsize::new(0),
            unknown: AtomicUsize::new(0),
            made: watch::Sender::new(0),
        }
    }

    /// Waits until so many orders have been made from the beginning on.
    pub async fn have_made(&self, orders: usize) -> Result<()> {
        self.made.subscribe().wait_for(|made| *made >= orders).await?;
        Ok(())
    }

    /// How often a connection broke before an answer came.
    pub fn unknown(&self) -> usize {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Each of `clients` sends one order after the other, one begun every `pace` at most, until `until` has happened.
    pub async fn work_until<T>(
        &self,
        clients: usize,
        pace: Duration,
        until: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let customer = self.register_customer().await?;
        let product = self.add_product().await?;
        let over = AtomicBool::new(false);
        let (customer, product, over) = (&customer, &product, &over);
        let until = async {
            let happened = until.await;
            over.store(true, Ordering::Relaxed);
            happened
        };
        let working = try_join_all((0..clients).map(|client| async move {
            let mut pace = tokio::time::interval(pace);
            let mut orders = client;
            while !over.load(Ordering::Relaxed) {
                pace.tick().await;
                self.one_order(customer, product, orders).await?;
                orders += clients;
            }
            anyhow::Ok(())
        }));
        let (happened, _) = tokio::try_join!(until, working)?;
        Ok(happened)
    }

    async fn one_order(&self, customer: &str, product: &str, number: usize) -> Result<()> {
        let body = json!({"customer_id": customer, "items": [{"product_id": product, "quantity": 2}]});
        let order = self.created(Method::POST, "/v1/orders", body).await?;
        let item = format!("/v1/orders/{order}/items/{product}");
        // Decided later, by a worker.
        let quantity = json!({"quantity": 3 + number % 7});
        let accepted = self.send(Method::PUT, &item, true, Some(quantity)).await?;
        ensure!(accepted.status == StatusCode::ACCEPTED, "{accepted:?}");
        // An invoice follows by a policy, and from a cancellation a credit note.
        let mut steps = vec![("submit", None)];
        if number.is_multiple_of(3) {
            steps.push(("cancel", Some(json!({"reason": "of no use any more"}))));
        }
        for (step, body) in steps {
            let path = format!("/v1/orders/{order}/{step}");
            let answer = self.send(Method::POST, &path, false, body).await?;
            ensure!(answer.status.is_success(), "{path}: {answer:?}");
        }
        if number.is_multiple_of(5) {
            let nobody = json!({"customer_id": "00000000-0000-4000-8000-000000000000"});
            let answer = self.send(Method::POST, "/v1/orders", false, Some(nobody)).await?;
            ensure!(answer.status == StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        }
        self.made.send_modify(|made| *made += 1);
        Ok(())
    }

    pub async fn register_customer(&self) -> Result<String> {
        let address = json!({
            "name": "Ada Lovelace", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London",
            "country": "GB",
        });
        let body = json!({"name": "Ada Lovelace", "billing_address": address});
        self.created(Method::POST, "/v1/customers", body).await
    }

    pub async fn add_product(&self) -> Result<String> {
        let body = json!({"name": "Loom", "unit_price": {"amount": 700, "currency": "EUR"}});
        self.created(Method::POST, "/v1/products", body).await
    }

    /// Answers the id.
    pub async fn created(&self, method: Method, path: &str, body: Value) -> Result<String> {
        let answer = self.send(method, path, false, Some(body)).await?;
        let id = answer.json()?["id"].as_str().map(str::to_owned);
        id.with_context(|| format!("{path}: {answer:?}"))
    }

    /// One command under a key of its own, until its answer is final.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        deferred: bool,
        body: Option<Value>,
    ) -> Result<Answer> {
        let key = format!("cut-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        let answer = self.finally(&key, &method, path, deferred, body.as_ref()).await?;
        let sent = Sent {
            key,
            method,
            path: path.to_owned(),
            deferred,
            body,
            answer: answer.clone(),
        };
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sent);
        Ok(answer)
    }

    async fn finally(
        &self,
        key: &str,
        method: &Method,
        path: &str,
        deferred: bool,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut headers = vec![("Idempotency-Key", key)];
        if deferred {
            headers.push(("Prefer", "respond-async"));
        }
        for _ in 0..MOST_TRIES {
            match self.doors.next()?.ask(method.clone(), path, &headers, body).await {
                Ok(answer) if is_final(&answer)? => return Ok(answer),
                Ok(_) => {}
                // It may have happened or not: whoever is asked next knows by the key.
                Err(_) => _ = self.unknown.fetch_add(1, Ordering::Relaxed),
            }
            // A client's pause before it sends its key again.
            tokio::time::sleep(RETRY).await;
        }
        bail!("{key}, {method} {path}, never comes to its end")
    }

    /// Sends everything once more under its key, and looks into the store: each key has one outcome, which is answered
    /// again. Answers how many keys there are.
    pub async fn every_key_has_one_outcome(&self, system: &System) -> Result<usize> {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        stream::iter(&sent)
            .map(|sent| async {
                let again = self
                    .finally(
                        &sent.key,
                        &sent.method,
                        &sent.path,
                        sent.deferred,
                        sent.body.as_ref(),
                    )
                    .await?;
                ensure!(
                    again == sent.answer,
                    "{} was answered {:?}, and then {again:?}",
                    sent.key,
                    sent.answer
                );
                Ok(())
            })
            .buffer_unordered(8)
            .try_collect::<()>()
            .await?;
        let row = system
            .database
            .query_one(
                "SELECT (SELECT count(*) FROM idempotency_keys),
                        (SELECT count(*) FROM commands WHERE actor NOT LIKE 'policy:%')",
                &[],
            )
            .await?;
        let found: [i64; 2] = [row.get(0), row.get(1)];
        let expected = i64::try_from(sent.len())?;
        ensure!(
            found == [expected; 2],
            "{expected} keys were sent; [keys, commands] in the store are {found:?}"
        );
        Ok(sent.len())
    }
}

/// Neither that the first still runs, nor that the service could not try, which frees the key.
fn is_final(answer: &Answer) -> Result<bool> {
    let in_flight = answer.status == StatusCode::CONFLICT
        && answer.json()?["type"] == "/problems/idempotency-key-in-flight";
    let not_tried = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT];
    Ok(!in_flight && !not_tried.contains(&answer.status))
}
