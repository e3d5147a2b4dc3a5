//! What a refusal says of whether the command ran, by its problem's type (docs/problems.md).

use crate::history::Answer;

/// Recorded with the command: it looked, decided and said no, and under its key says so for ever.
const RECORDED: [&str; 17] = [
    "already-exists",
    "amount-overflow",
    "currency-mismatch",
    "empty-order",
    "illegal-transition",
    "invoice-credited",
    "item-not-in-order",
    "not-a-draft",
    "not-found",
    "overpayment",
    "precondition-failed",
    "price-changed",
    "price-differs-from-line",
    "product-discontinued",
    "quantity-too-large",
    "too-many-lines",
    "unknown-reference",
];

/// Turned away before anything was written, with the key left free.
const TURNED_AWAY: [&str; 18] = [
    "body-too-large",
    "forbidden",
    "head-too-large",
    "invalid-body",
    "malformed-header",
    "malformed-id",
    "malformed-json",
    "malformed-request",
    "method-not-allowed",
    "outbox-full",
    "overloaded",
    "precondition-required",
    "queue-full",
    "slow-client",
    "too-many-items",
    "unauthenticated",
    "unknown-path",
    "version-conflict",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// It succeeded or will be decided; so it is answered under its key for ever.
    Done,
    /// It was refused for good, for this reason.
    Refused(&'a str),
    /// It left nothing, and may be sent again.
    TurnedAway,
    /// It may have run or not, or still runs, or the answer is of another.
    Open,
}

pub fn meaning(answer: &Answer) -> Meaning<'_> {
    match answer {
        Answer::Ok { .. } | Answer::Accepted { .. } => Meaning::Done,
        Answer::Unknown { .. } => Meaning::Open,
        Answer::Refused { problem, .. } => {
            let kind = problem.rsplit('/').next().unwrap_or_default();
            if RECORDED.contains(&kind) {
                Meaning::Refused(kind)
            } else if TURNED_AWAY.contains(&kind) {
                Meaning::TurnedAway
            } else {
                Meaning::Open
            }
        }
    }
}
