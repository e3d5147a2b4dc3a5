//! The rule that all text shares.

use super::{InvalidValue, Reason};

/// Trims, and refuses control characters and more than `max` characters.
pub(super) fn line(field: &'static str, text: &str, max: usize) -> Result<String, InvalidValue> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(InvalidValue::new(field, Reason::ControlCharacter));
    }
    if text.chars().count() > max {
        return Err(InvalidValue::new(field, Reason::TooLong { max }));
    }
    Ok(text.to_owned())
}

/// A [`line()`] that says something.
pub(super) fn non_empty_line(field: &'static str, text: &str, max: usize) -> Result<String, InvalidValue> {
    match line(field, text, max)? {
        text if text.is_empty() => Err(InvalidValue::new(field, Reason::Empty)),
        text => Ok(text),
    }
}
