//! A client of Server-Sent Events.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Response;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

pub struct Events {
    response: Response,
    text: String,
    /// As a browser keeps it.
    pub last_id: String,
}

impl Events {
    /// Returns when the stream has said where it stands.
    pub async fn open(base: &str, path: &str, last_id: Option<&str>) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut request = http.get(format!("{base}{path}"));
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await?;
        ensure!(response.status().is_success(), "{}", response.status());
        let mut events = Self {
            response,
            text: String::new(),
            last_id: String::new(),
        };
        while events.last_id.is_empty() {
            let chunk = events.chunk().await?.context("the stream ended")?;
            events.text.push_str(&chunk);
            if let Some(id) = events.text.lines().find_map(|line| line.strip_prefix("id: ")) {
                id.clone_into(&mut events.last_id);
            }
        }
        Ok(events)
    }

    /// The next event's data; `None` when the stream was cut.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        self.next_before("").await
    }

    /// The same; `None` also once it stands at `end`.
    pub async fn next_before(&mut self, end: &str) -> Result<Option<Value>> {
        loop {
            if self.last_id == end {
                return Ok(None);
            }
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(id) = field("id: ") {
                    id.clone_into(&mut self.last_id);
                }
                if let Some(data) = field("data: ") {
                    ensure!(field("event: ") == Some("order-changed"), "{block}");
                    return Ok(Some(serde_json::from_str(data)?));
                }
            }
            match self.chunk().await? {
                Some(chunk) => self.text.push_str(&chunk),
                None => return Ok(None),
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<String>> {
        let chunk = tokio::time::timeout(LIMIT, self.response.chunk())
            .await
            .context("nothing came")?;
        // A connection that breaks is a cut, too.
        match chunk.ok().flatten() {
            Some(chunk) => Ok(Some(std::str::from_utf8(&chunk)?.to_owned())),
            None => Ok(None),
        }
    }
}
