//! A wish to stop, seen by everything that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const POLL: Duration = Duration::from_millis(50);

/// Shared between the signal handler, the threads that start servers, and whoever fails first.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

/// The error of work that was given up because of an [`Interrupt`]; another error says why.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

impl Interrupt {
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub fn check(&self) -> Result<()> {
        if self.is_raised() {
            Err(Interrupted.into())
        } else {
            Ok(())
        }
    }

    /// Asks `condition` again and again until it gives a value, the limit has passed, or the interrupt is raised.
    pub fn poll<T>(&self, limit: Duration, mut condition: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            self.check()?;
            if let Some(value) = condition()? {
                return Ok(value);
            }
            if Instant::now() > deadline {
                bail!("not ready within {} s", limit.as_secs());
            }
            sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_ends_with_the_value_or_the_interrupt_or_the_limit() {
        let interrupt = Interrupt::default();
        let mut left = 2;
        let value = interrupt.poll(Duration::from_secs(5), || {
            left -= 1;
            Ok((left == 0).then_some("ready"))
        });
        assert_eq!(value.unwrap(), "ready");
        assert!(interrupt.poll(Duration::ZERO, || Ok(None::<()>)).is_err());
        interrupt.raise();
        let error = interrupt
            .poll(Duration::from_secs(5), || Ok(Some(())))
            .unwrap_err();
        assert!(error.is::<Interrupted>());
    }
}
