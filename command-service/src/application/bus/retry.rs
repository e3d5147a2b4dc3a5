use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use super::{Command, CommandError, Context, Handler};
use crate::application::ports::Ids;

/// How often, and how far apart, a command is decided again after others were faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first one included.
    pub attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further one.
    pub first_wait: Duration,
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_wait: Duration::from_millis(2),
            longest_wait: Duration::from_millis(50),
        }
    }
}

impl RetryPolicy {
    /// Anywhere between nothing and the bound, so that rivals do not meet again.
    fn wait(&self, attempt: u32, random: u64) -> Duration {
        let bound = self
            .first_wait
            .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
            .min(self.longest_wait);
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(random.checked_rem(micros.saturating_add(1)).unwrap_or(0))
    }
}

/// After a version conflict, loads and decides again in a new transaction.
pub struct Retried<H, I> {
    pub inner: H,
    pub policy: RetryPolicy,
    /// The source of randomness for the waits.
    pub ids: Arc<I>,
}

impl<C: Command, H: Handler<C>, I: Ids> Handler<C> for Retried<H, I> {
    type Answer = H::Answer;

    async fn handle(&self, context: &Context, command: &C) -> Result<H::Answer, CommandError> {
        let mut attempt = 1;
        loop {
            match self.inner.handle(context, command).await {
                Err(CommandError::Conflict(_)) if attempt < self.policy.attempts => {
                    counter!("command_conflicts_total", "type" => C::TYPE).increment(1);
                    counter!("command_retries_total", "type" => C::TYPE).increment(1);
                }
                Err(conflict @ CommandError::Conflict(_)) => {
                    counter!("command_conflicts_total", "type" => C::TYPE).increment(1);
                    return Err(conflict);
                }
                answer => return answer,
            }
            // The last eight bytes of a UUID of version 7 are random but for two bits.
            let random = self.ids.next().as_u64_pair().1;
            tokio::time::sleep(self.policy.wait(attempt, random)).await;
            attempt += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = RetryPolicy::default();
        let longest = |attempt| {
            let waits = (0..60_000).map(|random| policy.wait(attempt, random));
            waits.max().unwrap_or_default()
        };
        let millis = [1, 2, 3, 5, 6, 1_000_000].map(|attempt| longest(attempt).as_millis());
        assert_eq!(millis, [2, 4, 8, 32, 50, 50]);
    }

    #[test]
    fn without_a_wait_there_is_none() {
        let policy = RetryPolicy {
            first_wait: Duration::ZERO,
            ..RetryPolicy::default()
        };
        assert_eq!(policy.wait(3, u64::MAX), Duration::ZERO);
    }
}
