//! The Kafka headers of an event, after the CloudEvents Kafka binding in binary mode.
//!
//! Extensions: `ce_streamversion`, `ce_actor`, `ce_commandid`, `ce_causationid`, `ce_correlationid`; the trace context
//! goes as W3C `traceparent`.

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use crate::topic::AggregateType;

pub const SPEC_VERSION: &str = "ce_specversion";
pub const ID: &str = "ce_id";
pub const SOURCE: &str = "ce_source";
pub const TYPE: &str = "ce_type";
pub const SUBJECT: &str = "ce_subject";
pub const TIME: &str = "ce_time";
pub const STREAM_VERSION: &str = "ce_streamversion";
pub const ACTOR: &str = "ce_actor";
pub const COMMAND_ID: &str = "ce_commandid";
pub const CAUSATION_ID: &str = "ce_causationid";
pub const CORRELATION_ID: &str = "ce_correlationid";
pub const TRACE_PARENT: &str = "traceparent";
pub const CONTENT_TYPE: &str = "content-type";

/// What is said about an event beside what it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMetadata {
    pub event_id: Uuid,
    /// The full name of its Avro record, such as `ordering.orders.OrderSubmittedV1`.
    pub event_type: String,
    pub aggregate: AggregateType,
    pub aggregate_id: Uuid,
    /// Its place in the aggregate's stream, from 1 on without a gap.
    pub version: u64,
    pub occurred_at: DateTime<Utc>,
    /// Who sent the command; `anonymous` where no authentication is configured.
    pub actor: String,
    pub command_id: Uuid,
    /// What caused the command: an event's id where a policy sent it, the command's own where a client did.
    pub causation_id: Uuid,
    /// The same through the whole chain of causes.
    pub correlation_id: Uuid,
    pub traceparent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header {name} has the malformed value {value:?}")]
    Malformed { name: &'static str, value: String },
}

impl EventMetadata {
    /// The headers in the order in which they are sent.
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (SPEC_VERSION, "1.0".to_owned()),
            (ID, self.event_id.to_string()),
            (SOURCE, format!("/command-service/{}", self.aggregate)),
            (TYPE, self.event_type.clone()),
            (SUBJECT, self.aggregate_id.to_string()),
            (
                TIME,
                self.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            ),
            (STREAM_VERSION, self.version.to_string()),
            (ACTOR, self.actor.clone()),
            (COMMAND_ID, self.command_id.to_string()),
            (CAUSATION_ID, self.causation_id.to_string()),
            (CORRELATION_ID, self.correlation_id.to_string()),
            (CONTENT_TYPE, "application/avro".to_owned()),
        ];
        if let Some(traceparent) = &self.traceparent {
            headers.push((TRACE_PARENT, traceparent.clone()));
        }
        headers
    }

    /// Reads the headers of a record of `aggregate`'s topic; `find` answers a header's value, as the record has it.
    pub fn from_headers<'a>(
        aggregate: AggregateType,
        find: impl Fn(&'static str) -> Option<&'a [u8]>,
    ) -> Result<Self, HeaderError> {
        let text = |name: &'static str| {
            let bytes = find(name).ok_or(HeaderError::Missing(name))?;
            std::str::from_utf8(bytes).map_err(|_| malformed(name, &String::from_utf8_lossy(bytes)))
        };
        let uuid = |name| text(name).and_then(|value| value.parse().map_err(|_| malformed(name, value)));
        let version = text(STREAM_VERSION)?;
        let time = text(TIME)?;
        Ok(Self {
            event_id: uuid(ID)?,
            event_type: text(TYPE)?.to_owned(),
            aggregate,
            aggregate_id: uuid(SUBJECT)?,
            version: version
                .parse()
                .ok()
                .filter(|version| (1..=i64::MAX as u64).contains(version))
                .ok_or_else(|| malformed(STREAM_VERSION, version))?,
            occurred_at: DateTime::parse_from_rfc3339(time)
                .map_err(|_| malformed(TIME, time))?
                .with_timezone(&Utc),
            actor: text(ACTOR)?.to_owned(),
            command_id: uuid(COMMAND_ID)?,
            causation_id: uuid(CAUSATION_ID)?,
            correlation_id: uuid(CORRELATION_ID)?,
            traceparent: find(TRACE_PARENT).and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()),
        })
    }
}

fn malformed(name: &'static str, value: &str) -> HeaderError {
    HeaderError::Malformed {
        name,
        value: value.chars().take(100).collect(),
    }
}
