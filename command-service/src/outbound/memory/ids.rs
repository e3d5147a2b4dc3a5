use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Builder;
use uuid::Uuid;

use crate::application::ports::Ids;

/// UUIDs that look like version 7 and count up: the same in every run.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let mut counter = [0; 10];
        counter[2..].copy_from_slice(&count.to_be_bytes());
        Builder::from_unix_timestamp_millis(0, &counter).into_uuid()
    }
}
