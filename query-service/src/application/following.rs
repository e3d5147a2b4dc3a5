//! What a replica of the api does with what it hears from the changes topic.

use std::sync::Arc;

use super::caching::OrderCache;
use super::ports::Change;
use super::pushing::{Heard, Positions, RecentChanges};

/// What the changes feed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// Records are heard from here on. Changes before it may have been missed.
    BeginsAt(Positions),
    /// Of each partition in order, and none left out.
    Heard(Heard),
    /// Whether everything is heard that was in the topic a moment ago.
    Up(bool),
}

pub struct Followers {
    cache: Arc<OrderCache>,
    announce: Box<dyn Fn(&Change) + Send + Sync>,
    recent: Arc<RecentChanges>,
}

impl Followers {
    /// `announce` wakes those who wait for a version.
    pub fn new(
        cache: Arc<OrderCache>,
        announce: impl Fn(&Change) + Send + Sync + 'static,
        recent: Arc<RecentChanges>,
    ) -> Self {
        Self {
            cache,
            announce: Box::new(announce),
            recent,
        }
    }

    pub fn on(&self, event: FeedEvent) {
        match event {
            FeedEvent::BeginsAt(positions) => {
                self.cache.invalidate_all();
                self.recent.begin(positions);
            }
            FeedEvent::Heard(heard) => {
                // The cache first: who is told and reads here sees the change.
                if let Some(change) = &heard.change {
                    self.cache.invalidate(change);
                    (self.announce)(change);
                }
                self.recent.add(&heard);
            }
            FeedEvent::Up(up) => self.cache.feed_is_up(up),
        }
    }
}
