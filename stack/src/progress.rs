//! How a start tells what it is doing. The launcher shows bars; tests get plain lines.

use std::io::Write as _;
use std::time::Instant;

/// Receives what happens, from several threads at once.
pub trait Progress: Sync {
    /// A part begins: `kafka`, `build`.
    fn begin(&self, part: &str, what: &str);
    /// What it is at now; may come often.
    fn update(&self, part: &str, what: &str);
    /// It is done.
    fn done(&self, part: &str, result: &str);
    /// A line for the reader that belongs to no part.
    fn note(&self, line: &str);
    /// Nothing more comes: the terminal belongs to others from here.
    fn close(&self) {}
}

/// Lines on stderr; updates are left out.
#[derive(Debug)]
pub struct PlainLines {
    since: Instant,
}

impl Default for PlainLines {
    fn default() -> Self {
        Self {
            since: Instant::now(),
        }
    }
}

impl PlainLines {
    fn line(&self, part: &str, text: &str) {
        say(&format!(
            "{:7.1}s  {part:<16} {text}",
            self.since.elapsed().as_secs_f32()
        ));
    }
}

/// Straight to stderr: what `eprintln!` writes in a test is only shown when the test fails.
pub fn say(line: &str) {
    // Nobody can be told when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Progress for PlainLines {
    fn begin(&self, part: &str, what: &str) {
        self.line(part, what);
    }

    fn update(&self, _part: &str, _what: &str) {}

    fn done(&self, part: &str, result: &str) {
        self.line(part, result);
    }

    fn note(&self, line: &str) {
        say(line);
    }
}
