use query_service::application::ports::DeadLetter;
use read_model::Kind;
use read_model::sequenced::MAX_PARKED;

use super::events::*;
use super::world::World;

#[tokio::test]
async fn an_outage_is_waited_out_and_nothing_is_buried() {
    let mut world = World::new();
    world.project([created(id(101), id(1), "Ada")]).await;
    world.store.memory.set_unavailable(true);
    let sent = world
        .send([
            item_added(id(101), 2, id(11), "Engine"),
            created(id(102), id(1), "Ada"),
        ])
        .await;
    world.store.called(20).await;
    assert!(sent.iter().all(|position| !world.are_done(&[*position])));
    world.store.memory.set_unavailable(false);
    world.done(&sent).await;
    assert_eq!(world.order(id(101))["version"], 2);
    assert_eq!(world.order(id(102))["version"], 1);
    assert!(world.letters().is_empty());
}

#[tokio::test]
async fn only_the_record_that_a_mapping_refuses_is_buried() {
    let mut world = World::new();
    world.store.memory.refuse_containing("Poison");
    world
        .project([
            created(id(101), id(1), "Ada"),
            created(id(102), id(1), "Ada"),
            item_added(id(102), 2, id(12), "Loom"),
            item_added(id(102), 3, id(11), "Poison"),
            item_added(id(102), 4, id(13), "Wheel"),
            created(id(103), id(1), "Poison"),
        ])
        .await;
    let letters = world.letters();
    let mut buried: Vec<_> = letters.iter().map(|letter| letter.offset).collect();
    buried.sort_unstable();
    assert_eq!(buried, [3, 5]);
    assert!(letters.iter().all(|letter| letter.kind == "refused-by-mapping"));
    assert!(letters[0].cause.contains("Poison"));
    let header = |letter: &DeadLetter, name: &str| letter.headers.iter().any(|(found, _)| found == name);
    assert!(
        letters
            .iter()
            .all(|letter| letter.payload.is_some() && header(letter, "ce_id"))
    );
    assert_eq!(world.order(id(101))["version"], 1);
    // It waits for the one that was refused.
    let held = world.order(id(102));
    assert_eq!(held["version"], 2);
    assert_eq!(held["parked"].as_object().map(|parked| parked.len()), Some(1));
    assert!(world.order(id(103)).is_null());

    // The letter is replayed in a form that the mapping takes.
    world.project([item_added(id(102), 3, id(11), "Medicine")]).await;
    assert_eq!(world.order(id(102))["version"], 4);
}

#[tokio::test]
async fn a_parked_event_that_a_mapping_refuses_does_not_drag_down_the_one_before_it() {
    let mut world = World::new();
    world.project([item_added(id(101), 2, id(11), "Poison")]).await;
    world
        .store
        .memory
        .refuse_containing("\"product_name\":\"Poison\"");
    world.project([created(id(101), id(1), "Ada")]).await;
    assert!(world.letters().is_empty());
    assert_eq!(world.order(id(101))["version"], 1);
}

#[tokio::test]
async fn an_undecodable_record_is_buried_between_good_ones() {
    let mut world = World::new();
    world.project([created(id(101), id(1), "Ada")]).await;
    let letter = DeadLetter {
        topic: "ordering.orders".into(),
        partition: 0,
        offset: 1,
        key: None,
        payload: None,
        headers: Vec::new(),
        kind: "not-framed",
        cause: "the record has no value".into(),
        projection: Some("orders".into()),
    };
    world.project_undecodable(letter.clone()).await;
    world.project([item_added(id(101), 2, id(11), "Engine")]).await;
    assert_eq!(world.letters(), [letter]);
    assert_eq!(world.order(id(101))["version"], 2);
}

#[tokio::test]
async fn what_nothing_is_made_of_is_acknowledged() {
    let mut world = World::new();
    world.project_ignored().await;
    assert!(world.letters().is_empty() && world.documents(Kind::Order).is_empty());
}

#[tokio::test]
async fn an_event_that_does_not_fold_is_buried_and_its_aggregate_waits() {
    let mut world = World::new();
    world
        .project([
            created(id(101), id(1), "Ada"),
            quantity_changed(id(101), 2, id(11), 5),
            item_added(id(101), 3, id(11), "Engine"),
            created(id(102), id(1), "Ada"),
        ])
        .await;
    let letters = world.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].kind, letters[0].offset), ("does-not-fold", 1));
    assert!(
        letters[0].cause.contains("no line for product"),
        "{}",
        letters[0].cause
    );
    assert_eq!(world.order(id(101))["version"], 1);
    assert_eq!(world.order(id(102))["version"], 1);
}

#[tokio::test]
async fn what_is_too_far_ahead_is_buried_rather_than_lost_or_in_the_way() {
    let mut world = World::new();
    let beyond = MAX_PARKED as u64 + 2;
    world
        .project((2..=beyond).map(|version| quantity_changed(id(101), version, id(11), 5)))
        .await;
    world.project([created(id(102), id(1), "Ada")]).await;
    let letters = world.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].kind, "too-far-ahead");
    assert_eq!(world.documents(Kind::Order).len(), 2);
}
