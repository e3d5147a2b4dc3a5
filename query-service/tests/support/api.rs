use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::following::Following;

use query_service::application::freshness::{Freshness, Pace};
use query_service::application::ports::Change;
use query_service::application::ports::reading::ReadModels;
use query_service::application::queries::QueryBus;
use query_service::application::queries::cursor::CursorSigner;
use query_service::application::queries::lists::Cursors;
use query_service::application::queries::points::Points;
use query_service::inbound::health::{Dependency, Health};
use query_service::inbound::http::admission::Admission;
use query_service::inbound::http::query_api::QueryApi;
use query_service::inbound::http::server;
use query_service::settings::{HttpSettings, Role, ShutdownSettings};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// The API over some adapter, on a free port.
pub struct Api<R> {
    pub base_url: String,
    pub health: Arc<Health>,
    client: reqwest::Client,
    pub following: Following,
    _freshness: Arc<Freshness<R>>,
    handle: actix_web::dev::ServerHandle,
    cancelled: CancellationToken,
}

#[derive(Clone)]
pub struct Limits {
    pub max_in_flight: usize,
    pub max_waiting: usize,
    pub request_deadline: Duration,
    pub slow_client_timeout: Duration,
    pub max_points: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_in_flight: 100,
            max_waiting: 50,
            request_deadline: Duration::from_secs(5),
            max_points: 50,
            slow_client_timeout: Duration::from_secs(5),
        }
    }
}

impl<R: ReadModels> Api<R> {
    pub fn over(reader: Arc<R>) -> Self {
        Self::within(reader, Limits::default())
    }

    pub fn within(reader: Arc<R>, limits: Limits) -> Self {
        let pace = Pace {
            max_waiting: limits.max_waiting,
            search_check: Duration::from_millis(20),
            recheck_first: Duration::from_millis(50),
            recheck_longest: Duration::from_millis(250),
        };
        let freshness = Arc::new(Freshness::new(reader.clone(), pace));
        let cursors = Arc::new(Cursors {
            signer: CursorSigner::new(b"a secret for tests"),
            points: Points::new(limits.max_points, Duration::from_secs(120)),
        });
        let following = Following::over(&freshness);
        let bus = QueryBus::new(&reader, &freshness, &following.cache, &cursors);
        let http = HttpSettings {
            port: 0,
            workers: NonZeroUsize::new(1),
            max_in_flight: NonZeroUsize::new(limits.max_in_flight).expect("above 0"),
            max_waiting: 0,
            slow_client_timeout: limits.slow_client_timeout,
            ..HttpSettings::default()
        };
        let api = QueryApi::new(
            bus,
            Arc::new(Admission::new(&http)),
            following.lags.clone(),
            limits.request_deadline,
        );
        let health = Arc::new(Health::new(
            Role::Api,
            vec![Dependency::new("elasticsearch", true, || async { Ok(()) })],
        ));
        let (server, address) = server::bind(
            vec![Arc::new(api)],
            Some(following.changes.clone()),
            health.clone(),
            &http,
            &ShutdownSettings::default(),
        )
        .expect("a port is free");
        let handle = server.handle();
        let cancelled = CancellationToken::new();
        tokio::spawn(server);
        tokio::spawn({
            let (freshness, cancelled) = (freshness.clone(), cancelled.clone());
            async move { freshness.run(cancelled).await }
        });
        Self {
            base_url: format!("http://{address}"),
            health,
            client: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("a client can be built"),
            following,
            _freshness: freshness,
            handle,
            cancelled,
        }
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base_url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(reqwest::Method::GET, path)).await
    }

    /// With a consistency token, waiting so many seconds at most.
    pub async fn get_with_token(&self, path: &str, token: &str, seconds: u64) -> Answer {
        Answer::of(
            self.request(reqwest::Method::GET, path)
                .header("Consistency-Token", token)
                .header("Prefer", format!("wait={seconds}")),
        )
        .await
    }

    /// As the changes feed does it.
    pub fn announce(&self, change: &Change) {
        self.following.topic.tell(change, &self.following.followers);
    }

    pub async fn stop(self) {
        self.following.no_more_pushes.cancel();
        self.handle.stop(true).await;
        self.cancelled.cancel();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response: Response = request.send().await.expect("the API answers");
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.expect("a body of text"),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Asserts a problem detail of this kind, and answers it.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        assert!(
            problem["title"].is_string() && problem["detail"].is_string(),
            "{self:?}"
        );
        if status == 503 {
            assert_eq!(self.header("retry-after"), "1", "{self:?}");
        }
        problem
    }

    /// The problem's type, empty for an answer that is none.
    pub fn problem_kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        self.json()
    }

    /// The ids of a page, in its order.
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        let page = self.ok();
        let items = page["items"].as_array().expect("a list");
        items
            .iter()
            .map(|item| item["id"].as_str().expect("an id").to_owned())
            .collect()
    }
}
