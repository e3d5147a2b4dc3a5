//! A projector that has no room pauses its partitions.

use std::num::NonZeroUsize;

use read_model::Kind;

use super::events::*;
use super::outages::through_a_proxy;
use super::proxy::Network;
use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_went_away_while_it_was_paused_is_read_when_it_comes_back() {
    let mut world = World::with(&[Kind::Customer]).await;
    world.projector.max_unfinished_records = NonZeroUsize::MIN;
    let (proxy, generations) = through_a_proxy(&world).await;
    let steady = world.start_over(generations);
    let register = async |customers: std::ops::Range<u128>| {
        let events: Vec<_> = customers.map(|n| registered(id(n), "Ada")).collect();
        world.produce(&events).await;
    };
    let are_there = async |customers: std::ops::Range<u128>| {
        world
            .until_versions(Kind::Customer, customers.map(|n| (id(n), 1)))
            .await;
    };
    register(1..2).await;
    are_there(1..2).await;
    proxy.set(Network::Frozen);
    register(2..32).await;
    // It has records that it cannot write, and room for no more.
    proxy.tried(3).await;
    let visitor = world.start();
    // It has been given a partition.
    world.until_any(Kind::Customer, (2..32).map(id)).await;
    proxy.set(Network::Up);
    are_there(2..32).await;
    visitor.stop().await;
    register(32..62).await;
    are_there(32..62).await;
    steady.stop().await;
}
