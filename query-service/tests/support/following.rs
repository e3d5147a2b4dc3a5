//! What a replica follows, fed by the test instead of Kafka.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use query_service::application::caching::{CacheSettings, OrderCache};
use query_service::application::following::{FeedEvent, Followers};
use query_service::application::freshness::Freshness;
use query_service::application::freshness::lag::ProjectionLags;
use query_service::application::ports::Change;
use query_service::application::ports::reading::VersionReader;
use query_service::application::pushing::{
    ChangeLog, ChangeLogReader, Heard, Positions, PushError, PushSettings, Pushing, RecentChanges,
};
use query_service::inbound::http::orders::changes::{self, ChangesApi};
use tokio_util::sync::CancellationToken;

/// Enough for every test but the one that forgets.
pub const REMEMBERED: usize = 100;

pub struct Following {
    pub cache: Arc<OrderCache>,
    pub lags: Arc<ProjectionLags>,
    pub changes: Arc<ChangesApi>,
    pub followers: Followers,
    pub topic: Topic,
    pub no_more_pushes: CancellationToken,
}

impl Following {
    pub fn over<R: VersionReader>(freshness: &Arc<Freshness<R>>) -> Self {
        let cache = OrderCache::new(CacheSettings::default());
        let recent = Arc::new(RecentChanges::new(changes::show, REMEMBERED, usize::MAX));
        let announced = freshness.clone();
        let followers = Followers::new(
            cache.clone(),
            move |change| announced.announce(change),
            recent.clone(),
        );
        let topic = Topic::default();
        followers.on(FeedEvent::BeginsAt([(0, 0)].into_iter().collect()));
        followers.on(FeedEvent::Up(true));
        let settings = PushSettings {
            max_clients: const { NonZeroUsize::new(2).unwrap() },
            ..PushSettings::default()
        };
        let pushing = Arc::new(Pushing::new(recent, topic.clone(), settings));
        let no_more_pushes = CancellationToken::new();
        Self {
            cache,
            lags: Arc::default(),
            changes: Arc::new(ChangesApi::new(pushing, no_more_pushes.clone())),
            followers,
            topic,
            no_more_pushes,
        }
    }
}

/// One partition in memory; what is below `begin` is gone.
#[derive(Clone, Default)]
pub struct Topic(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    records: Vec<Heard>,
    begin: i64,
}

impl Topic {
    pub fn tell(&self, change: &Change, followers: &Followers) {
        let heard = {
            let mut kept = self.0.lock().expect("no panic");
            let heard = Heard {
                partition: 0,
                offset: i64::try_from(kept.records.len()).expect("small"),
                change: Some(change.clone()),
            };
            kept.records.push(heard.clone());
            heard
        };
        followers.on(FeedEvent::Heard(heard));
    }

    pub fn forget_below(&self, begin: i64) {
        self.0.lock().expect("no panic").begin = begin;
    }
}

impl ChangeLog for Topic {
    type Reader = Reader;

    async fn check(&self, from: &Positions) -> Result<(), PushError> {
        let kept = self.0.lock().expect("no panic");
        match (kept.begin..=kept.records.len() as i64).contains(&from.of(0)) {
            true => Ok(()),
            false => Err(PushError::Gone),
        }
    }

    async fn read(&self, from: &Positions) -> Result<Reader, PushError> {
        Ok(Reader(self.clone(), from.of(0)))
    }
}

pub struct Reader(Topic, i64);

impl ChangeLogReader for Reader {
    async fn next(&mut self) -> Result<Heard, PushError> {
        let at = usize::try_from(self.1).expect("small");
        let found = self.0.0.lock().expect("no panic").records.get(at).cloned();
        self.1 += 1;
        match found {
            Some(heard) => Ok(heard),
            None => std::future::pending().await,
        }
    }
}
