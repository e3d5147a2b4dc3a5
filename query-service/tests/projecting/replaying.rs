//! Dead letters taken up again, over stores in memory.

use std::collections::HashMap;
use std::sync::Arc;

use query_service::application::ports::{
    BuriedLetters as _, DeadLetter, DeadLetters as _, Letter, LetterDecoder, StoreError,
};
use query_service::application::projecting::patience::Patience;
use query_service::application::projecting::{Incoming, Position, ProjectorSettings, Record};
use query_service::application::replaying::{Outcome, Replaying, Selection, selected};
use query_service::outbound::memory::letters::MemoryLetters;
use query_service::outbound::system::SystemClock;
use read_model::Kind;
use read_model::sequenced::MAX_PARKED;
use shared_events::{AggregateType, Event, EventMetadata, WriterSchema};
use tokio_util::sync::CancellationToken;

use super::events::*;
use super::world::{Changes, Stores, World};

/// Reads bodies without a registry, as the tests write them.
struct Decoding;

impl LetterDecoder for Decoding {
    async fn decode(&self, projection: Kind, letter: &Letter) -> Result<Incoming, StoreError> {
        let raw = letter
            .record
            .clone()
            .expect("letters in memory have their record");
        let topic = AggregateType::of_topic(&letter.head.topic).expect("a topic of events");
        let position = Position {
            topic,
            partition: letter.head.partition,
            offset: letter.head.offset,
            assignment: 0,
        };
        let never = |cause: &str| Incoming::Undecodable {
            position,
            letter: Box::new(raw.to_letter(position, "undecodable", cause.to_owned())),
        };
        let Ok(metadata) = EventMetadata::from_headers(topic, |name| raw.headers.find(name)) else {
            return Ok(never("the headers are not those of an event"));
        };
        let schema = WriterSchema::of_type(&metadata.event_type).expect("a known type");
        let Ok(event) = Event::decode(topic, schema, raw.payload.as_deref().unwrap_or_default()) else {
            return Ok(never("the body cannot be read"));
        };
        Ok(match projection.target(&metadata, &event) {
            Some(target) => Incoming::Event(Arc::new(Record {
                position,
                target,
                metadata,
                event,
                raw,
            })),
            None => Incoming::Ignored(position),
        })
    }
}

fn letter(told: Told, offset: i64, projection: Option<&str>) -> DeadLetter {
    let (topic, target) = (told.event.aggregate(), told.id);
    let position = Position {
        topic,
        partition: 0,
        offset,
        assignment: 0,
    };
    DeadLetter {
        projection: projection.map(str::to_owned),
        ..told.at(position, target).raw.to_letter(
            position,
            "undecodable",
            "an earlier build could not read it".to_owned(),
        )
    }
}

fn replaying(
    world: &World,
    letters: &Arc<MemoryLetters>,
) -> Replaying<Stores, MemoryLetters, Decoding, Changes> {
    let settings = ProjectorSettings::default();
    Replaying {
        patience: Patience::new(&settings, CancellationToken::new(), Arc::new(SystemClock)),
        settings,
        generations: Arc::clone(&world.store),
        letters: Arc::clone(letters),
        decoder: Decoding,
        changes: Arc::clone(&world.changes),
        asides: HashMap::new(),
    }
}

async fn bury(letters: &MemoryLetters, all: impl IntoIterator<Item = DeadLetter>) {
    for letter in all {
        letters.bury(letter).await.expect("it is kept");
    }
}

/// Of each the offset at which its record stood, and what came of it.
async fn replay(world: &World, letters: &Arc<MemoryLetters>, selection: &Selection) -> Vec<(i64, Outcome)> {
    let mut replaying = replaying(world, letters);
    let mut outcomes = Vec::new();
    for partition in 0..letters.partitions().await.expect("an answer") {
        let heads = selected(&**letters, partition, selection)
            .await
            .expect("an answer");
        for head in heads {
            let outcome = replaying.replay(&head).await.expect("the stores are there");
            outcomes.push((head.offset, outcome));
        }
    }
    outcomes.sort_unstable_by_key(|(offset, _)| *offset);
    outcomes
}

#[tokio::test]
async fn letters_are_folded_in_their_order_and_are_resolved() {
    let world = World::of_all(Arc::default());
    let letters = Arc::new(MemoryLetters::default());
    bury(
        &letters,
        [
            letter(created(id(101), id(1), "Ada"), 1, Some("orders")),
            letter(item_added(id(101), 2, id(11), "Engine"), 2, Some("orders")),
            // Come too far ahead, once.
            letter(quantity_changed(id(102), 3, id(11), 9), 3, Some("orders")),
            letter(created(id(101), id(1), "Ada"), 4, Some("orders")),
        ],
    )
    .await;
    let replayed = |how| Outcome::Replayed(how);
    assert_eq!(
        replay(&world, &letters, &Selection::All).await,
        [
            (1, replayed("applied")),
            (2, replayed("applied")),
            (3, replayed("parked")),
            (4, replayed("superseded")),
        ]
    );
    assert_eq!(world.order(id(101))["version"], 2);
    assert!(
        world
            .changes()
            .iter()
            .any(|change| change.id == id(101) && change.version == 2)
    );
    assert!(
        world.documents(Kind::Sale).is_empty(),
        "another projection took it, too"
    );
    assert_eq!(replay(&world, &letters, &Selection::All).await, []);
}

#[tokio::test]
async fn what_fails_again_stays_with_its_cause() {
    let world = World::of_all(Arc::default());
    let letters = Arc::new(MemoryLetters::default());
    let mut unreadable = letter(created(id(103), id(1), "Ada"), 3, Some("orders"));
    unreadable.payload = Some(vec![0xff; 3]);
    let mut unknown = letter(created(id(104), id(1), "Ada"), 4, Some("wishlists"));
    unknown.cause = "of a build to come".into();
    bury(
        &letters,
        [
            letter(created(id(101), id(1), "Ada"), 1, Some("orders")),
            // There is no such line.
            letter(quantity_changed(id(101), 2, id(11), 5), 2, Some("orders")),
            unreadable,
            unknown,
        ],
    )
    .await;
    for _ in 0..2 {
        let outcomes = replay(&world, &letters, &Selection::All).await;
        let stays: Vec<_> = outcomes
            .iter()
            .filter_map(|(offset, outcome)| match outcome {
                Outcome::Stays { kind, cause } => Some((*offset, kind.as_str(), !cause.is_empty())),
                Outcome::Replayed(_) => None,
            })
            .collect();
        assert_eq!(
            stays,
            [
                (2, "does-not-fold", true),
                (3, "undecodable", true),
                (4, "unknown-projection", true)
            ]
        );
    }
    assert!(world.letters().is_empty(), "a replay buried a letter anew");
    assert_eq!(world.order(id(101))["version"], 1);
}

#[tokio::test]
async fn only_what_is_chosen_is_replayed() {
    let world = World::of_all(Arc::default());
    let letters = Arc::new(MemoryLetters::default());
    bury(
        &letters,
        (0..6).map(|n| letter(created(id(100 + n), id(1), "Ada"), n as i64, Some("orders"))),
    )
    .await;
    let chosen = Selection::Key(id(103).to_string());
    assert_eq!(
        replay(&world, &letters, &chosen).await,
        [(3, Outcome::Replayed("applied"))]
    );
    let mut left = Vec::new();
    for partition in 0..letters.partitions().await.expect("an answer") {
        left.extend(letters.unresolved(partition).await.expect("an answer"));
    }
    let one = left.iter().find(|head| head.offset == 5).expect("it is open").id;
    let replayed = replay(&world, &letters, &Selection::Ids(vec![one])).await;
    assert_eq!(replayed, [(5, Outcome::Replayed("applied"))]);
    assert_eq!(world.documents(Kind::Order).len(), 2);
}

/// It does not say whose it is: every projection that reads the topic gets it, and drops what it has.
#[tokio::test]
async fn a_letter_of_an_earlier_build_goes_to_every_projection_of_its_topic() {
    let world = World::of_all(Arc::default());
    let letters = Arc::new(MemoryLetters::default());
    bury(&letters, [letter(created(id(101), id(1), "Ada"), 1, None)]).await;
    assert_eq!(
        replay(&world, &letters, &Selection::All).await,
        [(1, Outcome::Replayed("applied"))]
    );
    for kind in [Kind::Order, Kind::Sale, Kind::OrderHistory] {
        assert_eq!(world.documents(kind).len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn what_came_too_far_ahead_is_folded_when_the_gap_has_closed() {
    let mut world = World::new();
    let beyond = MAX_PARKED as u64 + 2;
    world
        .project((2..=beyond).map(|version| match version {
            2 => item_added(id(101), 2, id(11), "Engine"),
            _ => quantity_changed(id(101), version, id(11), 5),
        }))
        .await;
    let letters = Arc::new(MemoryLetters::default());
    bury(&letters, world.letters()).await;
    world.project([created(id(101), id(1), "Ada")]).await;
    assert_eq!(world.order(id(101))["version"], beyond - 1);
    let outcomes = replay(&world, &letters, &Selection::All).await;
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].1, Outcome::Replayed("applied"));
    assert_eq!(world.order(id(101))["version"], beyond);
}
