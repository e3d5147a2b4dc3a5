//! What a replica of the api keeps up with: changes for its cache, its waiting queries and its pushes; and how far behind
//! the projections are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use read_model::Kind;
use tokio_util::sync::CancellationToken;

use super::Tasks;
use crate::application::caching::OrderCache;
use crate::application::following::Followers;
use crate::application::freshness::Freshness;
use crate::application::freshness::lag::ProjectionLags;
use crate::application::ports::reading::VersionReader;
use crate::application::ports::{Generations as _, StoreError};
use crate::application::pushing::{Pushing, RecentChanges};
use crate::inbound::http::orders::changes::{self, ChangesApi};
use crate::inbound::kafka::changes_feed::ChangesFeed;
use crate::inbound::kafka::lag_watch::{LagWatch, QueriedGroups};
use crate::inbound::kafka::past_changes::PastChanges;
use crate::outbound::elasticsearch::ElasticsearchGenerations;
use crate::outbound::kafka::KafkaSettings;
use crate::settings::Settings;
use crate::telemetry::prometheus;

const CACHE_UPKEEP: Duration = Duration::from_secs(5);

pub struct Following {
    pub cache: Arc<OrderCache>,
    pub changes: Arc<ChangesApi>,
    pub lags: Arc<ProjectionLags>,
    /// Ends every stream of changes.
    pub no_more_pushes: CancellationToken,
}

pub fn start<R: VersionReader>(
    freshness: &Arc<Freshness<R>>,
    generations: Arc<ElasticsearchGenerations>,
    settings: &Settings,
    tasks: &mut Tasks,
) -> anyhow::Result<Following> {
    let cache = OrderCache::new(settings.cache.clone());
    let push = &settings.push;
    let recent = Arc::new(RecentChanges::new(
        changes::show,
        push.max_changes.get(),
        push.max_bytes,
    ));
    let feed = ChangesFeed::new(&settings.kafka).context("the changes feed cannot be made")?;
    let followers = Followers::new(
        cache.clone(),
        {
            let freshness = freshness.clone();
            move |change| freshness.announce(change)
        },
        recent.clone(),
    );
    tasks.spawn("changes feed", |cancelled| async move {
        feed.run(|event| followers.on(event), cancelled).await;
        Ok(())
    });
    tasks.spawn("cache upkeep", {
        let cache = cache.clone();
        |cancelled| async move {
            let mut ticks = tokio::time::interval(CACHE_UPKEEP);
            while cancelled.run_until_cancelled(ticks.tick()).await.is_some() {
                cache.upkeep();
            }
            Ok(())
        }
    });
    let lags = Arc::<ProjectionLags>::default();
    let groups = GroupsOfAliases {
        generations,
        kafka: settings.kafka.clone(),
    };
    let watch = LagWatch::new(settings.kafka.clone(), groups, lags.clone());
    tasks.spawn("lag watch", |cancelled| watch.run(cancelled));
    let past = PastChanges::new(&settings.kafka).context("past changes cannot be read")?;
    let pushing = Arc::new(Pushing::new(recent, past, push.clone()));
    let no_more_pushes = CancellationToken::new();
    Ok(Following {
        cache,
        changes: Arc::new(ChangesApi::new(pushing, no_more_pushes.clone())),
        lags,
        no_more_pushes,
    })
}

/// Those of the generations that carry the queries' aliases.
struct GroupsOfAliases {
    generations: Arc<ElasticsearchGenerations>,
    kafka: KafkaSettings,
}

impl QueriedGroups for GroupsOfAliases {
    async fn groups(&self) -> Result<BTreeMap<Kind, String>, StoreError> {
        let found = self.generations.find(&Kind::ALL).await?;
        Ok(found
            .into_iter()
            .filter(|found| found.queried)
            .map(|found| (found.generation.kind, self.kafka.group(found.generation)))
            .collect())
    }
}

/// For a scrape.
pub fn tell_lags(lags: &ProjectionLags) {
    for kind in Kind::ALL {
        if let Some(lag) = lags.longest(&[kind]) {
            metrics::gauge!("read_model_lag_seconds", "projection" => kind.name()).set(lag.as_secs_f64());
        }
    }
}

/// For the health page.
pub fn lag_figure(lags: &ProjectionLags) -> String {
    let lags: Vec<String> = Kind::ALL
        .into_iter()
        .filter_map(|kind| Some(format!("{kind} {:.1} s", lags.longest(&[kind])?.as_secs_f64())))
        .collect();
    match lags.is_empty() {
        true => "unknown".to_owned(),
        false => lags.join(", "),
    }
}

/// For the health page.
pub fn feed_figure() -> String {
    let up = prometheus::values("changes_feed_up").first() == Some(&1.0);
    let clients = prometheus::values("push_clients")
        .first()
        .copied()
        .unwrap_or_default();
    let bytes = prometheus::values("order_cache_bytes")
        .first()
        .copied()
        .unwrap_or_default();
    let feed = match up {
        true => "up",
        false => "cut off: the cache keeps shortly",
    };
    format!("{feed}; {bytes} bytes in the cache, {clients} clients are told")
}
