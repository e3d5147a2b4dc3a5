//! An index built anew while clients write and read, as an operator would do it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use checker::history::{Entry, Rebuild};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, Service};
use crate::recording::Recorder;

/// In turn; no fault takes the index of these away.
const PROJECTIONS: [&str; 2] = ["orders", "order-history"];
/// A rebuild that was ended before its end goes on with the same command: so many times, with a pause between.
const ATTEMPTS: usize = 6;
const PAUSE: Duration = Duration::from_secs(5);
const BEING_RENAMED: &str = "equal but for names, which kept changing";

pub struct Rebuilds {
    cluster: Cluster,
    recorder: Recorder,
}

impl Rebuilds {
    pub fn new(cluster: &Cluster, recorder: &Recorder) -> Self {
        Self {
            cluster: cluster.clone(),
            recorder: recorder.clone(),
        }
    }

    /// One after a third of the run, another after two thirds. One that is under way when the run ends is awaited.
    pub async fn order(self, run: Duration, stop: CancellationToken) {
        for projection in PROJECTIONS {
            if stop.run_until_cancelled(sleep(run / 3)).await.is_none() {
                return;
            }
            self.rebuild(projection).await;
        }
    }

    async fn rebuild(&self, projection: &str) {
        let mut attempt = 1;
        while !self.attempt(projection, attempt).await && attempt < ATTEMPTS {
            attempt += 1;
            sleep(PAUSE).await;
        }
        // What queries do not read is not to be fed for the rest of the run.
        let _ = self
            .cluster
            .tool(Service::Query, &["rebuild", projection, "--drop-old"])
            .await;
    }

    /// Whether it came as far as to compare, which is noted, as is the last attempt.
    async fn attempt(&self, projection: &str, attempt: usize) -> bool {
        let log = self.log();
        let before = std::fs::metadata(&log).map_or(0, |log| log.len());
        let began = self.recorder.now();
        let ended = self.cluster.tool(Service::Query, &["rebuild", projection]).await;
        let said = written_since(&log, before).unwrap_or_default();
        let outcome = match &ended {
            Ok(()) => "swapped in".to_owned(),
            Err(error) => format!("not swapped in: {error:#}"),
        };
        let differing = differing(&said);
        let compared = count(&said, "equal") + count(&said, BEING_RENAMED) + differing;
        if compared > 0 || attempt == ATTEMPTS {
            self.recorder.note(Entry::Rebuild(Rebuild {
                projection: projection.to_owned(),
                began,
                ended: self.recorder.now(),
                compared,
                differing,
                detail: format!("attempt {attempt}: {outcome}"),
            }));
        }
        compared > 0
    }

    /// Where the run writes what a tool says.
    fn log(&self) -> PathBuf {
        self.cluster.logs().join("query-service-rebuild.log")
    }
}

fn written_since(log: &PathBuf, before: u64) -> Result<String> {
    let bytes = std::fs::read(log)?;
    let from = usize::try_from(before)?;
    let new = bytes.get(from..).context("the log became shorter")?;
    Ok(String::from_utf8_lossy(new).into_owned())
}

/// The last count of that name in the report.
fn count(said: &str, name: &str) -> u64 {
    let mut counts = said.lines().filter_map(|line| {
        let (found, count) = line.split_once(": ")?;
        let is_it = found == name
            || found
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(" ("));
        let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
        is_it.then(|| digits.parse().ok())?
    });
    counts.next_back().unwrap_or(0)
}

/// Different in both, or in one of them only.
fn differing(said: &str) -> u64 {
    let only: u64 = said
        .lines()
        .filter(|line| line.starts_with("only in "))
        .filter_map(|line| {
            let (_, count) = line.split_once(": ")?;
            let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        })
        .sum();
    only + count(said, "differing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let said = "orders-v3-1 (queried): 7 documents\norders-v3-2 (next): 6 documents\nequal: 5\n\
                    differing: 1: 0190b5a0\nonly in orders-v3-1: 1: 0190b5a1\nonly in orders-v3-2: 0\n";
        assert_eq!(count(said, "equal"), 5);
        assert_eq!(differing(said), 2);
    }
}
