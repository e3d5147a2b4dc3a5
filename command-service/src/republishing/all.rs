//! All streams, or all of one kind.

use std::collections::VecDeque;

use shared_events::AggregateType;
use tokio::time::Instant;

use super::sending::{Interrupted, STREAMS_AT_ONCE, Sender};
use super::{RepublishError, Republisher, kinds};
use crate::application::ports::{
    BUCKETS, BucketProgress, EventArchive, EventTopics, Ids, Leases, Outbox, Publisher, RepublishRun,
    RepublishRuns, StreamId,
};

/// Ids that are read at once, to pick a bucket's from.
const PAGE: usize = 2000;

/// Whether a run is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Anew,
    /// Goes on after the last streams that were sent whole.
    Resumed,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunProgress {
    /// In work.
    pub bucket: u16,
    pub buckets_done: usize,
    /// Since the run began, before it was resumed too.
    pub streams: u64,
    pub events: u64,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    pub run: RepublishRun,
    /// The topics that were not there and were made.
    pub made_topics: Vec<String>,
    /// How often a bucket went to somebody else in mid-work.
    pub leases_lost: u64,
    /// Told to stop before all was sent.
    pub stopped: bool,
}

impl RunSummary {
    pub fn streams(&self) -> u64 {
        self.run.buckets.iter().map(|bucket| bucket.streams).sum()
    }

    pub fn events(&self) -> u64 {
        self.run.buckets.iter().map(|bucket| bucket.events).sum()
    }
}

impl<A: EventArchive, L: Leases, O: Outbox, P: Publisher> Republisher<A, L, O, P> {
    /// Sends every stream in the scope from its first event on; makes topics that are not there. `report` is told after
    /// each few streams.
    pub async fn republish_all(
        &self,
        scope: Option<AggregateType>,
        start: Start,
        topics: &impl EventTopics,
        runs: &impl RepublishRuns,
        ids: &impl Ids,
        mut report: impl FnMut(RunProgress) + Send,
    ) -> Result<RunSummary, RepublishError> {
        let missing = topics
            .missing(&kinds(scope))
            .await
            .map_err(RepublishError::Topics)?;
        let run = match start {
            Start::Anew => runs.begin(ids.next(), scope, !missing.is_empty()).await?,
            Start::Resumed => {
                let run = runs
                    .unfinished(scope)
                    .await?
                    .ok_or(RepublishError::NothingToResume)?;
                let has_begun = run.buckets.iter().any(|bucket| bucket.after.is_some());
                if !missing.is_empty() && (has_begun || !run.new_topics) {
                    return Err(RepublishError::TopicsLostAgain(missing));
                }
                run
            }
        };
        let mut walk = Walk {
            sender: self.sender(),
            summary: RunSummary {
                run,
                made_topics: missing,
                leases_lost: 0,
                stopped: false,
            },
        };
        let outcome = walk.through(topics, runs, &self.settings, &mut report).await;
        walk.sender.reservation.release().await;
        match outcome {
            Ok(()) => {}
            Err(Interrupted::Failed(error)) => return Err(error),
            Err(Interrupted::Stopped | Interrupted::LeaseLost) => walk.summary.stopped = true,
        }
        Ok(walk.summary)
    }

    /// The streams in the scope, counted.
    pub async fn count_streams(
        &self,
        scope: Option<AggregateType>,
    ) -> Result<Vec<(AggregateType, u64)>, RepublishError> {
        let mut counts = Vec::new();
        for aggregate in kinds(scope) {
            let (mut count, mut after) = (0, None);
            loop {
                let page = self.ports.archive.streams(aggregate, after, PAGE).await?;
                count += page.len() as u64;
                after = page.last().copied();
                if page.len() < PAGE || self.stop.is_cancelled() {
                    break;
                }
            }
            counts.push((aggregate, count));
        }
        Ok(counts)
    }
}

struct Walk<A, L, P> {
    sender: Sender<A, L, P>,
    summary: RunSummary,
}

impl<A: EventArchive, L: Leases, P: Publisher> Walk<A, L, P> {
    async fn through(
        &mut self,
        topics: &impl EventTopics,
        runs: &impl RepublishRuns,
        settings: &super::RepublishingSettings,
        report: &mut (impl FnMut(RunProgress) + Send),
    ) -> Result<(), Interrupted> {
        let run = &self.summary.run;
        let new_topics = run.new_topics;
        let mut open: VecDeque<u16> = run
            .buckets
            .iter()
            .filter(|bucket| !bucket.finished)
            .map(|bucket| bucket.bucket)
            .collect();
        if new_topics {
            let all: Vec<u16> = open.iter().copied().collect();
            self.sender.acquire(&all).await?;
            self.sender
                .reservation
                .keeping(topics.create())
                .await
                .map_err(|error| Interrupted::Failed(RepublishError::Topics(error)))?;
        }
        while let Some(bucket) = open.pop_front() {
            if self.sender.held(bucket).is_err() {
                // A relay may have had it since the topics were made.
                self.summary.leases_lost += u64::from(new_topics);
                self.sender.acquire(&[bucket]).await?;
            }
            let until = (!new_topics).then(|| Instant::now() + settings.slice);
            match self.bucket(bucket, until, runs, report).await {
                Ok(true) => self.sender.reservation.give_back(bucket).await,
                Ok(false) => {
                    self.sender.reservation.give_back(bucket).await;
                    if open.is_empty() {
                        self.sender.wait(tokio::time::sleep(settings.pause)).await?;
                    }
                    open.push_back(bucket);
                }
                Err(Interrupted::LeaseLost) => {
                    tracing::warn!(bucket, "the bucket was lost and is taken again");
                    self.summary.leases_lost += u64::from(!new_topics);
                    open.push_front(bucket);
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Goes on with one bucket, until a time where there is one. Answers whether it is finished.
    async fn bucket(
        &mut self,
        bucket: u16,
        until: Option<Instant>,
        runs: &impl RepublishRuns,
        report: &mut (impl FnMut(RunProgress) + Send),
    ) -> Result<bool, Interrupted> {
        let reached = self.progress(bucket).after;
        let mut kinds: VecDeque<AggregateType> = kinds(self.summary.run.scope).into();
        while let Some(reached) = reached
            && kinds.front().is_some_and(|kind| *kind != reached.aggregate)
        {
            kinds.pop_front();
        }
        let mut after = reached.map(|stream| stream.id);
        for aggregate in kinds {
            loop {
                let archive = std::sync::Arc::clone(&self.sender.archive);
                let page = archive.streams(aggregate, after, PAGE);
                let page = self.sender.reservation.keeping(page).await?;
                let ours: Vec<(StreamId, u64)> = page
                    .iter()
                    .filter(|id| archive.bucket(**id) == bucket)
                    .map(|id| (StreamId { aggregate, id: *id }, 1))
                    .collect();
                for group in ours.chunks(STREAMS_AT_ONCE) {
                    let events = self.sender.send(bucket, group).await?;
                    let progress = self.progress_mut(bucket);
                    progress.after = group.last().map(|(stream, _)| *stream);
                    progress.streams += group.len() as u64;
                    progress.events += events.iter().sum::<u64>();
                    self.remember(bucket, runs).await?;
                    report(self.reached(bucket));
                    if until.is_some_and(|until| Instant::now() >= until) {
                        return Ok(false);
                    }
                }
                after = page.last().copied();
                if page.len() < PAGE {
                    break;
                }
                if self.sender.stop.is_cancelled() {
                    return Err(Interrupted::Stopped);
                }
            }
            after = None;
        }
        self.progress_mut(bucket).finished = true;
        self.remember(bucket, runs).await?;
        report(self.reached(bucket));
        Ok(true)
    }

    async fn remember(&mut self, bucket: u16, runs: &impl RepublishRuns) -> Result<(), Interrupted> {
        let advance = runs.advance(self.summary.run.id, *self.progress(bucket));
        Ok(self.sender.reservation.keeping(advance).await?)
    }

    fn reached(&self, bucket: u16) -> RunProgress {
        let buckets = &self.summary.run.buckets;
        RunProgress {
            bucket,
            buckets_done: buckets.iter().filter(|bucket| bucket.finished).count(),
            streams: self.summary.streams(),
            events: self.summary.events(),
        }
    }

    fn progress(&self, bucket: u16) -> &BucketProgress {
        &self.summary.run.buckets[usize::from(bucket % BUCKETS)]
    }

    fn progress_mut(&mut self, bucket: u16) -> &mut BucketProgress {
        &mut self.summary.run.buckets[usize::from(bucket % BUCKETS)]
    }
}
