//! Refreshes of one index, one at a time for all who want one: Elasticsearch has a thread or two for them, and what is given up
//! here goes on there. Asked for by each who waits, and again by each whose wait was too long, they would never come to an end.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::application::ports::StoreError;

#[derive(Debug, Default)]
pub struct Refreshing {
    begun: AtomicU64,
    /// The last one that succeeded; held while one is under way.
    succeeded: Mutex<u64>,
}

impl Refreshing {
    /// Returns when one has succeeded that began after this call, whoever asked for it.
    pub async fn next_one(
        &self,
        refresh: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let next = self.begun.load(Ordering::SeqCst) + 1;
        let mut succeeded = self.succeeded.lock().await;
        if *succeeded >= next {
            return Ok(());
        }
        let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        refresh.await?;
        *succeeded = this;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_one_is_under_way_shares_the_next() {
        let (refreshing, requests) = (Refreshing::default(), AtomicU64::new(0));
        let ask = async |after| {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let request = async {
                requests.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(())
            };
            refreshing.next_one(request).await
        };
        let all = join_all([0, 10, 20, 30].map(ask)).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(requests.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn one_that_fails_is_nobody_elses() {
        let refreshing = Refreshing::default();
        let failing = async { Err(StoreError::Unavailable(anyhow::anyhow!("not now"))) };
        assert!(refreshing.next_one(failing).await.is_err());
        let mut asked = false;
        let request = async {
            asked = true;
            Ok(())
        };
        assert!(refreshing.next_one(request).await.is_ok());
        assert!(asked);
    }
}
