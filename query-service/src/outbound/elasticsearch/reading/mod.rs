//! The documents as queries read them: real-time gets, listings and searches, by the aliases that queries read.

use std::time::Duration;

use elasticsearch::Elasticsearch;
use read_model::Kind;

use self::http::Http;
use super::naming::Naming;

mod documents;
mod http;
mod listed;
mod orders;
mod pages;
mod sales;
mod search_body;
mod versions;

/// Every read model, by the alias of its kind.
pub struct ElasticsearchReader {
    http: Http,
    naming: Naming,
    /// How long a point in time is kept since it was last read.
    point_keep_alive: Duration,
}

impl ElasticsearchReader {
    pub fn new(client: Elasticsearch, index_prefix: &str, point_keep_alive: Duration) -> Self {
        Self {
            http: Http::new(client),
            naming: Naming::with_prefix(index_prefix),
            point_keep_alive,
        }
    }

    /// What queries of the kind read.
    fn alias(&self, kind: Kind) -> String {
        self.naming.queried(kind)
    }
}
