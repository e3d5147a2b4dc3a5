//! Load over HTTP: kept-alive connections, one request in flight on each, latencies kept whole.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One kept-alive connection.
pub struct Connection {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// `base` is `http://host:port`.
    pub async fn open(base: &str) -> Result<Self> {
        let host = base
            .strip_prefix("http://")
            .context("only http:// here")?
            .trim_end_matches('/')
            .to_owned();
        let stream = TcpStream::connect(&host)
            .await
            .with_context(|| format!("cannot reach {host}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the connection, which ends when the sender is dropped.
        tokio::spawn(connection);
        Ok(Self { host, sender })
    }

    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.ready().await?;
        let response = self
            .sender
            .send_request(request.body(Full::new(Bytes::from(body)))?)
            .await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// Sends JSON and takes a 2xx answer as JSON.
    pub async fn json(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body)?
        };
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        let (status, answer) = self.send(method, path, &all, body).await?;
        if !status.is_success() {
            bail!("{path}: {status} {}", String::from_utf8_lossy(&answer));
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}

/// Latencies in the order in which they were taken.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds; `share` of 0.5 is the median.
    pub fn quantile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        self.0.sort_unstable();
        let at = ((self.0.len() - 1) as f64 * share).round() as usize;
        self.0[at].as_secs_f64() * 1e3
    }
}

/// What a closed loop saw.
pub struct Run {
    pub per_second: f64,
    pub latencies: Latencies,
}

/// `clients` connections send one request after another for `duration`. Anything but the expected status ends the bench.
pub async fn closed_loop(
    base: &str,
    clients: usize,
    duration: Duration,
    expected: StatusCode,
    request: impl Fn(usize, usize) -> (Method, String, Vec<u8>) + Clone + Send + 'static,
) -> Result<Run> {
    let mut tasks = tokio::task::JoinSet::new();
    let started = Instant::now();
    for client in 0..clients {
        let (base, request) = (base.to_owned(), request.clone());
        tasks.spawn(async move {
            let mut connection = Connection::open(&base).await?;
            let mut latencies = Latencies::default();
            let mut n = 0;
            while started.elapsed() < duration {
                let (method, path, body) = request(client, n);
                let sent = Instant::now();
                let (status, answer) = connection
                    .send(method, &path, &[("content-type", "application/json")], body)
                    .await?;
                latencies.push(sent.elapsed());
                ensure!(
                    status == expected,
                    "{path}: {status} {}",
                    String::from_utf8_lossy(&answer)
                );
                n += 1;
            }
            Ok(latencies)
        });
    }
    let mut latencies = Latencies::default();
    while let Some(result) = tasks.join_next().await {
        latencies.extend(result??);
    }
    Ok(Run {
        per_second: latencies.count() as f64 / started.elapsed().as_secs_f64(),
        latencies,
    })
}
