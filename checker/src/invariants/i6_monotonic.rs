//! A document's version never falls: in Elasticsearch, for a client that stays on one replica, and through any replica for
//! one that sends back its last token.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::context::Context;
use crate::history::{History, Micros, Read, Sighting};
use crate::reading::{is_of_the_past, resource, token_of};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    in_the_index(history, context, &mut verdict);
    on_one_replica(history, context, &mut verdict);
    by_token(history, &mut verdict);
    verdict
}

fn in_the_index(history: &History, context: &Context<'_>, verdict: &mut Verdict) {
    let mut documents: HashMap<(&str, &str), Vec<&Sighting>> = HashMap::new();
    for sighting in &history.sightings {
        let document = (sighting.index.as_str(), sighting.id.as_str());
        documents.entry(document).or_default().push(sighting);
    }
    for sightings in documents.values_mut() {
        sightings.sort_by_key(|sighting| sighting.at);
        let mut last: Option<&Sighting> = None;
        for sighting in sightings {
            verdict.compare();
            let fell = last.filter(|last| sighting.version < last.version);
            if let Some(last) = fell.filter(|last| !index_was_lost(context, last.at, sighting.at)) {
                let seen = match sighting.version {
                    Some(_) => "it fell in the index",
                    None => "it is gone from the index",
                };
                verdict.violate(
                    "a document's version never falls",
                    seen,
                    [telling::sighting(last), telling::sighting(sighting)],
                );
            }
            last = Some(sighting);
        }
    }
}

/// A fault took the index away between: what is there now is another, which begins anew.
fn index_was_lost(context: &Context<'_>, from: Micros, to: Micros) -> bool {
    let mut faults = context.faults_between(from, to);
    faults.any(|fault| fault.name.contains("index"))
}

/// A client's at a replica: of a resource, at an aggregate in it.
type Looks<'a> = HashMap<(u32, u32, &'a str, &'a str), Vec<(&'a Read, u64)>>;

/// Of the same resource: a search sees the last refresh and may be behind a detail. A page by cursor, or an order as of some
/// time, is of the past.
fn on_one_replica(history: &History, context: &Context<'_>, verdict: &mut Verdict) {
    let mut looks: Looks<'_> = HashMap::new();
    for read in history.reads.iter().filter(|read| !is_of_the_past(read)) {
        for (aggregate, version) in &read.shown {
            let look = (read.client, read.replica, resource(read), aggregate.as_str());
            looks.entry(look).or_default().push((read, *version));
        }
    }
    for ((.., aggregate), looks) in &mut looks {
        looks.sort_by_key(|(read, _)| read.sent);
        // Only what had ended before another was sent came before it.
        let mut under_way: BinaryHeap<Reverse<(Micros, usize)>> = BinaryHeap::new();
        let mut highest: Option<usize> = None;
        for (at, (read, version)) in looks.iter().enumerate() {
            while let Some(Reverse((ended, earlier))) = under_way.peek().copied()
                && ended <= read.sent
            {
                under_way.pop();
                if highest.is_none_or(|highest| looks[highest].1 < looks[earlier].1) {
                    highest = Some(earlier);
                }
            }
            if let Some((before, higher)) = highest.map(|highest| looks[highest]) {
                verdict.compare();
                if *version < higher && index_was_lost(context, before.ended, read.sent) {
                    highest = None;
                } else if *version < higher {
                    verdict.violate(
                        "a version never falls for a client that stays on one replica",
                        format!("{aggregate} fell from {higher} to {version}"),
                        [telling::read(before), telling::read(read)],
                    );
                }
            }
            under_way.push(Reverse((read.ended, at)));
        }
    }
}

/// The token of an answer names the document that it shows at no lower version: else who sends it back could be shown less.
fn by_token(history: &History, verdict: &mut Verdict) {
    for read in &history.reads {
        let Some((token, version)) = token_of(read.got_token.as_deref(), read) else {
            continue;
        };
        verdict.compare();
        if token < version {
            verdict.violate(
                "who sends the last token back is shown no less",
                format!("the answer's token names version {token}, and it shows {version}"),
                [telling::read(read)],
            );
        }
    }
}
