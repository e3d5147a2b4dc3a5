//! A partition from which nothing is read although records stand in it.
//!
//! librdkafka takes no leader with an epoch less than the one it knows. The epochs of a topic that is deleted and made anew
//! begin at nothing, so that a client that was not told in between asks the old leaders for good (confluentinc/librdkafka#4898).
//! Only another client reads on.

use std::collections::HashMap;

use super::offsets::{Partition, Standing};

/// Looks, a second apart, with the brokers answering and nothing paused or in work.
pub const LOOKS: u32 = 15;
pub const MOST_LOOKS: u32 = 600;

#[derive(Debug)]
pub struct Standstill {
    most: u32,
    unread: HashMap<(Partition, u64), Unread>,
}

#[derive(Debug)]
struct Unread {
    next: Option<i64>,
    looks: u32,
}

impl Standstill {
    /// One that is seen after so many looks.
    pub fn after(looks: u32) -> Self {
        Self {
            most: looks,
            unread: HashMap::new(),
        }
    }

    /// One look at all partitions that are assigned, each with how many records stand behind what was read of it.
    pub fn look(&mut self, standings: &[(Standing, Option<i64>)], paused: bool) -> Option<Partition> {
        let mut before = std::mem::take(&mut self.unread);
        for (standing, records) in standings {
            if paused || standing.oldest_pending.is_some() || records.is_none_or(|records| records == 0) {
                continue;
            }
            let key = (standing.partition, standing.assignment);
            let looks = match before.remove(&key) {
                Some(unread) if unread.next == standing.next => unread.looks + 1,
                _ => 1,
            };
            let next = standing.next;
            self.unread.insert(key, Unread { next, looks });
        }
        self.unread
            .iter()
            .find(|(_, unread)| unread.looks >= self.most)
            .map(|((partition, _), _)| *partition)
    }
}

#[cfg(test)]
mod tests {
    use shared_events::AggregateType;

    use super::*;

    const PARTITION: Partition = (AggregateType::Order, 2);

    fn standing(assignment: u64, next: i64, oldest_pending: Option<i64>) -> Standing {
        Standing {
            partition: PARTITION,
            assignment,
            next: Some(next),
            oldest_pending,
            passed_at: None,
        }
    }

    #[test]
    fn what_stands_there_and_is_not_read_for_so_many_looks_stands_still() {
        let mut standstill = Standstill::after(3);
        let unread = [(standing(1, 7, None), Some(1))];
        assert_eq!(standstill.look(&unread, false), None);
        assert_eq!(standstill.look(&unread, false), None);
        assert_eq!(standstill.look(&unread, false), Some(PARTITION));
    }

    #[test]
    fn whatever_else_explains_it_begins_anew() {
        let unread = (standing(1, 7, None), Some(1));
        let explained = [
            ("it was read", (standing(1, 8, None), Some(1)), false),
            ("it is in work", (standing(1, 7, Some(4_000)), Some(1)), false),
            ("nothing is there", (standing(1, 7, None), Some(0)), false),
            ("the brokers do not say", (standing(1, 7, None), None), false),
            ("it was assigned anew", (standing(2, 7, None), Some(1)), false),
            ("it is paused", unread, true),
        ];
        for (why, other, paused) in explained {
            let mut standstill = Standstill::after(3);
            for _ in 0..2 {
                standstill.look(&[unread], false);
            }
            assert_eq!(standstill.look(&[other], paused), None, "{why}");
            assert_eq!(standstill.look(&[unread], false), None, "{why}");
        }
    }
}
