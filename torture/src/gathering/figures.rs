//! What the living projectors count.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use checker::history::{Account, Entry};
use e2e::topics::PROJECTIONS;

use crate::calling::http_client;
use crate::cluster::{Cluster, Role};
use crate::figures::{self, Figure};
use crate::recording::Recorder;

const LIMIT: Duration = Duration::from_secs(10);

pub async fn note(cluster: &Cluster, recorder: &Recorder) -> Result<()> {
    let http = http_client()?;
    for projector in cluster.replicas(Role::Projector) {
        let figures = figures::of(&http, &projector.address(), LIMIT).await?;
        for (projection, _) in PROJECTIONS {
            recorder.note(Entry::Account(account(projector.name(), projection, &figures)));
        }
    }
    Ok(())
}

fn account(process: &str, projection: &str, figures: &[Figure]) -> Account {
    let of = |name: &'static str| {
        figures.iter().filter(move |figure| {
            figure.name == name && figure.labels.get("projection").is_some_and(|it| it == projection)
        })
    };
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for figure in of("projector_records_total") {
        let outcome = figure.labels.get("outcome").cloned().unwrap_or_default();
        *outcomes.entry(outcome).or_default() += figure.value as u64;
    }
    // Those that could not even be decoded are counted here alone.
    let buried = of("projector_dead_letters_total")
        .map(|figure| figure.value as u64)
        .sum();
    outcomes.insert("dead_lettered".to_owned(), buried);
    Account {
        process: process.to_owned(),
        projection: projection.to_owned(),
        consumed: of("projector_records_consumed_total")
            .map(|figure| figure.value as u64)
            .sum(),
        outcomes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, outcome: &str, value: f64) -> Figure {
        let labels = [("projection", "orders"), ("outcome", outcome)];
        Figure {
            name: name.to_owned(),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            value,
        }
    }

    #[test]
    fn dead_letters_are_counted_once() {
        let figures = [
            figure("projector_records_consumed_total", "", 9.0),
            figure("projector_records_total", "applied", 6.0),
            figure("projector_records_total", "dead_lettered", 1.0),
            figure("projector_dead_letters_total", "", 3.0),
        ];
        let account = account("projector-1", "orders", &figures);
        assert_eq!(account.consumed, 9);
        assert_eq!(account.outcomes.values().sum::<u64>(), 9);
    }
}
