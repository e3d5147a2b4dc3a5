//! The history of a run while it is made: a file to which everybody notes.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use checker::History;
use checker::history::{Answer, Entry, Micros, write_line};

/// Cheap to clone; all clones write to one file, on one clock.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    path: PathBuf,
    file: Mutex<Book>,
}

struct Book {
    to: BufWriter<File>,
    counts: Counts,
    /// The first that went wrong: a history with a hole in it is none.
    failed: Option<anyhow::Error>,
}

/// How many requests were noted so far, by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub done: u64,
    pub refused: u64,
    pub unknown: u64,
    pub read: u64,
    pub not_read: u64,
}

impl Recorder {
    pub fn create(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                path: path.to_owned(),
                file: Mutex::new(Book {
                    to: BufWriter::with_capacity(1 << 20, file),
                    counts: Counts::default(),
                    failed: None,
                }),
            }),
        })
    }

    /// Since the run began; monotonic.
    pub fn now(&self) -> Micros {
        self.at(Instant::now())
    }

    /// A moment on the same clock; 0 for one before the run began.
    pub fn at(&self, moment: Instant) -> Micros {
        let passed = moment.saturating_duration_since(self.shared.started);
        Micros::try_from(passed.as_micros()).unwrap_or(Micros::MAX)
    }

    pub fn note(&self, entry: Entry) {
        let mut book = self.book();
        book.counts.add(&entry);
        if let Err(error) = write_line(&mut book.to, &entry) {
            book.failed.get_or_insert(error);
        }
    }

    pub fn counts(&self) -> Counts {
        self.book().counts
    }

    /// What was noted so far, as it is read from the file.
    pub fn history(&self) -> Result<History> {
        let mut book = self.book();
        if let Some(error) = book.failed.take() {
            return Err(error.context("something could not be noted"));
        }
        book.to.flush()?;
        History::read(BufReader::with_capacity(1 << 20, File::open(&self.shared.path)?))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, entry: &Entry) {
        let count = match entry {
            Entry::Call(call) => match call.answer {
                Answer::Ok { .. } | Answer::Accepted { .. } => &mut self.done,
                Answer::Refused { .. } => &mut self.refused,
                Answer::Unknown { .. } => &mut self.unknown,
            },
            Entry::Read(read) if read.status == Some(200) => &mut self.read,
            Entry::Read(_) => &mut self.not_read,
            _ => return,
        };
        *count += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "commands: {} done, {} refused, {} without an answer; queries: {} answered, {} not",
            self.done, self.refused, self.unknown, self.read, self.not_read
        )
    }
}

#[cfg(test)]
mod tests {
    use checker::history::Sighting;

    use super::*;

    #[test]
    fn what_is_noted_is_read_again() -> Result<()> {
        let path = std::env::temp_dir().join(format!("torture-{}.jsonl", std::process::id()));
        let recorder = Recorder::create(&path)?;
        let before = recorder.now();
        recorder.clone().note(Entry::Sighting(Sighting {
            at: before,
            index: "orders-v1-1".to_owned(),
            id: "one".to_owned(),
            version: Some(3),
        }));
        let history = recorder.history()?;
        std::fs::remove_file(&path)?;
        assert_eq!(history.sightings.len(), 1);
        assert_eq!(history.sightings[0].version, Some(3));
        assert!(recorder.now() >= before);
        Ok(())
    }
}
