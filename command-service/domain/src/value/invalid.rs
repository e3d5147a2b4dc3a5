//! Why a value could not be made.

/// Names the field as the JSON contract does: of a composite value its member (`postal_code`), of any other its usual
/// name (`quantity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidValue {
    pub field: &'static str,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {max} characters")]
    TooLong { max: usize },
    #[error("must not contain control characters")]
    ControlCharacter,
    #[error("must be an email address")]
    NotAnEmailAddress,
    #[error("must be a current ISO 4217 currency code")]
    UnknownCurrency,
    #[error("must be an ISO 3166-1 alpha-2 country code")]
    UnknownCountry,
    #[error("must be from {min} to {max}")]
    OutOfRange { min: i64, max: i64 },
    #[error("must not be negative")]
    Negative,
}

impl InvalidValue {
    pub(crate) fn new(field: &'static str, reason: Reason) -> Self {
        Self { field, reason }
    }
}
