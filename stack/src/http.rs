//! Plain HTTP to servers on this machine.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

/// An agent that gives every status back as an answer.
pub fn agent(limit: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .build()
        .into()
}

/// Whether a GET answers with a success.
pub fn answers(url: &str) -> bool {
    agent(Duration::from_secs(3))
        .get(url)
        .call()
        .is_ok_and(|response| response.status().is_success())
}

/// Sends JSON and reads JSON; any status but a success is an error that names the answer.
pub fn send_json(agent: &Agent, method: &str, url: &str, body: &Value) -> Result<Value> {
    let request = match method {
        "PUT" => agent.put(url),
        _ => agent.post(url),
    };
    let mut response = request
        .send_json(body)
        .with_context(|| format!("{method} {url}"))?;
    let status = response.status();
    let text = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("{method} {url}"))?;
    if !status.is_success() {
        bail!("{method} {url} answered {status}: {text}");
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("{method} {url} answered no JSON: {text}"))
}
