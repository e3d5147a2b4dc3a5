//! Progress on a terminal as one moving line for each part, elsewhere as plain lines.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stack::{PlainLines, Progress};

const TICK: Duration = Duration::from_millis(120);

/// What fits the place that stderr leads to.
pub fn progress() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() {
        Box::new(Bars::new())
    } else {
        Box::new(PlainLines::default())
    }
}

struct Bars {
    all: MultiProgress,
    parts: Mutex<HashMap<String, (ProgressBar, Instant)>>,
    running: ProgressStyle,
    finished: ProgressStyle,
}

impl Bars {
    fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            parts: Mutex::default(),
            running: style("{spinner} {prefix:16} {wide_msg} {elapsed:>4}"),
            finished: style("{prefix:18} {wide_msg}"),
        }
    }

    fn with(&self, part: &str, change: impl FnOnce(&ProgressBar, Instant)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let (bar, since) = parts.entry(part.to_owned()).or_insert_with(|| {
            let bar = self
                .all
                .add(ProgressBar::new_spinner())
                .with_style(self.running.clone());
            bar.set_prefix(part.to_owned());
            bar.enable_steady_tick(TICK);
            (bar, Instant::now())
        });
        change(bar, *since);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Progress for Bars {
    fn begin(&self, part: &str, what: &str) {
        self.update(part, what);
    }

    fn update(&self, part: &str, what: &str) {
        self.with(part, |bar, _| bar.set_message(what.to_owned()));
    }

    fn done(&self, part: &str, result: &str) {
        self.with(part, |bar, since| {
            bar.set_style(self.finished.clone());
            bar.set_prefix(format!("✓ {part}"));
            bar.finish_with_message(format!("{result} ({:.1} s)", since.elapsed().as_secs_f32()));
        });
    }

    fn note(&self, line: &str) {
        self.all.suspend(|| eprintln!("{line}"));
    }

    fn close(&self) {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        for (bar, _) in parts.values().filter(|(bar, _)| !bar.is_finished()) {
            bar.abandon();
        }
    }
}
