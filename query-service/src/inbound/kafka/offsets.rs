//! Which offsets may be committed: behind the last record before which all are done, and never for a partition that
//! has been taken away since the record was read.

use std::collections::{HashMap, VecDeque};

use shared_events::AggregateType;

use crate::application::projecting::Position;

pub type Partition = (AggregateType, i32);

#[derive(Debug, Default)]
pub struct Offsets {
    partitions: HashMap<Partition, Progress>,
    assignments: u64,
}

#[derive(Debug)]
struct Progress {
    assignment: u64,
    /// What has been read and not been passed, by offset. Offsets may have gaps, records may not.
    pending: VecDeque<Pending>,
    /// Behind the last record that was passed.
    next: Option<i64>,
    /// When the last record that was passed was written to Kafka.
    passed_at: Option<i64>,
}

#[derive(Debug)]
struct Pending {
    offset: i64,
    done: bool,
    written_at: i64,
}

/// How far a partition has got. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub partition: Partition,
    pub assignment: u64,
    /// The next offset to commit; `None` before the first record under this assignment is done.
    pub next: Option<i64>,
    /// When the oldest record that has been read and is not done was written to Kafka.
    pub oldest_pending: Option<i64>,
    pub passed_at: Option<i64>,
}

impl Offsets {
    pub fn assign(&mut self, partition: Partition) {
        self.assignments += 1;
        let progress = Progress {
            assignment: self.assignments,
            pending: VecDeque::new(),
            next: None,
            passed_at: None,
        };
        self.partitions.insert(partition, progress);
    }

    pub fn revoke(&mut self, partition: Partition) {
        self.partitions.remove(&partition);
    }

    pub fn has(&self, partition: Partition) -> bool {
        self.partitions.contains_key(&partition)
    }

    pub fn was_ever_assigned(&self) -> bool {
        self.assignments > 0
    }

    /// Nothing that is in work counts for any offset any more.
    pub fn revoke_all(&mut self) {
        self.partitions.clear();
    }

    pub fn assigned(&self) -> usize {
        self.partitions.len()
    }

    /// From which something was read since they were assigned.
    pub fn begun(&self) -> impl Iterator<Item = Partition> {
        self.partitions
            .iter()
            .filter(|(_, progress)| progress.next.is_some() || !progress.pending.is_empty())
            .map(|(partition, _)| *partition)
    }

    /// Records that were taken in and are not passed.
    pub fn unfinished(&self) -> usize {
        self.partitions
            .values()
            .map(|progress| progress.pending.len())
            .sum()
    }

    /// Takes a record in. `None` where its partition is no longer ours or it is in work already: skip it.
    ///
    /// A record before those that are in work is none that was read: its topic was deleted and made anew. The partition
    /// begins with it as if it had just been assigned, and what is in work counts no more for its offset.
    pub fn begin(&mut self, partition: Partition, offset: i64, written_at: i64) -> Option<Position> {
        let progress = self.partitions.get(&partition)?;
        let in_work = progress.pending.front().zip(progress.pending.back());
        if in_work.is_some_and(|(first, last)| first.offset <= offset && offset <= last.offset) {
            return None;
        }
        let first = in_work.map(|(first, _)| first.offset).or(progress.next);
        if first.is_some_and(|first| offset < first) {
            self.assign(partition);
        }
        let progress = self.partitions.get_mut(&partition)?;
        progress.pending.push_back(Pending {
            offset,
            done: false,
            written_at,
        });
        Some(Position {
            topic: partition.0,
            partition: partition.1,
            offset,
            assignment: progress.assignment,
        })
    }

    /// Notes what is done, in any order. Answers each partition that moved with the offset to read next.
    pub fn done(&mut self, positions: &[Position]) -> Vec<(Partition, i64)> {
        let mut touched: Vec<Partition> = Vec::new();
        for position in positions {
            let partition = (position.topic, position.partition);
            let Some(progress) = self
                .partitions
                .get_mut(&partition)
                .filter(|progress| progress.assignment == position.assignment)
            else {
                continue;
            };
            let found = progress
                .pending
                .binary_search_by_key(&position.offset, |pending| pending.offset);
            if let Ok(at) = found {
                progress.pending[at].done = true;
                if at == 0 {
                    touched.push(partition);
                }
            }
        }
        touched
            .into_iter()
            .filter_map(|partition| {
                let next = self.partitions.get_mut(&partition)?.pass()?;
                Some((partition, next))
            })
            .collect()
    }

    pub fn standings(&self) -> Vec<Standing> {
        self.partitions
            .iter()
            .map(|(partition, progress)| Standing {
                partition: *partition,
                assignment: progress.assignment,
                next: progress.next,
                oldest_pending: progress.pending.front().map(|pending| pending.written_at),
                passed_at: progress.passed_at,
            })
            .collect()
    }
}

impl Progress {
    fn pass(&mut self) -> Option<i64> {
        let mut passed = None;
        while let Some(pending) = self.pending.pop_front_if(|pending| pending.done) {
            passed = Some(pending.offset + 1);
            self.passed_at = Some(pending.written_at);
        }
        if passed.is_some() {
            self.next = passed;
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: Partition = (AggregateType::Order, 3);

    fn assigned() -> Offsets {
        let mut offsets = Offsets::default();
        offsets.assign(ORDERS);
        offsets
    }

    fn begin(offsets: &mut Offsets, offset: i64) -> Position {
        offsets.begin(ORDERS, offset, offset * 10).unwrap()
    }

    #[test]
    fn only_the_prefix_without_a_gap_may_be_committed() {
        let mut offsets = assigned();
        let read: Vec<_> = (5..10).map(|offset| begin(&mut offsets, offset)).collect();
        assert_eq!(offsets.done(&[read[1], read[2]]), []);
        assert_eq!(offsets.done(&[read[4]]), []);
        assert_eq!(offsets.done(&[read[0]]), [(ORDERS, 8)]);
        assert_eq!(offsets.standings()[0].oldest_pending, Some(80));
        assert_eq!(offsets.unfinished(), 2);
        assert_eq!(offsets.done(&[read[3]]), [(ORDERS, 10)]);
        assert_eq!(offsets.standings()[0].oldest_pending, None);
        assert_eq!(offsets.standings()[0].passed_at, Some(90));
    }

    #[test]
    fn offsets_that_kafka_left_out_do_not_hold_it_up() {
        let mut offsets = assigned();
        let (first, second) = (begin(&mut offsets, 1), begin(&mut offsets, 7));
        assert_eq!(offsets.done(&[second, first]), [(ORDERS, 8)]);
    }

    #[test]
    fn what_was_read_before_a_revocation_is_not_committed_after_it() {
        let mut offsets = assigned();
        let before = begin(&mut offsets, 1);
        offsets.revoke(ORDERS);
        assert_eq!(offsets.done(&[before]), []);
        assert_eq!(offsets.begin(ORDERS, 2, 0), None);
        offsets.assign(ORDERS);
        let again = begin(&mut offsets, 1);
        assert_eq!(offsets.done(&[before]), []);
        assert_eq!(offsets.done(&[again]), [(ORDERS, 2)]);
    }

    #[test]
    fn a_partition_has_begun_with_its_first_record_under_each_assignment() {
        let mut offsets = assigned();
        assert_eq!(offsets.begun().count(), 0);
        let first = begin(&mut offsets, 1);
        assert_eq!(offsets.begun().collect::<Vec<_>>(), [ORDERS]);
        offsets.done(&[first]);
        assert_eq!(offsets.begun().count(), 1);
        offsets.revoke(ORDERS);
        offsets.assign(ORDERS);
        assert_eq!(offsets.begun().count(), 0);
    }

    #[test]
    fn a_record_that_is_read_twice_while_it_is_in_work_counts_once() {
        let mut offsets = assigned();
        let (first, second) = (begin(&mut offsets, 1), begin(&mut offsets, 2));
        assert_eq!(offsets.begin(ORDERS, 1, 0), None);
        assert_eq!(offsets.begin(ORDERS, 2, 0), None);
        assert_eq!(offsets.done(&[first, first]), [(ORDERS, 2)]);
        assert_eq!(offsets.done(&[second]), [(ORDERS, 3)]);
        assert_eq!(offsets.done(&[second]), []);
    }

    #[test]
    fn a_topic_that_was_made_anew_is_read_from_its_beginning() {
        let mut offsets = assigned();
        let (passed, in_work) = (begin(&mut offsets, 7), begin(&mut offsets, 8));
        assert_eq!(offsets.done(&[passed]), [(ORDERS, 8)]);
        let anew = begin(&mut offsets, 0);
        assert_eq!(offsets.done(&[in_work]), []);
        assert_eq!(offsets.done(&[anew]), [(ORDERS, 1)]);
        let again = begin(&mut offsets, 0);
        assert_eq!(offsets.done(&[again]), [(ORDERS, 1)]);
    }
}
