//! Lag is told as it is: never more than a second below the truth, and what is stopped shows within two seconds.

use crate::context::Context;
use crate::history::{History, Lag};
use crate::report::Verdict;
use crate::telling;

/// Seconds that what is told may be below the truth.
const BELOW: f64 = 1.0;
/// Seconds after which what is stopped must show.
const SHOWS_AFTER: f64 = 2.0;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    for lag in &history.lags {
        if lag.told.is_some() || lag.stopped_for.is_some() {
            verdict.compare();
        }
        let explain = || {
            let faults = context.faults_between(lag.at, lag.at).map(telling::fault);
            [telling::lag(lag)].into_iter().chain(faults)
        };
        match lag.told {
            Some(told) if told.is_nan() || told < lag.at_least - BELOW => verdict.violate(
                "what is told of lag is never more than a second below the truth",
                format!("{told:.3} s are told of {:.3} s at least", lag.at_least),
                explain(),
            ),
            None if shows(lag) && !silenced(context, lag) => verdict.violate(
                "what is stopped shows within two seconds",
                "nothing is told",
                explain(),
            ),
            _ => {}
        }
    }
    verdict
}

/// It has been stopped for long enough, and something waits that must be told of.
fn shows(lag: &Lag) -> bool {
    lag.stopped_for.is_some_and(|stopped| stopped >= SHOWS_AFTER) && lag.at_least > BELOW
}

/// Beside what stopped it, something is broken that may keep the service from telling.
fn silenced(context: &Context<'_>, lag: &Lag) -> bool {
    context.faults_between(lag.at, lag.at).count() > 1
}
