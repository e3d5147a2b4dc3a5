//! How far somebody has read the changes topic.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// For each partition the offset that is read next: everything below it was seen. As text `0:12,3:40`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<i32, i64>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form <partition>:<offset>,<partition>:<offset>")]
pub struct MalformedPositions;

impl Positions {
    /// A partition that is not named was not there yet: it is read from its beginning.
    pub fn of(&self, partition: i32) -> i64 {
        self.0.get(&partition).copied().unwrap_or(0)
    }

    pub fn set(&mut self, partition: i32, next: i64) {
        self.0.insert(partition, next);
    }

    /// Passes a record. False if it was passed before.
    pub fn pass(&mut self, partition: i32, offset: i64) -> bool {
        let next = self.0.entry(partition).or_insert(0);
        let is_new = offset >= *next;
        *next = (*next).max(offset + 1);
        is_new
    }

    /// Nothing between this and `other` is missing here.
    pub fn have_reached(&self, other: &Self) -> bool {
        other.iter().all(|(partition, next)| self.of(partition) >= next)
    }

    pub fn names(&self, partition: i32) -> bool {
        self.0.contains_key(&partition)
    }

    pub fn iter(&self) -> impl Iterator<Item = (i32, i64)> {
        self.0.iter().map(|(partition, next)| (*partition, *next))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(i32, i64)> for Positions {
    fn from_iter<T: IntoIterator<Item = (i32, i64)>>(positions: T) -> Self {
        Self(positions.into_iter().collect())
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (partition, next)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{partition}:{next}")?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = MalformedPositions;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut positions = Self::default();
        for position in text.split(',') {
            let (partition, next) = position.split_once(':').ok_or(MalformedPositions)?;
            let partition = number(partition).ok_or(MalformedPositions)?;
            let next = number(next).ok_or(MalformedPositions)?;
            if positions.0.insert(partition, next).is_some() {
                return Err(MalformedPositions);
            }
        }
        Ok(positions)
    }
}

/// Digits only: what `parse` takes beside them, such as a sign, was never given out.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            positions in prop::collection::btree_map(0..i32::MAX, 0..i64::MAX, 1..20)
        ) {
            let positions = Positions(positions);
            prop_assert_eq!(positions.to_string().parse(), Ok(positions));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC*") {
            let _: Result<Positions, _> = text.parse();
        }
    }

    #[rstest]
    #[case("")]
    #[case("12")]
    #[case("0:")]
    #[case("0:1,")]
    #[case("0:+1")]
    #[case("-1:1")]
    #[case("0:1,0:2")]
    #[case("0:1 ,1:2")]
    #[case("0:9223372036854775808")]
    fn what_was_not_given_out_is_malformed(#[case] text: &str) {
        assert_eq!(text.parse::<Positions>(), Err(MalformedPositions));
    }
}
