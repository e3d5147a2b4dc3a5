//! Clients, each with a customer of its own: they rename it again and again, now or later, and ask until they are answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use command_service::application::bus::{Actor, Answered, Command, CommandError};
use command_service::application::ordering::{RegisterCustomer, RenameCustomer};
use command_service::application::ports::{IdempotencyKey, StreamId};
use domain::{Address, CustomerId, Name};
use shared_events::{CustomerEvent, Event, WriterSchema};
use uuid::Uuid;

use crate::gate::{Gate, Pool};
use crate::processes::{Bus, bus};
use crate::world::World;

/// What a client was told is done, or will be.
#[derive(Debug, Clone)]
struct Promise {
    name: String,
    later: bool,
}

pub struct Client {
    pub stream: StreamId,
    promises: Mutex<Vec<Promise>>,
}

/// The processes that clients send to.
pub fn apis(world: &Arc<World>) -> Vec<Arc<Bus>> {
    (0..2)
        .map(|at| {
            let gate = Gate {
                world: Arc::clone(world),
                name: format!("Api-{at}"),
                pool: Pool::Workers,
                ice: Arc::default(),
                leases: Default::default(),
            };
            Arc::new(bus(world, Arc::new(gate)))
        })
        .collect()
}

impl Client {
    pub fn new(at: u128) -> Self {
        // Spread over the buckets.
        let id = Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0000 + at * 0x9e37_79b9);
        Self {
            stream: RenameCustomer {
                customer_id: id.into(),
                name: name("any"),
            }
            .stream(),
            promises: Mutex::default(),
        }
    }

    pub async fn work(self: Arc<Self>, world: Arc<World>, apis: Vec<Arc<Bus>>) {
        let customer_id = CustomerId::from(self.stream.id);
        let registration = |called: &str| RegisterCustomer {
            customer_id,
            name: name(called),
            email: None,
            billing_address: address(),
            delivery_address: None,
        };
        self.send(&world, &apis, "first", false, &registration("first"))
            .await;
        let renamings = 3 + world.roll(8);
        for nth in 0..renamings {
            // The client takes its time; all time here is simulated.
            tokio::time::sleep(Duration::from_millis(world.roll(3_000))).await;
            let called = format!("renaming {nth}");
            let later = world.roll(100) < 60;
            if world.roll(100) < 15 {
                // Refused, since it is there.
                self.send(&world, &apis, &called, later, &registration(&called))
                    .await;
            } else {
                let renaming = RenameCustomer {
                    customer_id,
                    name: name(&called),
                };
                self.send(&world, &apis, &called, later, &renaming).await;
                self.promises
                    .lock()
                    .unwrap()
                    .push(Promise { name: called, later });
            }
        }
    }

    /// Again and again under one key, until an answer is final. A connection may break first.
    async fn send<C>(&self, world: &World, apis: &[Arc<Bus>], key: &str, later: bool, command: &C)
    where
        C: Command,
        command_service::application::UseCases<Gate>: command_service::application::bus::Handler<C, Answer = command_service::application::bus::Decided>,
    {
        let key = IdempotencyKey {
            key: format!("{} {key}", self.stream.id),
            request_hash: [u8::from(later); 32],
        };
        loop {
            let api = &apis[world.roll(apis.len() as u64) as usize];
            let mut context = api.context(Actor::anonymous(), None, None);
            context.key = Some(key.clone());
            let patience = match world.roll(10) {
                0 => Duration::from_millis(world.roll(50)),
                _ => Duration::from_secs(30),
            };
            let sent = async {
                match later {
                    true => api.defer(&context, command).await,
                    false => api.execute(&context, command).await,
                }
            };
            let answer = tokio::time::timeout(patience, sent).await;
            match &answer {
                Ok(Ok(Answered::Accepted(accepted))) => {
                    world.trace(format!("{}: version {}", key.key, accepted.version));
                    return;
                }
                Ok(Ok(Answered::Deferred(_))) => {
                    world.trace(format!("{}: later", key.key));
                    return;
                }
                Ok(Err(CommandError::AlreadyExists(_) | CommandError::Recorded(_))) => {
                    world.trace(format!("{}: refused", key.key));
                    return;
                }
                Ok(Err(
                    CommandError::Unavailable(_) | CommandError::Conflict(_) | CommandError::KeyInFlight,
                ))
                | Err(_) => {}
                Ok(Err(other)) => {
                    world.violated(format!("{}: {other}", key.key));
                    return;
                }
            }
            // Before it asks again, in simulated time.
            tokio::time::sleep(Duration::from_millis(20 + world.roll(1_000))).await;
        }
    }

    /// What was promised happened once, and in the order in which it was.
    pub fn check(&self, world: &World) {
        let id = self.stream.id;
        let events = world.store.events(self.stream);
        let names: Vec<String> = events.iter().map(|event| name_in(event.version, event)).collect();
        let promises = self.promises.lock().unwrap().clone();
        for later in [true, false] {
            let promised: Vec<&String> = promises
                .iter()
                .filter(|promise| promise.later == later)
                .map(|promise| &promise.name)
                .collect();
            let found: Vec<&String> = names.iter().filter(|name| promised.contains(name)).collect();
            if found != promised {
                world.violated(format!(
                    "{id} was promised {promised:?}, later: {later}, and has {names:?}"
                ));
            }
        }
        let versions: Vec<u64> = events.iter().map(|event| event.version).collect();
        if versions != (1..=names.len() as u64).collect::<Vec<_>>() || names.len() != promises.len() + 1 {
            world.violated(format!(
                "{id} has {names:?} at {versions:?}, and was promised {promises:?}"
            ));
        }
    }
}

fn name_in(version: u64, event: &command_service::application::ports::StoredEvent) -> String {
    let schema = WriterSchema::of_type(&event.event_type).unwrap();
    match Event::decode(shared_events::AggregateType::Customer, schema, &event.payload).unwrap() {
        Event::Customer(CustomerEvent::Registered(registered)) => registered.name,
        Event::Customer(CustomerEvent::Renamed(renamed)) => renamed.name,
        other => panic!("{other:?} at {version}"),
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn address() -> Address {
    domain::testing::an_address("Ada Lovelace")
}
