//! Gauges of what is in work.

use metrics::Gauge;

/// So many of something in work, until it is dropped.
pub struct InWork {
    gauge: Gauge,
    count: f64,
}

impl InWork {
    pub fn new(gauge: Gauge, count: usize) -> Self {
        let count = count as f64;
        gauge.increment(count);
        Self { gauge, count }
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.gauge.decrement(self.count);
    }
}
