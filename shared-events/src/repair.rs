//! What the query service writes to [`crate::topic::REPAIR_REQUESTS`] when events of a stream are missing.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::topic::AggregateType;

/// Asks the command service to send a stream again. The record's key is `id`, its value this as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairRequest {
    pub aggregate: AggregateType,
    pub id: Uuid,
    /// The first version to send again, from 1 on.
    pub from_version: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum MalformedRequest {
    #[error("not a repair request")]
    Json(#[from] serde_json::Error),
    #[error("{0} is no version of a stream")]
    Version(u64),
}

impl RepairRequest {
    pub fn encode(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Strict: no field may be missing or unknown, and versions are those that a stream can have.
    pub fn decode(value: &[u8]) -> Result<Self, MalformedRequest> {
        let request: Self = serde_json::from_slice(value)?;
        match request.from_version {
            1..=0x7fff_ffff_ffff_ffff => Ok(request),
            version => Err(MalformedRequest::Version(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"aggregate":"order_for_invoicing","id":"0190b5a0-0000-7000-8000-000000000001","from_version":3}"#;

    #[test]
    fn reads_back_for_every_kind_of_stream() {
        for aggregate in AggregateType::ALL {
            let request = RepairRequest {
                aggregate,
                id: Uuid::from_u128(7),
                from_version: 1,
            };
            assert_eq!(
                RepairRequest::decode(request.encode().as_bytes()).unwrap(),
                request
            );
        }
    }

    #[test]
    fn the_text_is_a_contract() {
        let request = RepairRequest::decode(TEXT.as_bytes()).unwrap();
        assert_eq!(request.aggregate, AggregateType::OrderForInvoicing);
        let value: serde_json::Value = serde_json::from_str(TEXT).unwrap();
        assert_eq!(serde_json::json!(request), value);
    }

    #[test]
    fn anything_else_is_refused() {
        let changed = [
            ("order_for_invoicing", "orders"),
            ("0190b5a0", "x"),
            (":3", ":0"),
            (":3", ":-1"),
            (":3", ":1.5"),
            (":3", ":9223372036854775808"),
            (":3", ":3,\"more\":1"),
            (",\"from_version\":3", ""),
            ("}", "} x"),
            (TEXT, ""),
        ];
        for (from, to) in changed {
            let text = TEXT.replace(from, to);
            assert_ne!(text, TEXT);
            assert!(RepairRequest::decode(text.as_bytes()).is_err(), "{text}");
        }
    }
}
