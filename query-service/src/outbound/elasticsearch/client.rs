//! The connection to Elasticsearch. HTTP errors come back as `Ok`: whoever sends a request reads its status.

use std::time::Duration;

use elasticsearch::Elasticsearch;
use elasticsearch::auth::Credentials;
use elasticsearch::http::Url;
use elasticsearch::http::headers::{ACCEPT_ENCODING, HeaderValue};
use elasticsearch::http::transport::{BuildError, SingleNodeConnectionPool, TransportBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::settings::duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticsearchSettings {
    pub url: String,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    /// Put before every index and alias.
    pub index_prefix: String,
    /// Of each index, read when `setup` creates it.
    pub shards: u32,
    pub replicas: u32,
    /// How long a write stays invisible to searches.
    #[serde(with = "duration")]
    pub refresh_interval: Duration,
    /// A request without an answer is given up after this; where a caller has a deadline of its own, that counts.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// A bulk request is split before its body grows beyond this.
    pub bulk_max_bytes: usize,
}

impl Default for ElasticsearchSettings {
    fn default() -> Self {
        Self {
            url: "http://localhost:9200".to_owned(),
            username: None,
            password: None,
            index_prefix: String::new(),
            shards: 1,
            replicas: 0,
            refresh_interval: Duration::from_millis(200),
            request_timeout: Duration::from_secs(10),
            bulk_max_bytes: 8 * 1024 * 1024,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{url:?} is no URL of an Elasticsearch")]
    Url {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the Elasticsearch client cannot be built")]
    Client(#[source] BuildError),
}

/// Makes the client; connects with the first request. Pool and time-outs are in it: clone it, do not make a second.
pub fn connect(settings: &ElasticsearchSettings) -> Result<Elasticsearch, ConnectError> {
    let url = Url::parse(&settings.url).map_err(|source| ConnectError::Url {
        url: settings.url.clone(),
        source: Box::new(source),
    })?;
    let mut transport = TransportBuilder::new(SingleNodeConnectionPool::new(url))
        .disable_proxy()
        // The client would ask for gzip, which costs more than it saves inside a data centre.
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .timeout(settings.request_timeout);
    if let (Some(username), Some(password)) = (&settings.username, &settings.password) {
        transport = transport.auth(Credentials::Basic(
            username.clone(),
            password.expose_secret().to_owned(),
        ));
    }
    Ok(Elasticsearch::new(
        transport.build().map_err(ConnectError::Client)?,
    ))
}
