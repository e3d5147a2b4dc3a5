//! Lag as the services tell it, beside what is certain to be true: what was waiting before they were asked and still was after.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use checker::history::{Entry, Lag};
use tokio::task::spawn_blocking;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::brokers::{Brokers, Standing};
use crate::calling::http_client;
use crate::cluster::Cluster;
use crate::figures;
use crate::projections::{self, Fed};
use crate::recording::Recorder;

const EVERY: Duration = Duration::from_secs(1);
/// Projections are asked about in turn, a few each time.
const AT_ONCE: usize = 2;
const SCRAPE: Duration = Duration::from_secs(1);
const STORE: Duration = Duration::from_secs(2);
const BROKERS: Duration = Duration::from_secs(2);
/// Looks at a partition that are remembered.
const KEPT: usize = 1_000;
/// A role of which no replica answers within that does not run.
const SIGN_OF_LIFE: Duration = Duration::from_millis(300);

pub struct Lags {
    cluster: Cluster,
    recorder: Recorder,
    http: reqwest::Client,
    brokers: Option<Brokers>,
    looks: Looks,
    /// Topics that were deleted up to the last look.
    deleted: u64,
    turn: usize,
    /// Since when no replica of a role has answered.
    silent: HashMap<&'static str, Instant>,
}

/// The oldest that waits, and for how long it has.
struct Waiting {
    what: String,
    seconds: f64,
    seen: Instant,
}

impl Waiting {
    fn by_now(&self) -> f64 {
        self.seconds + self.seen.elapsed().as_secs_f64()
    }
}

impl Lags {
    pub fn new(cluster: &Cluster, recorder: &Recorder) -> Result<Self> {
        Ok(Self {
            cluster: cluster.clone(),
            recorder: recorder.clone(),
            http: http_client()?,
            brokers: Some(Brokers::connect(cluster.bootstrap_servers(), BROKERS)?),
            looks: Looks::default(),
            deleted: cluster.topics_deleted(),
            turn: 0,
            silent: HashMap::new(),
        })
    }

    pub async fn watch(mut self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_some()
        {
            let relays = self.stopped_for("relay").await;
            // Where the truth cannot be told, nothing is noted.
            let _ = self.outbox(relays).await;
            let projectors = self.stopped_for("projector").await;
            let _ = self.projections(projectors).await;
        }
    }

    /// Since the first look at which no replica of the role answered.
    async fn stopped_for(&mut self, role: &'static str) -> Option<f64> {
        let began = Instant::now();
        for (name, url) in self.cluster.roles() {
            if !name.starts_with(role) {
                continue;
            }
            let asked = self.http.get(format!("{url}/health/live")).timeout(SIGN_OF_LIFE);
            if asked.send().await.is_ok() {
                self.silent.remove(role);
                return None;
            }
        }
        let since = *self.silent.entry(role).or_insert(began);
        Some(since.elapsed().as_secs_f64())
    }

    async fn outbox(&mut self, stopped_for: Option<f64>) -> Result<()> {
        let database = tokio::time::timeout(STORE, self.cluster.database()).await??;
        for api in self.cluster.command_apis().to_vec() {
            let before = oldest_row(&database).await?;
            let asked = before.as_ref().map_or(0.0, Waiting::by_now);
            let told = self.told(&api, "outbox_oldest_age_seconds", None).await;
            let after = oldest_row(&database).await?;
            let still = before
                .zip(after)
                .is_some_and(|(before, after)| before.what == after.what);
            self.note("outbox", &api, told, if still { asked } else { 0.0 }, stopped_for);
        }
        Ok(())
    }

    async fn projections(&mut self, stopped_for: Option<f64>) -> Result<()> {
        let fed = projections::fed(&self.http, self.cluster.elasticsearch_url()).await?;
        for _ in 0..AT_ONCE {
            self.turn += 1;
            let of = fed.get(self.turn % fed.len()).context("no projection")?;
            let deleted = self.cluster.topics_deleted();
            if deleted != self.deleted {
                (self.looks, self.deleted) = (Looks::default(), deleted);
            }
            let before = self.oldest_record(of).await?;
            let apis = self.cluster.query_apis().to_vec();
            let mut answers = Vec::new();
            for api in apis {
                let asked = before.as_ref().map_or(0.0, Waiting::by_now);
                let label = Some(("projection", of.projection));
                let told = self.told(&api, "read_model_lag_seconds", label).await;
                answers.push((api, asked, told));
            }
            let after = self.oldest_record(of).await?;
            // Queries may read another generation by now, and the services tell of that one; or what waits is of another topic.
            let same = projections::fed(&self.http, self.cluster.elasticsearch_url())
                .await?
                .contains(of)
                && self.cluster.topics_deleted() == deleted;
            let still = before
                .zip(after)
                .is_some_and(|(before, after)| same && before.what == after.what);
            for (api, asked, told) in answers {
                let at_least = if still { asked } else { 0.0 };
                self.note(of.projection, &api, told, at_least, stopped_for);
            }
        }
        Ok(())
    }

    async fn told(&self, api: &str, name: &str, label: Option<(&str, &str)>) -> Option<f64> {
        let figures = figures::of(&self.http, api, SCRAPE).await.ok()?;
        figures::find(&figures, name, label).filter(|told| told.is_finite())
    }

    fn note(&self, of: &str, process: &str, told: Option<f64>, at_least: f64, stopped_for: Option<f64>) {
        self.recorder.note(Entry::Lag(Lag {
            at: self.recorder.now(),
            of: of.to_owned(),
            process: process.to_owned(),
            told,
            at_least,
            stopped_for,
        }));
    }

    /// Of the partitions in which something waits, the one whose first record has waited longest.
    async fn oldest_record(&mut self, of: &Fed) -> Result<Option<Waiting>> {
        let mut brokers = self.brokers.take().context("the brokers are asked already")?;
        let (group, topics) = (of.group.clone(), of.topics.clone());
        let (brokers, standings) = spawn_blocking(move || {
            let standings = brokers.standings(&group, &topics);
            (brokers, standings)
        })
        .await?;
        self.brokers = Some(brokers);
        let seen = Instant::now();
        let waiting = standings?.into_iter().filter_map(|standing| {
            let seconds = self.looks.there_for(&of.group, &standing, seen)?.as_secs_f64();
            let what = format!("{} {} {}", standing.topic, standing.partition, standing.committed);
            Some(Waiting { what, seconds, seen })
        });
        Ok(waiting.max_by(|one, other| one.seconds.total_cmp(&other.seconds)))
    }
}

/// What was seen of partitions, by the group: what one of them has to do, another may have done before. The time that a record
/// says is no witness: it was sent then, and may have come to where it can be read much later; that long it is in the outbox,
/// whose age tells of it.
#[derive(Default)]
struct Looks(HashMap<(String, String, i32), Seen>);

struct Seen {
    committed: i64,
    ends: VecDeque<(i64, Instant)>,
}

impl Looks {
    /// Since the first look that showed the first record that is not done, if there is one.
    fn there_for(&mut self, group: &str, standing: &Standing, now: Instant) -> Option<Duration> {
        let of_group = (group.to_owned(), standing.topic.clone(), standing.partition);
        let seen = self.0.entry(of_group).or_insert(Seen {
            committed: standing.committed,
            ends: VecDeque::new(),
        });
        // Records that are to be done once more, for an index that was lost, wait since then.
        if standing.committed < seen.committed {
            seen.ends.clear();
        }
        seen.committed = standing.committed;
        let end = standing.committed + standing.records;
        if seen.ends.back().is_none_or(|(last, _)| *last < end) {
            seen.ends.push_back((end, now));
        }
        while seen.ends.len() > KEPT {
            seen.ends.pop_front();
        }
        let first = seen.ends.iter().find(|(end, _)| *end > standing.committed);
        first.map(|(_, since)| now.duration_since(*since))
    }
}

async fn oldest_row(database: &Client) -> Result<Option<Waiting>> {
    let asked = database.query_opt(
        "SELECT bucket, id, extract(epoch FROM clock_timestamp() - created_at)::float8
         FROM outbox ORDER BY created_at LIMIT 1",
        &[],
    );
    let row = tokio::time::timeout(STORE, asked).await??;
    Ok(row.map(|row| Waiting {
        what: format!("{} {}", row.get::<_, i16>(0), row.get::<_, i64>(1)),
        seconds: row.get(2),
        seen: Instant::now(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a partition: after how many seconds, what is committed, how many records stand behind that; and for how many
    /// seconds the first of them has waited.
    fn looks(of: &mut Looks, group: &str, begun: Instant, at: &[(u64, i64, i64, Option<u64>)]) {
        for (after, committed, records, waited) in at {
            let standing = Standing {
                topic: "orders".to_owned(),
                partition: 0,
                committed: *committed,
                records: *records,
            };
            let now = begun + Duration::from_secs(*after);
            let found = of.there_for(group, &standing, now);
            assert_eq!(found.map(|found| found.as_secs()), *waited, "after {after} s");
        }
    }

    #[test]
    fn a_record_has_waited_since_it_was_first_seen() {
        let at = [
            (0, 10, 5, Some(0)),
            (3, 10, 7, Some(3)),
            (4, 15, 2, Some(1)),
            (5, 17, 0, None),
        ];
        looks(&mut Looks::default(), "group", Instant::now(), &at);
    }

    #[test]
    fn what_is_to_be_done_once_more_waits_since_then() {
        let at = [(0, 15, 0, None), (60, 2, 13, Some(0)), (62, 2, 13, Some(2))];
        looks(&mut Looks::default(), "group", Instant::now(), &at);
    }

    /// It may be of an index that was filled to the last record, and begin before that.
    #[test]
    fn of_a_group_that_was_not_looked_at_yet_nothing_waits_longer_than_since_then() {
        let (mut of, begun) = (Looks::default(), Instant::now());
        looks(&mut of, "one", begun, &[(0, 15, 0, None), (60, 15, 5, Some(0))]);
        looks(
            &mut of,
            "other",
            begun,
            &[(61, 12, 8, Some(0)), (63, 12, 8, Some(2))],
        );
    }
}
