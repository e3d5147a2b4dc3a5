//! Lists of groups: paged like every list, though they are summed up anew for each page.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use serde_json::{Value, json};

use super::cursor::{ForgedCursor, Place};
use super::lists::{Listing, Lists, UnusableCursor, fingerprint};
use super::paging::{Paging, Start};
use super::{Context, QueryError};
use crate::application::ports::reading::{Group, GroupReader};

impl<R> Lists<R> {
    /// A page of the groups of the query `name`. Of any number of groups no more than the page's and those before it are in
    /// memory, beside one batch.
    pub(super) async fn groups<G: Group>(
        &self,
        name: &'static str,
        filter: G,
        paging: &Paging,
        context: &Context,
    ) -> Result<Listing<G::Item>, QueryError<UnusableCursor>>
    where
        R: GroupReader<G>,
    {
        let fingerprint = fingerprint(name, &filter, paging.sort);
        let limit = paging.limit.get();
        let (skipped, behind) = match &paging.start {
            Start::Offset(offset) => (offset.get(), None),
            Start::Cursor(cursor) => {
                let place = self.cursors.signer.open(cursor, &fingerprint);
                let place = place.and_then(|place| key(&place.sort_values).ok_or(ForgedCursor));
                let place = place.map_err(|error| QueryError::Refused(error.into()))?;
                (0, Some(place))
            }
        };
        // One too many tells whether more follow.
        let mut first = First::new(skipped + limit + 1);
        let mut total = 0_u64;
        let mut after = None;
        loop {
            let batch = self.reader.batch(&filter, after, context.token.is_some()).await?;
            total += batch.groups.len() as u64;
            for group in batch.groups {
                let ranked = Ranked {
                    place: G::place(paging.sort.field, &group),
                    descending: paging.sort.descending,
                    group,
                };
                if behind
                    .as_ref()
                    .is_none_or(|behind| ranked.compare(behind).is_gt())
                {
                    first.offer(ranked);
                }
            }
            after = batch.next;
            if after.is_none() {
                break;
            }
        }
        let mut found: Vec<Ranked<G::Item>> = first.sorted().into_iter().skip(skipped).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|last| {
            let place = Place {
                sort_values: vec![json!(last.place.0), json!(last.place.1)],
                point: None,
            };
            self.cursors.signer.seal(&place, &fingerprint)
        });
        Ok(Listing {
            items: found.into_iter().map(|ranked| ranked.group).collect(),
            total,
            next_cursor,
            facets: None,
        })
    }
}

type Key = (i64, String);

fn key(sort_values: &[Value]) -> Option<Key> {
    match sort_values {
        [value, key] => Some((value.as_i64()?, key.as_str()?.to_owned())),
        _ => None,
    }
}

/// A group at its place; the greater the later.
struct Ranked<T> {
    place: Key,
    descending: bool,
    group: T,
}

impl<T> Ranked<T> {
    fn compare(&self, other: &Key) -> Ordering {
        match self.descending {
            true => other.cmp(&self.place),
            false => self.place.cmp(other),
        }
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(&other.place)
    }
}

/// The first so many of all that were offered.
struct First<T> {
    heap: BinaryHeap<Ranked<T>>,
    count: usize,
}

impl<T> First<T> {
    fn new(count: usize) -> Self {
        Self {
            heap: BinaryHeap::new(),
            count,
        }
    }

    fn offer(&mut self, ranked: Ranked<T>) {
        self.heap.push(ranked);
        if self.heap.len() > self.count {
            self.heap.pop();
        }
    }

    fn sorted(self) -> Vec<Ranked<T>> {
        self.heap.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_are_those_of_the_whole_in_order(
            places in proptest::collection::vec((-3_i64..3, "[a-c]{1,2}"), 0..40),
            count in 1_usize..10,
            descending: bool,
        ) {
            let mut first = First::new(count);
            for place in &places {
                first.offer(Ranked { place: place.clone(), descending, group: () });
            }
            let found: Vec<Key> = first.sorted().into_iter().map(|ranked| ranked.place).collect();
            let mut all = places;
            all.sort();
            if descending {
                all.reverse();
            }
            all.truncate(count);
            prop_assert_eq!(found, all);
        }
    }
}
