//! Durations as people write them: a whole number and its unit, such as `500ms`, `2s`, `5m`, `1h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is not a duration: expected a whole number with the unit ms, s, m or h, such as \"500ms\" or \"2s\""
        ))
    })
}

/// `None` for what is no duration.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim_start() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_a_duration_and_nothing_else_is() {
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse(" 2 s"), Some(Duration::from_secs(2)));
        assert_eq!(parse("5m"), Some(Duration::from_secs(300)));
        assert_eq!(parse("1h"), Some(Duration::from_secs(3600)));
        for wrong in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "5 seconds",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
