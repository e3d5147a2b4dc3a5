//! How many points in time this process keeps open: each holds on to a state of an index until it is over.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::application::ports::reading::PointInTime;

pub struct Points {
    open: Mutex<Open>,
    max: usize,
    keep_alive: Duration,
}

#[derive(Default)]
struct Open {
    /// Until when.
    points: HashMap<String, Instant>,
    /// Places of those that are being opened.
    reserved: usize,
}

impl Points {
    /// A store keeps a point for `keep_alive` since it was last read.
    pub fn new(max: usize, keep_alive: Duration) -> Self {
        Self {
            open: Mutex::default(),
            max,
            keep_alive,
        }
    }

    /// A place for one that is about to be opened; `None` while there are as many as may be.
    pub(super) fn take(&self) -> Option<PointPlace<'_>> {
        let mut open = self.lock();
        let now = Instant::now();
        open.points.retain(|_, until| *until > now);
        let is_free = open.points.len() + open.reserved < self.max;
        if !is_free {
            metrics::counter!("points_in_time_refused_total").increment(1);
            return None;
        }
        open.reserved += 1;
        Some(PointPlace { points: self })
    }

    /// It was read just now. One that another replica opened counts there.
    pub(super) fn keep(&self, point: &PointInTime) {
        if let Some(until) = self.lock().points.get_mut(&point.0) {
            *until = Instant::now() + self.keep_alive;
        }
    }

    pub(super) fn forget(&self, point: &PointInTime) {
        self.lock().points.remove(&point.0);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct PointPlace<'a> {
    points: &'a Points,
}

impl PointPlace<'_> {
    /// It was opened, and takes the place.
    pub(super) fn hold(self, point: &PointInTime) {
        let until = Instant::now() + self.points.keep_alive;
        let mut open = self.points.lock();
        open.points.insert(point.0.clone(), until);
        metrics::gauge!("points_in_time").set(open.points.len() as f64);
    }
}

impl Drop for PointPlace<'_> {
    fn drop(&mut self) {
        self.points.lock().reserved -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str) -> PointInTime {
        PointInTime(name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_its_time_is_over_or_it_was_given_up() {
        let points = Points::new(2, Duration::from_secs(120));
        for name in ["a", "b"] {
            points.take().expect("a place").hold(&point(name));
        }
        assert!(points.take().is_none());
        points.forget(&point("a"));
        points.take().expect("given up").hold(&point("c"));
        tokio::time::advance(Duration::from_secs(60)).await;
        points.keep(&point("c"));
        tokio::time::advance(Duration::from_secs(60)).await;
        let _only = points.take().expect("b's time is over");
        assert!(
            points.take().is_none(),
            "c was read since, and one is being opened"
        );
    }

    #[tokio::test]
    async fn a_place_that_came_to_nothing_is_free_again() {
        let points = Points::new(1, Duration::from_secs(120));
        drop(points.take().expect("a place"));
        assert!(points.take().is_some());
    }
}
