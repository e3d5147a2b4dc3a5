//! A client of Server-Sent Events.

use std::time::Duration;

use query_service::application::ports::reading::ReadModels;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::api::Api;

pub struct Events {
    response: Response,
    text: String,
    /// As a browser keeps it.
    pub last_id: String,
}

impl Events {
    pub async fn open<R: ReadModels>(api: &Api<R>, path: &str, last_id: Option<&str>) -> Self {
        let mut request = api.request(reqwest::Method::GET, path);
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await.expect("the API answers");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("etag"));
        Self {
            response,
            text: String::new(),
            last_id: String::new(),
        }
    }

    /// The next event's type and data; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        tokio::time::timeout(Duration::from_secs(30), self.read())
            .await
            .expect("an event in time")
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(id) = field("id: ") {
                    id.clone_into(&mut self.last_id);
                }
                if let Some(data) = field("data: ") {
                    let data = serde_json::from_str(data).expect("JSON");
                    return Some((field("event: ").unwrap_or_default().to_owned(), data));
                }
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// Until the stream has told where it stands.
    pub async fn opened(mut self) -> Self {
        while self.last_id.is_empty() {
            let chunk = self
                .response
                .chunk()
                .await
                .expect("it goes on")
                .expect("it goes on");
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
            if let Some(id) = self.text.lines().find_map(|line| line.strip_prefix("id: ")) {
                id.clone_into(&mut self.last_id);
            }
        }
        self
    }
}
