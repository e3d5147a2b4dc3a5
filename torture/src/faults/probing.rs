//! Requests of the harness's own, each on a connection of its own: what a service says while something is broken.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::HeaderMap;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::scene::Scene;
use crate::cluster::Role;

/// `http.request_deadline` of both services in the run, and what the machine may take on top of it.
const DEADLINE: Duration = Duration::from_millis(4_000 + 2_000);
const LIVE_WITHIN: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Probes {
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub took: Duration,
}

impl Answered {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// 503 as the API promises it: problem details, with when to come back, within the deadline.
    pub fn check_unavailable(&self) -> Result<()> {
        ensure!(
            self.header("content-type")
                .is_some_and(|kind| kind.starts_with("application/problem+json")),
            "503 without problem details: {self:?}"
        );
        ensure!(
            self.header("retry-after")
                .is_some_and(|seconds| seconds.parse::<u64>().is_ok()),
            "503 without Retry-After: {self:?}"
        );
        self.check_deadline()
    }

    pub fn check_deadline(&self) -> Result<()> {
        ensure!(self.took <= DEADLINE, "answered after {:?}: {self:?}", self.took);
        Ok(())
    }
}

impl Probes {
    pub fn new() -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(DEADLINE * 2)
            .build()?;
        Ok(Self { http })
    }

    pub async fn get(&self, url: &str) -> Result<Answered> {
        self.get_with(url, &[]).await
    }

    pub async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answered> {
        let begun = Instant::now();
        let request = headers.iter().fold(self.http.get(url), |request, (name, value)| {
            request.header(*name, *value)
        });
        let response = request.send().await.with_context(|| url.to_owned())?;
        answered(response, begun).await
    }

    /// A command that is always refused (404) where it can be decided, and changes nothing.
    pub async fn command(&self, base: &str) -> Result<Answered> {
        let begun = Instant::now();
        let nobody = Uuid::new_v5(&Uuid::NAMESPACE_OID, base.as_bytes());
        let url = format!("{base}/v1/products/{nobody}/price");
        let body = json!({"unit_price": {"amount": 1, "currency": "EUR"}});
        let response = self.http.put(&url).json(&body).send().await.context(url)?;
        answered(response, begun).await
    }

    pub async fn put(&self, url: &str, body: &str) -> Result<u16> {
        let response = self.http.put(url).body(body.to_owned()).send().await?;
        Ok(response.status().as_u16())
    }

    /// A figure's sum over its labels; none where the process does not tell it.
    pub async fn figure(&self, base: &str, name: &str) -> Result<Option<f64>> {
        let text = self.get(&format!("{base}/metrics")).await?.body;
        Ok(figure(&text, name))
    }
}

/// The sum of a figure in Prometheus's text.
pub fn figure(text: &str, name: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| {
            let (of, value) = line.rsplit_once(' ')?;
            (of.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        })
        .reduce(|a, b| a + b)
}

async fn answered(response: reqwest::Response, begun: Instant) -> Result<Answered> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await?;
    Ok(Answered {
        status,
        headers,
        body,
        took: begun.elapsed(),
    })
}

/// What commands are answered while the database is away for `lasting`: 503 as promised, or what they would be otherwise;
/// never anything else. True when a 503 was among them.
pub async fn commands_are_shed(scene: &Scene, lasting: Duration) -> Result<bool> {
    let end = Instant::now() + lasting;
    let apis = scene.cluster().command_apis();
    let mut shed = false;
    let mut turn = 0;
    while Instant::now() < end {
        let base = &apis[turn % apis.len()];
        turn += 1;
        let answer = scene.probes().command(base).await?;
        match answer.status {
            503 => {
                answer.check_unavailable()?;
                shed = true;
            }
            404 => answer.check_deadline()?,
            _ => bail!("a command was answered {answer:?}"),
        }
        for role in [Role::CommandApi, Role::Relay, Role::Worker] {
            check_alive(scene, role).await?;
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(shed)
}

/// Every replica of a role says that it lives.
pub async fn check_alive(scene: &Scene, role: Role) -> Result<()> {
    for process in scene.cluster().replicas(role) {
        let url = format!("{}/health/live", process.address());
        let answer = scene.probes().get(&url).await?;
        ensure!(
            answer.status == 200 && answer.took <= LIVE_WITHIN,
            "{} no longer says that it lives: {answer:?}",
            process.name()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_summed_over_its_labels() {
        let text = "# TYPE a_total counter\na_total{x=\"1\"} 2\na_total{x=\"2\"} 3.5\na_total_more 7\n";
        assert_eq!(figure(text, "a_total"), Some(5.5));
        assert_eq!(figure(text, "b_total"), None);
    }
}
