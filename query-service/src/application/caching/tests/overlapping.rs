//! Clients, changes and cuts in whatever order chance has it.

use std::collections::HashMap;

use proptest::prelude::*;
use tokio::task::yield_now;

use super::*;

/// A store of a few orders, each call to which takes as many turns as chance has it; and what it has changed, told later.
struct World {
    orders: Mutex<HashMap<Uuid, OrderDocument>>,
    chance: Mutex<u64>,
}

impl World {
    fn chance(&self, below: u64) -> u64 {
        // Xorshift: the same turns for the same seed.
        let mut state = self.chance.lock().expect("no panic");
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % below
    }

    async fn some_turns(&self) {
        for _ in 0..self.chance(6) {
            yield_now().await;
        }
    }

    async fn get(&self, id: Uuid) -> Loaded {
        self.some_turns().await;
        let found = match self.chance(20) {
            0 => away(),
            _ => Ok(self.now(id)),
        };
        self.some_turns().await;
        found
    }

    fn now(&self, id: Uuid) -> Option<OrderDocument> {
        self.orders.lock().expect("no panic").get(&id).cloned()
    }

    /// The next version, or the same with another name.
    fn write(&self, id: Uuid) -> u64 {
        let rename = self.chance(3) == 0;
        let mut orders = self.orders.lock().expect("no panic");
        let written = match orders.get(&id) {
            Some(found) if rename => named(found.version, found.customer_version + 1),
            Some(found) => named(found.version + 1, found.customer_version),
            None => order(1),
        };
        let version = written.version;
        orders.insert(id, OrderDocument { id, ..written });
        version
    }
}

fn rank(order: Option<&OrderDocument>) -> (u64, u64) {
    order.map_or((0, 0), |order| (order.version, order.customer_version))
}

/// One client: what it has seen of each order, it sees again.
async fn client(cache: Arc<OrderCache>, world: Arc<World>) {
    let mut seen = HashMap::<Uuid, (u64, u64)>::new();
    for _ in 0..150 {
        let id = Uuid::from_u128(u128::from(world.chance(3)));
        let written = rank(world.now(id).as_ref());
        let demand = match world.chance(4) {
            0 => Demand::Version(written.0),
            1 => Demand::Now,
            _ => Demand::Anything,
        };
        let reader = world.clone();
        let read = cache
            .read(id, demand, PATIENCE, || async move { reader.get(id).await })
            .await;
        if world.chance(10) == 0 {
            cache.upkeep();
        }
        let Ok(shown) = read else { continue };
        let shown = rank(shown.order.as_deref());
        let before = seen.insert(id, shown).unwrap_or_default();
        assert!(shown >= before, "{shown:?} after {before:?}");
        match demand {
            Demand::Anything => {}
            Demand::Version(version) => assert!(shown.0 >= version, "{shown:?} against {version}"),
            Demand::Now => assert!(shown >= written, "{shown:?} against {written:?}"),
        }
        world.some_turns().await;
    }
}

/// Writes and tells of it some turns later, as the changes topic does: for each order in the order of the writes.
async fn projector(cache: Arc<OrderCache>, world: Arc<World>) {
    let mut untold = Vec::new();
    for _ in 0..200 {
        let id = Uuid::from_u128(u128::from(world.chance(3)));
        let version = world.write(id);
        untold.push(Change {
            id,
            ..change(version)
        });
        world.some_turns().await;
        match world.chance(40) {
            // Cut off, and noticed: what was missed in between is nobody's entry any more.
            0 => {
                untold.clear();
                cache.invalidate_all();
            }
            1..20 => {
                for change in untold.drain(..) {
                    cache.invalidate(&change);
                    world.some_turns().await;
                }
            }
            _ => {}
        }
    }
    for change in untold {
        cache.invalidate(&change);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_overlaps_no_client_sees_less_than_before(seed in 1..u64::MAX) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let world = Arc::new(World { orders: Mutex::default(), chance: Mutex::new(seed) });
            // So small that entries are evicted.
            let cache = OrderCache::new(CacheSettings { max_bytes: 700, ..CacheSettings::default() });
            cache.feed_is_up(true);
            let mut tasks: Vec<_> = (0..4)
                .map(|_| tokio::spawn(client(cache.clone(), world.clone())))
                .collect();
            tasks.push(tokio::spawn(projector(cache.clone(), world.clone())));
            for task in tasks {
                task.await.expect("nothing was broken");
            }
            // All that changed was told: what is kept is what there is.
            for id in (0..3).map(Uuid::from_u128) {
                let reader = world.clone();
                let shown = loop {
                    let reader = reader.clone();
                    if let Ok(shown) = cache
                        .read(id, Demand::Anything, PATIENCE, || async move { reader.get(id).await })
                        .await
                    {
                        break shown;
                    }
                };
                assert_eq!(rank(shown.order.as_deref()), rank(world.now(id).as_ref()));
            }
            assert!(cache.reads().in_work.is_empty());
        });
    }
}
