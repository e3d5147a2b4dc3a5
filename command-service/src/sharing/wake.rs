//! How a commit wakes the owner of its bucket, in this process or in another.

use std::sync::atomic::{AtomicU16, Ordering};

use tokio::sync::Notify;

use crate::application::ports::BUCKETS;

/// A set of buckets, one bit for each.
pub type BucketMask = u16;

const _: () = assert!(BUCKETS as u32 <= BucketMask::BITS);

pub fn mask_of(bucket: u16) -> BucketMask {
    1 << bucket
}

/// Every bucket.
pub const ALL_BUCKETS: BucketMask = BucketMask::MAX >> (BucketMask::BITS - BUCKETS as u32);

/// Remembers which buckets got work, so that many commits are one wake and a wake is never lost.
///
/// A commit to a bucket that is held in this process wakes its owner and nobody else; any other is announced to the
/// other processes. What goes astray while a bucket changes hands is found by polling.
#[derive(Debug, Default)]
pub struct Wake {
    held_here: AtomicU16,
    near: Signal,
    far: Signal,
}

#[derive(Debug, Default)]
struct Signal {
    buckets: AtomicU16,
    notify: Notify,
}

impl Signal {
    fn raise(&self, buckets: BucketMask) {
        self.buckets.fetch_or(buckets, Ordering::AcqRel);
        self.notify.notify_one();
    }

    async fn take(&self) -> BucketMask {
        loop {
            match self.buckets.swap(0, Ordering::AcqRel) {
                0 => self.notify.notified().await,
                buckets => return buckets,
            }
        }
    }
}

impl Wake {
    /// After a commit that put work into `bucket`.
    pub fn committed(&self, bucket: u16) {
        let buckets = mask_of(bucket);
        match self.held_here.load(Ordering::Acquire) & buckets {
            0 => self.far.raise(buckets),
            _ => self.near.raise(buckets),
        }
    }

    /// When another process has announced work in `buckets`, which may be none.
    pub fn announced(&self, buckets: BucketMask) {
        if buckets != 0 {
            self.near.raise(buckets);
        }
    }

    /// The owner in this process says which buckets it holds.
    pub fn hold(&self, buckets: BucketMask) {
        self.held_here.store(buckets, Ordering::Release);
    }

    /// The buckets that are held in this process.
    pub fn held(&self) -> BucketMask {
        self.held_here.load(Ordering::Acquire)
    }

    /// Waits for work in buckets that may be held in this process. Cancel safe.
    pub async fn near(&self) -> BucketMask {
        self.near.take().await
    }

    /// Waits for work that other processes should be told of. Cancel safe.
    pub async fn far(&self) -> BucketMask {
        self.far.take().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_commits_are_one_wake() {
        let wake = Wake::default();
        wake.hold(ALL_BUCKETS);
        wake.committed(1);
        wake.committed(3);
        wake.committed(1);
        assert_eq!(wake.near().await, 0b1010);
    }

    #[tokio::test]
    async fn a_commit_to_a_bucket_held_elsewhere_is_for_the_others() {
        let wake = Wake::default();
        wake.hold(mask_of(1));
        wake.committed(2);
        assert_eq!(wake.far().await, mask_of(2));
        wake.committed(1);
        assert_eq!(wake.near().await, mask_of(1));
    }
}
