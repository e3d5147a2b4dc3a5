//! The dead letters, looked through and resolved by whoever operates the service.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use read_model::Kind;

use super::StoreError;
use crate::application::projecting::{Incoming, RawRecord};

/// A letter's place among the dead letters, such as `3:17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    pub partition: i32,
    pub offset: i64,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no dead letter's place: expected partition and offset, such as 3:17")]
pub struct MalformedLetterId(pub String);

impl FromStr for LetterId {
    type Err = MalformedLetterId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (partition, offset) = text.split_once(':')?;
            let id = Self {
                partition: partition.parse().ok()?,
                offset: offset.parse().ok()?,
            };
            (id.partition >= 0 && id.offset >= 0).then_some(id)
        };
        parse().ok_or_else(|| MalformedLetterId(text.to_owned()))
    }
}

/// What is known of a letter without what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterHead {
    pub id: LetterId,
    pub key: Option<Vec<u8>>,
    /// The name of the projection that could not take it; letters of earlier builds do not say.
    pub projection: Option<String>,
    /// A stable word, such as `undecodable`.
    pub kind: String,
    /// In a list, the beginning of it.
    pub cause: String,
    /// Where the record stood.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub buried_at: Option<DateTime<Utc>>,
    /// Of the record with its headers.
    pub bytes: usize,
}

#[derive(Debug, Clone)]
pub struct Letter {
    /// With the whole cause.
    pub head: LetterHead,
    /// As it came. `None` where it did not fit and no longer stands in its topic either.
    pub record: Option<RawRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    Replayed,
    Discarded,
}

impl Resolution {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

/// Letters are never taken away: a resolution is put beside them.
pub trait BuriedLetters: Send + Sync + 'static {
    /// Into how many parts the letters are shared out, by their key.
    fn partitions(&self) -> impl Future<Output = Result<i32, StoreError>> + Send;

    /// Those of a part that nobody has resolved, in the order in which they were buried.
    fn unresolved(&self, partition: i32) -> impl Future<Output = Result<Vec<LetterHead>, StoreError>> + Send;

    /// `None` where no letter stands.
    fn read(&self, id: LetterId) -> impl Future<Output = Result<Option<Letter>, StoreError>> + Send;

    /// Returns when it is kept. Of a letter that is resolved twice the first counts.
    fn resolve(
        &self,
        letter: &LetterHead,
        resolution: Resolution,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What today's code makes of a letter.
pub trait LetterDecoder: Send + Sync + 'static {
    /// For a projection, as its pipeline would.
    fn decode(
        &self,
        projection: Kind,
        letter: &Letter,
    ) -> impl Future<Output = Result<Incoming, StoreError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letters_place_reads_back() {
        let id = LetterId {
            partition: 3,
            offset: 17,
        };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "3", "3:", ":17", "3:x", "-1:2", "3:-17", "3:17:1", "3 17"] {
            assert_eq!(
                wrong.parse::<LetterId>(),
                Err(MalformedLetterId(wrong.to_owned()))
            );
        }
    }
}
