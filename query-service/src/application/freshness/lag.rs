//! How far behind a projection is, in seconds, told from samples of offsets.

use std::collections::{HashMap, VecDeque};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use read_model::Kind;
use tokio::time::Instant;

use crate::failpoints;

/// A look may come so long after the one before until what it did not see counts: less than the second by which what is told
/// may be below the truth.
const PUNCTUAL: Duration = Duration::from_millis(900);
/// Of one partition; the oldest ones tell.
const MAX_SAMPLES: usize = 4_000;

/// Of each projection that queries read, since when it has been behind.
#[derive(Debug, Default)]
pub struct ProjectionLags {
    looks: RwLock<HashMap<Kind, Look>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Before the ends were asked for: what they do not show came later.
    pub at: Instant,
    /// `None`: level.
    pub behind_since: Option<Instant>,
}

impl ProjectionLags {
    pub fn record(&self, kind: Kind, look: Look) {
        let mut looks = self.looks.write().unwrap_or_else(PoisonError::into_inner);
        looks.insert(kind, look);
    }

    /// The longest of these projections' lags; never more than a second below the truth. `None` while it is not known.
    pub fn longest(&self, of: &[Kind]) -> Option<Duration> {
        if failpoints::planted("planted::lag_zero") {
            return Some(Duration::ZERO);
        }
        let looks = self.looks.read().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut longest = Duration::ZERO;
        for kind in of {
            longest = longest.max(looks.get(kind)?.lag(now));
        }
        Some(longest)
    }
}

impl Look {
    fn lag(self, now: Instant) -> Duration {
        match self.behind_since {
            Some(since) => now.duration_since(since),
            None if now.duration_since(self.at) <= PUNCTUAL => Duration::ZERO,
            // Nobody knows what came since.
            None => now.duration_since(self.at),
        }
    }
}

/// The ends of one partition as they were seen, as far as they are not committed.
#[derive(Debug, Default)]
pub struct Samples {
    /// Ends that grow, and since when each may have stood.
    ends: VecDeque<(i64, Instant)>,
    looked_at: Option<Instant>,
}

impl Samples {
    /// Nobody looked before: since when the first record beyond what is committed has been there, only the record tells.
    pub fn are_none(&self) -> bool {
        self.looked_at.is_none()
    }

    /// Since when something has been beyond `committed`. `first_since`: for the first look.
    pub fn observe(
        &mut self,
        at: Instant,
        committed: i64,
        end: i64,
        first_since: Option<Instant>,
    ) -> Option<Instant> {
        let stood = self.ends.back().map(|(end, _)| *end);
        if stood != Some(end) {
            let since = match self.looked_at {
                None => first_since.unwrap_or(at),
                // It came at some time after the last look.
                Some(last) if at.duration_since(last) > PUNCTUAL => last,
                Some(_) => at,
            };
            // A topic that was made anew.
            self.ends.retain(|(earlier, _)| *earlier < end);
            if self.ends.len() < MAX_SAMPLES {
                self.ends.push_back((end, since));
            } else if let Some(last) = self.ends.back_mut() {
                last.0 = end;
            }
        }
        self.looked_at = Some(at);
        // The last one stays: it tells whether the end has moved.
        while self.ends.len() > 1 && self.ends.front().is_some_and(|(end, _)| *end <= committed) {
            self.ends.pop_front();
        }
        self.ends
            .front()
            .filter(|(end, _)| *end > committed)
            .map(|(_, since)| *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds(seconds: u64) -> Instant {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        Instant::now()
    }

    /// A punctual one.
    async fn next_look() -> Instant {
        tokio::time::advance(PUNCTUAL).await;
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_told_is_never_more_than_a_second_below_the_truth() {
        for pause in [1, 600, 899, 900, 901, 1_400, 20_000].map(Duration::from_millis) {
            let (lags, mut samples) = (ProjectionLags::default(), Samples::default());
            // A record comes right after the first look, which does not show it.
            let written = Instant::now();
            for end in [5, 6, 6, 6] {
                let at = Instant::now();
                let behind_since = samples.observe(at, 5, end, None);
                lags.record(Kind::Order, Look { at, behind_since });
                tokio::time::advance(pause).await;
                let told = lags.longest(&[Kind::Order]).unwrap_or_default();
                let truth = written.elapsed();
                assert!(
                    told + Duration::from_secs(1) >= truth,
                    "{pause:?}: {told:?} of {truth:?}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn level_is_no_lag_and_what_comes_counts_from_when_it_was_seen() {
        let mut samples = Samples::default();
        assert_eq!(samples.observe(Instant::now(), 5, 5, None), None);
        assert_eq!(samples.observe(next_look().await, 5, 5, None), None);
        let seen = next_look().await;
        assert_eq!(samples.observe(seen, 5, 8, None), Some(seen));
        let later = next_look().await;
        assert_eq!(samples.observe(later, 6, 9, None), Some(seen));
        // What was there first is done; what came with the next look is not.
        assert_eq!(samples.observe(next_look().await, 8, 9, None), Some(later));
        assert_eq!(samples.observe(next_look().await, 9, 9, None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_first_look_finds_is_as_old_as_its_record() {
        let mut samples = Samples::default();
        let long_ago = Instant::now();
        let at = seconds(3_600).await;
        assert_eq!(samples.observe(at, 5, 8, Some(long_ago)), Some(long_ago));
        assert_eq!(samples.observe(seconds(1).await, 5, 8, None), Some(long_ago));
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_while_the_brokers_were_silent_counts_from_the_last_look() {
        let mut samples = Samples::default();
        let last = Instant::now();
        samples.observe(last, 5, 5, None);
        assert_eq!(samples.observe(seconds(30).await, 5, 6, None), Some(last));
    }

    #[tokio::test(start_paused = true)]
    async fn samples_are_bounded() {
        let mut samples = Samples::default();
        samples.observe(Instant::now(), 0, 0, None);
        let first = next_look().await;
        samples.observe(first, 0, 1, None);
        for end in 2..10_000 {
            let at = next_look().await;
            assert_eq!(samples.observe(at, 0, end, None), Some(first));
        }
        assert!(samples.ends.len() <= MAX_SAMPLES);
        assert_eq!(samples.observe(seconds(1).await, 9_999, 9_999, None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_reads_several_tells_the_longest_and_silence_grows() {
        let lags = ProjectionLags::default();
        let begun = Instant::now();
        let look = |behind_since| Look {
            at: begun,
            behind_since,
        };
        lags.record(Kind::Order, look(None));
        assert_eq!(lags.longest(&[Kind::Order]), Some(Duration::ZERO));
        assert_eq!(lags.longest(&[Kind::Order, Kind::Customer]), None);
        lags.record(Kind::Customer, look(Some(begun)));
        next_look().await;
        assert_eq!(lags.longest(&[Kind::Order]), Some(Duration::ZERO));
        let both = lags.longest(&[Kind::Order, Kind::Customer]);
        assert_eq!(both, Some(PUNCTUAL));
        seconds(4).await;
        assert_eq!(
            lags.longest(&[Kind::Order]),
            Some(PUNCTUAL + Duration::from_secs(4))
        );
    }
}
