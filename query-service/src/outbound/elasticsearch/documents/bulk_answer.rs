//! What a bulk request answers of each item.

use std::borrow::Cow;

use serde::Deserialize;

use crate::application::ports::{Revision, WriteOutcome};

/// The exceptions by which a mapping refuses a document.
const REFUSALS: [&str; 3] = [
    "mapper_parsing_exception",
    "document_parsing_exception",
    "strict_dynamic_mapping_exception",
];

#[derive(Deserialize)]
pub struct BulkAnswer<'a> {
    #[serde(borrow, default)]
    pub items: Vec<BulkItem<'a>>,
}

#[derive(Deserialize)]
pub struct BulkItem<'a> {
    #[serde(borrow, rename = "index", alias = "create")]
    #[cfg_attr(feature = "failpoints", serde(alias = "delete"))]
    pub result: ItemResult<'a>,
}

#[derive(Deserialize)]
pub struct ItemResult<'a> {
    status: u16,
    #[serde(rename = "_seq_no")]
    seq_no: Option<i64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<i64>,
    #[serde(borrow)]
    error: Option<Cause<'a>>,
}

#[derive(Deserialize)]
struct Cause<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    caused_by: Option<Box<Cause<'a>>>,
}

impl ItemResult<'_> {
    pub fn outcome(self) -> WriteOutcome {
        let cause = |status: u16| match &self.error {
            Some(cause) => format!("{status} {cause}"),
            None => format!("{status} without a cause"),
        };
        match (self.status, self.seq_no, self.primary_term) {
            (200..=299, Some(seq_no), Some(primary_term)) => {
                WriteOutcome::Written(Revision { seq_no, primary_term })
            }
            (409, ..) => WriteOutcome::Conflict,
            (400, ..) if self.error.as_ref().is_some_and(Cause::is_mapping) => {
                WriteOutcome::Refused(cause(400))
            }
            (status, ..) => WriteOutcome::Unavailable(cause(status)),
        }
    }
}

impl Cause<'_> {
    fn is_mapping(&self) -> bool {
        REFUSALS.contains(&&*self.kind)
    }
}

impl std::fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        match &self.caused_by {
            Some(cause) => write!(f, ", caused by {cause}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(answer: &str) -> Vec<WriteOutcome> {
        let answer: BulkAnswer = serde_json::from_str(answer).unwrap();
        answer
            .items
            .into_iter()
            .map(|item| item.result.outcome())
            .collect()
    }

    fn failed(status: u16, kind: &str) -> WriteOutcome {
        let text = format!(
            r#"{{"items":[{{"index":{{"status":{status},"error":{{"type":"{kind}","reason":"r"}}}}}}]}}"#
        );
        outcomes(&text).remove(0)
    }

    #[test]
    fn a_write_answers_its_revision() {
        let answer = r#"{"items":[{"create":{"_seq_no":7,"_primary_term":2,"status":201}}]}"#;
        let revision = Revision {
            seq_no: 7,
            primary_term: 2,
        };
        assert_eq!(outcomes(answer), [WriteOutcome::Written(revision)]);
    }

    #[test]
    fn only_a_mapping_refuses_a_document() {
        for kind in REFUSALS {
            assert!(matches!(failed(400, kind), WriteOutcome::Refused(_)), "{kind}");
        }
        for (status, kind) in [
            (400, "index_closed_exception"),
            (400, "illegal_argument_exception"),
            (403, "cluster_block_exception"),
            (404, "index_not_found_exception"),
            (429, "es_rejected_execution_exception"),
            (503, "unavailable_shards_exception"),
        ] {
            assert!(
                matches!(failed(status, kind), WriteOutcome::Unavailable(_)),
                "{kind}"
            );
        }
        assert_eq!(
            failed(409, "version_conflict_engine_exception"),
            WriteOutcome::Conflict
        );
    }

    #[test]
    fn the_whole_cause_is_kept() {
        let answer = r#"{"items":[{"index":{"status":400,"error":{"type":"document_parsing_exception",
            "reason":"failed to \"parse\"","caused_by":{"type":"date_time_parse_exception","reason":"no date"}}}}]}"#;
        assert_eq!(
            outcomes(answer),
            [WriteOutcome::Refused(
                "400 document_parsing_exception: failed to \"parse\", caused by date_time_parse_exception: no date".into()
            )]
        );
    }
}
