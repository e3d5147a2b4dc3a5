//! What the projector takes in: records with where they stand in their topic.

use std::sync::Arc;

use shared_events::{AggregateType, Event, EventMetadata};
use uuid::Uuid;

use crate::application::ports::DeadLetter;

/// A record's place in the consumer's assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// By the aggregate whose topic it is.
    pub topic: AggregateType,
    pub partition: i32,
    pub offset: i64,
    /// Grows with each assignment of the partition: what was read under an earlier one is no longer ours to commit.
    pub assignment: u64,
}

/// Told once everything that a record leads to is stored, announced or buried.
pub trait Acknowledge: Send + Sync + 'static {
    fn done(&self, positions: &[Position]);
}

/// A record as it came, for the dead-letter topic.
#[derive(Debug, Clone, Default)]
pub struct RawRecord {
    /// The topic's name in the cluster.
    pub topic: Arc<str>,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: RawHeaders,
}

/// Headers in one piece of memory.
#[derive(Debug, Clone, Default)]
pub struct RawHeaders {
    bytes: Vec<u8>,
    /// Of name and value; no value where it is `None`.
    lengths: Vec<(usize, Option<usize>)>,
}

impl RawHeaders {
    /// With room for so many headers of so many bytes together.
    pub fn with_capacity(headers: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            lengths: Vec::with_capacity(headers),
        }
    }

    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.lengths.push((name.len(), value.map(<[u8]>::len)));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut rest = self.bytes.as_slice();
        self.lengths.iter().map(move |(name, value)| {
            let (name, after) = rest.split_at(*name);
            let (bytes, after) = after.split_at(value.unwrap_or_default());
            rest = after;
            (name, value.map(|_| bytes))
        })
    }

    /// The first of that name with a value.
    pub fn find(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(found, value)| *found == name.as_bytes() && value.is_some())
            .and_then(|(_, value)| value)
    }
}

impl RawRecord {
    pub fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len)
            + self.payload.as_ref().map_or(0, Vec::len)
            + self.headers.bytes.len()
    }

    /// `kind` is a stable word, `cause` the whole chain for a person.
    pub fn to_letter(&self, position: Position, kind: &'static str, cause: String) -> DeadLetter {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    String::from_utf8_lossy(name).into_owned(),
                    value.map(<[u8]>::to_vec),
                )
            })
            .collect();
        DeadLetter {
            topic: self.topic.to_string(),
            partition: position.partition,
            offset: position.offset,
            headers,
            key: self.key.clone(),
            payload: self.payload.clone(),
            kind,
            cause,
            projection: None,
        }
    }
}

/// A decoded event.
#[derive(Debug, Clone)]
pub struct Record {
    pub position: Position,
    /// The document that it goes to.
    pub target: Uuid,
    pub metadata: EventMetadata,
    pub event: Event,
    pub raw: RawRecord,
}

#[derive(Debug, Clone)]
pub enum Incoming {
    Event(Arc<Record>),
    /// Never to be an event: only to be buried.
    Undecodable {
        position: Position,
        letter: Box<DeadLetter>,
    },
    /// An event that the projection makes nothing of.
    Ignored(Position),
}

impl Incoming {
    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        const OVERHEAD: usize = 1_024;
        let content = match self {
            // Decoded, it takes about as much again.
            Self::Event(record) => record.raw.bytes() * 2,
            Self::Undecodable { letter, .. } => letter.payload.as_ref().map_or(0, Vec::len),
            Self::Ignored(_) => return 64,
        };
        OVERHEAD + content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_and_come_out_as_they_went_in() {
        let mut headers = RawHeaders::default();
        headers.push("a", Some(b"1"));
        headers.push("b", None);
        headers.push("c", Some(b""));
        headers.push("a", Some(b"2"));
        assert_eq!(headers.find("a"), Some(&b"1"[..]));
        assert_eq!(headers.find("b"), None);
        assert_eq!(headers.find("c"), Some(&b""[..]));
        assert_eq!(headers.find("d"), None);
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(
            all,
            [
                (&b"a"[..], Some(&b"1"[..])),
                (b"b", None),
                (b"c", Some(b"")),
                (b"a", Some(b"2"))
            ]
        );
    }
}
