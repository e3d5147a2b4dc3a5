//! The process's metrics, as Prometheus reads them.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the buckets of every duration, in seconds: a get takes about a millisecond, a wait thirty seconds at most.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Installs the recorder on first use: it is global to a process, and so is this.
pub fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let builder = match PrometheusBuilder::new().set_buckets_for_metric(seconds, SECONDS) {
            Ok(builder) => builder,
            // Only for an empty list of buckets, which ours is not.
            Err(_) => PrometheusBuilder::new(),
        };
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        handle
    })
}

/// The values that a metric has now, one for each set of labels, as `/metrics` shows them.
pub fn values(metric: &str) -> Vec<f64> {
    handle()
        .render()
        .lines()
        .filter_map(|line| line.strip_prefix(metric))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_a_value_for_each_set_of_labels() {
        handle();
        metrics::gauge!("some_figure", "partition" => "a b").set(2.5);
        metrics::gauge!("some_figure", "partition" => "c").set(4.0);
        metrics::gauge!("some_figure_else").set(8.0);
        let mut values = values("some_figure");
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [2.5, 4.0]);
    }
}
