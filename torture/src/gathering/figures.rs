//! What the living projectors count.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use checker::history::{Account, Entry};

use crate::calling::http_client;
use crate::cluster::{Cluster, Role};
use crate::figures::{self, Figure};
use crate::projections::{self, Fed};
use crate::recording::Recorder;

const LIMIT: Duration = Duration::from_secs(10);

pub async fn note(cluster: &Cluster, recorder: &Recorder) -> Result<()> {
    let http = http_client()?;
    let fed = projections::fed(&http, cluster.elasticsearch_url()).await?;
    for projector in cluster.replicas(Role::Projector) {
        let figures = figures::of(&http, &projector.address(), LIMIT).await?;
        // Of those that queries read: the ones that rebuilds made and dropped took what was under way with them.
        for fed in &fed {
            recorder.note(Entry::Account(account(projector.name(), fed, &figures)));
        }
    }
    Ok(())
}

fn account(process: &str, fed: &Fed, figures: &[Figure]) -> Account {
    let of = |name: &'static str| {
        figures
            .iter()
            .filter(move |figure| figure.name == name && figure.labels.get("index") == Some(&fed.index))
    };
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for figure in of("projector_records_total") {
        let outcome = figure.labels.get("outcome").cloned().unwrap_or_default();
        *outcomes.entry(outcome).or_default() += figure.value as u64;
    }
    Account {
        process: process.to_owned(),
        projection: fed.projection.to_owned(),
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
        let labels = [("index", "orders-v4-1"), ("outcome", outcome)];
        Figure {
            name: name.to_owned(),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            value,
        }
    }

    #[test]
    fn what_is_consumed_stands_beside_what_came_of_it() {
        let figures = [
            figure("projector_records_consumed_total", "", 9.0),
            figure("projector_records_total", "applied", 6.0),
            figure("projector_records_total", "dead_lettered", 3.0),
        ];
        let fed = Fed {
            projection: "orders",
            index: "orders-v4-1".to_owned(),
            group: String::new(),
            topics: Vec::new(),
        };
        let account = account("projector-1", &fed, &figures);
        assert_eq!(account.consumed, 9);
        assert_eq!(account.outcomes.values().sum::<u64>(), 9);
    }
}
