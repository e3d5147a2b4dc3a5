//! The consistency token: "show me at least this version of this aggregate".
//!
//! It names an aggregate and a version rather than a log position: several streams and partitions are applied beside
//! each other, so that "position P has been applied" would be a false promise.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::topic::AggregateType;

/// Written as `order:0190b5a0-…:3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConsistencyToken {
    pub aggregate: AggregateType,
    pub id: Uuid,
    /// The version of the aggregate's stream, 1 for its first event.
    pub version: u64,
}

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.aggregate, self.id, self.version)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a consistency token reads <aggregate>:<uuid>:<version>, with a version from 1 on")]
pub struct MalformedToken;

impl FromStr for ConsistencyToken {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let (Some(aggregate), Some(id), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MalformedToken);
        };
        let token = Self {
            aggregate: aggregate.parse().map_err(|_| MalformedToken)?,
            id: id.parse().map_err(|_| MalformedToken)?,
            version: version.parse().map_err(|_| MalformedToken)?,
        };
        // One spelling for each token: no upper case, no sign, no leading zero; versions fit Postgres' bigint.
        if token.version == 0 || token.version > i64::MAX as u64 || token.to_string() != text {
            return Err(MalformedToken);
        }
        Ok(token)
    }
}
