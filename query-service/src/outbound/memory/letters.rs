//! Dead letters in memory, both ways: buried by the projector, looked through and resolved by who operates it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::application::ports::{
    BuriedLetters, DeadLetter, DeadLetters, Letter, LetterHead, LetterId, Resolution, StoreError,
};
use crate::application::projecting::{RawHeaders, RawRecord};

const PARTITIONS: i32 = 3;

#[derive(Default)]
pub struct MemoryLetters {
    /// With what became of them.
    letters: Mutex<Vec<(LetterId, DeadLetter, Option<Resolution>)>>,
}

impl MemoryLetters {
    fn letters(&self) -> MutexGuard<'_, Vec<(LetterId, DeadLetter, Option<Resolution>)>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeadLetters for MemoryLetters {
    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        let mut hasher = DefaultHasher::new();
        letter.key.hash(&mut hasher);
        let partition = i32::try_from(hasher.finish() % PARTITIONS.unsigned_abs() as u64).unwrap_or_default();
        let mut letters = self.letters();
        let before = letters
            .iter()
            .filter(|(id, ..)| id.partition == partition)
            .count();
        let id = LetterId {
            partition,
            offset: i64::try_from(before).unwrap_or(i64::MAX),
        };
        letters.push((id, letter, None));
        Ok(())
    }
}

impl BuriedLetters for MemoryLetters {
    async fn partitions(&self) -> Result<i32, StoreError> {
        Ok(PARTITIONS)
    }

    async fn unresolved(&self, partition: i32) -> Result<Vec<LetterHead>, StoreError> {
        Ok(self
            .letters()
            .iter()
            .filter(|(id, _, resolution)| id.partition == partition && resolution.is_none())
            .map(|(id, letter, _)| head(*id, letter))
            .collect())
    }

    async fn read(&self, id: LetterId) -> Result<Option<Letter>, StoreError> {
        let letters = self.letters();
        let found = letters.iter().find(|(found, ..)| *found == id);
        Ok(found.map(|(id, letter, _)| Letter {
            head: head(*id, letter),
            record: Some(record(letter)),
        }))
    }

    async fn resolve(&self, letter: &LetterHead, resolution: Resolution) -> Result<(), StoreError> {
        let mut letters = self.letters();
        if let Some((_, _, resolved)) = letters.iter_mut().find(|(id, ..)| *id == letter.id) {
            resolved.get_or_insert(resolution);
        }
        Ok(())
    }
}

fn head(id: LetterId, letter: &DeadLetter) -> LetterHead {
    LetterHead {
        id,
        key: letter.key.clone(),
        projection: letter.projection.clone(),
        kind: letter.kind.to_owned(),
        cause: letter.cause.clone(),
        topic: letter.topic.clone(),
        partition: letter.partition,
        offset: letter.offset,
        buried_at: None,
        bytes: record(letter).bytes(),
    }
}

fn record(letter: &DeadLetter) -> RawRecord {
    let mut headers = RawHeaders::default();
    for (name, value) in &letter.headers {
        headers.push(name, value.as_deref());
    }
    RawRecord {
        topic: letter.topic.as_str().into(),
        key: letter.key.clone(),
        payload: letter.payload.clone(),
        headers,
    }
}
