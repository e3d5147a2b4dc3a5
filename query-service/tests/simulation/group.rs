//! A consumer group as Kafka keeps it: who has which partition, and what was committed.

use std::collections::BTreeMap;
use std::time::Duration;

use query_service::inbound::kafka::offsets::Partition;
use read_model::Kind;

use crate::world::PARTITIONS;

/// Without a sign of life for so long, a member's partitions go to others.
const SESSION: Duration = Duration::from_secs(6);

pub type Member = u64;

#[derive(Debug, Default)]
pub struct Group {
    partitions: Vec<Partition>,
    /// When each was heard of last.
    members: BTreeMap<Member, Duration>,
    owners: BTreeMap<Partition, Member>,
    committed: BTreeMap<Partition, i64>,
    /// Behind what anybody has read.
    read: BTreeMap<Partition, i64>,
}

/// What a member is told.
#[derive(Debug, Default)]
pub struct Turn {
    /// It was taken for dead: nothing that it has is its own any more.
    pub fenced: bool,
    pub give_up: Vec<Partition>,
    /// With what was committed.
    pub assigned: Vec<(Partition, i64)>,
}

impl Group {
    pub fn new(kind: Kind) -> Self {
        let partitions = kind
            .topics()
            .iter()
            .flat_map(|topic| (0..PARTITIONS).map(|partition| (*topic, partition)));
        Self {
            partitions: partitions.collect(),
            ..Self::default()
        }
    }

    pub fn partitions(&self) -> Vec<Partition> {
        self.partitions.clone()
    }

    pub fn committed(&self, partition: Partition) -> i64 {
        self.committed.get(&partition).copied().unwrap_or(0)
    }

    pub fn read(&self, partition: Partition) -> i64 {
        self.read.get(&partition).copied().unwrap_or(0)
    }

    pub fn has_read(&mut self, partition: Partition, next: i64) {
        let read = self.read.entry(partition).or_default();
        *read = next.max(*read);
    }

    /// A member says that it lives. Partitions move one by one: who has one gives it up first.
    pub fn turn(&mut self, member: Member, now: Duration, had: &[Partition]) -> Turn {
        let dead: Vec<Member> = self
            .members
            .iter()
            .filter(|(_, heard)| now.saturating_sub(**heard) > SESSION)
            .map(|(member, _)| *member)
            .collect();
        for member in dead {
            self.leave(member);
        }
        let fenced = self.members.insert(member, now).is_none() && !had.is_empty();
        let members: Vec<Member> = self.members.keys().copied().collect();
        let mut turn = Turn {
            fenced,
            ..Turn::default()
        };
        for (at, partition) in self.partitions.iter().enumerate() {
            let wanted = members[at % members.len()];
            match self.owners.get(partition) {
                Some(owner) if *owner == member && wanted != member => turn.give_up.push(*partition),
                None if wanted == member => {
                    self.owners.insert(*partition, member);
                    let committed = self.committed.get(partition).copied().unwrap_or(0);
                    turn.assigned.push((*partition, committed));
                }
                _ => {}
            }
        }
        turn
    }

    pub fn given_up(&mut self, member: Member, partition: Partition) {
        if self.owners.get(&partition) == Some(&member) {
            self.owners.remove(&partition);
        }
    }

    pub fn leave(&mut self, member: Member) {
        self.members.remove(&member);
        self.owners.retain(|_, owner| *owner != member);
    }

    /// Answers what was committed before, unless somebody else has the partition now.
    pub fn commit(&mut self, member: Member, partition: Partition, next: i64) -> Option<i64> {
        if self.owners.get(&partition) != Some(&member) {
            return None;
        }
        Some(self.committed.insert(partition, next).unwrap_or(0))
    }
}
