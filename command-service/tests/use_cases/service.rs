//! The application with nothing real around it.

use std::sync::Arc;
use std::time::Duration;

use command_service::application::UseCases;
use command_service::application::bus::{
    Accepted, Actor, Answered, Command, CommandBus, CommandError, Context, Decided, Handler, KeysInFlight,
    RetryPolicy,
};
use command_service::application::codec::{Recorded, replay};
use command_service::application::ordering::{
    AddProduct, CreateOrder, OrderItem, RegisterCustomer, SubmitOrder,
};
use command_service::application::ports::{
    BUCKETS, CommandQueue, CommandStore, EventStore, StreamId, TakenCommand,
};
use command_service::application::stored::run_stored;
use command_service::outbound::memory::{CountingIds, ManualClock, MemoryStore};
use domain::testing::{an_address, email, eur, name, quantity};
use domain::{Customer, CustomerId, Invoice, InvoiceId, Order, OrderId, Product, ProductId, UnitPrice};
use shared_events::{Event, WriterSchema};

pub struct Service<S = MemoryStore> {
    pub memory: Arc<MemoryStore>,
    pub clock: Arc<ManualClock>,
    pub bus: CommandBus<S, ManualClock, CountingIds>,
    pub store: Arc<S>,
    ids: Arc<CountingIds>,
}

pub const ATTEMPTS: u32 = 4;

impl Service {
    pub fn new() -> Self {
        Self::over(|memory| memory)
    }
}

impl<S: EventStore + CommandStore> Service<S> {
    /// With a store of the test's own round the one in memory.
    pub fn over(wrap: impl FnOnce(Arc<MemoryStore>) -> Arc<S>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(MemoryStore::new(Arc::clone(&clock)));
        let ids = Arc::new(CountingIds::default());
        let store = wrap(Arc::clone(&memory));
        Self {
            bus: bus(&store, &clock, &ids),
            memory,
            clock,
            store,
            ids,
        }
    }

    /// As another process over the same store has it.
    pub fn another_bus(&self) -> CommandBus<S, ManualClock, CountingIds> {
        bus(&self.store, &self.clock, &self.ids)
    }

    pub fn context(&self) -> Context {
        self.bus.context(Actor::anonymous(), None, None)
    }

    pub async fn execute<C>(&self, command: C) -> Result<Accepted, CommandError>
    where
        C: Command,
        UseCases<S>: Handler<C, Answer = Decided>,
    {
        self.execute_as(&self.context(), command).await
    }

    pub async fn execute_as<C>(&self, context: &Context, command: C) -> Result<Accepted, CommandError>
    where
        C: Command,
        UseCases<S>: Handler<C, Answer = Decided>,
    {
        match self.bus.execute(context, &command).await? {
            Answered::Accepted(accepted) => Ok(accepted),
            Answered::Deferred(deferred) => panic!("not decided, but {deferred:?}"),
        }
    }

    /// Ada Lovelace.
    pub async fn a_customer(&self) -> CustomerId {
        let customer_id = self.bus.next_id().into();
        self.execute(registration(customer_id)).await.unwrap();
        customer_id
    }

    pub async fn a_product(&self, unit_price: UnitPrice) -> ProductId {
        let product_id = self.bus.next_id().into();
        self.execute(addition(product_id, unit_price)).await.unwrap();
        product_id
    }

    pub async fn an_order(&self, items: Vec<OrderItem>) -> OrderId {
        let command = CreateOrder {
            order_id: self.bus.next_id().into(),
            customer_id: self.a_customer().await,
            items,
        };
        let order_id = command.order_id;
        self.execute(command).await.unwrap();
        order_id
    }

    /// A draft of one piece for 19.99 EUR.
    pub async fn a_draft(&self) -> OrderId {
        let product = self.a_product(eur(1999)).await;
        self.an_order(vec![item(product, 1)]).await
    }

    /// Three pieces for 19.99 EUR each.
    pub async fn a_submitted_order(&self) -> OrderId {
        let product = self.a_product(eur(1999)).await;
        let order_id = self.an_order(vec![item(product, 3)]).await;
        self.execute(SubmitOrder { order_id }).await.unwrap();
        order_id
    }

    /// What waits in the queue.
    pub async fn taken(&self) -> Vec<TakenCommand> {
        let buckets: Vec<u16> = (0..BUCKETS).collect();
        self.memory.take(&buckets, usize::MAX).await.unwrap()
    }

    /// Runs what is queued and what follows from it, as a worker does. Answers the commands' types in their order, each
    /// with what it was refused for.
    pub async fn work(&self) -> Vec<(String, Option<&'static str>)> {
        let mut done = Vec::new();
        while let [first, ..] = &self.taken().await[..] {
            let refusal = match run_stored(&self.bus, first).await {
                Ok(_) => None,
                Err(error) if error.outcome().is_some() => Some(error.kind()),
                Err(error) => panic!("not decided: {error:?}"),
            };
            done.push((first.command.command_type.clone(), refusal));
        }
        done
    }

    pub fn customer(&self, id: CustomerId) -> Customer {
        self.aggregate(id)
    }

    pub fn product(&self, id: ProductId) -> Product {
        self.aggregate(id)
    }

    pub fn order(&self, id: OrderId) -> Order {
        self.aggregate(id)
    }

    pub fn invoice(&self, of: OrderId) -> Invoice {
        self.aggregate(InvoiceId::of_order(of))
    }

    fn aggregate<A: Recorded>(&self, id: A::Id) -> A {
        replay(id, &self.memory.events(A::stream(id))).unwrap().unwrap()
    }

    /// The stream's events as others read them.
    pub fn records(&self, stream: StreamId) -> Vec<Event> {
        let events = self.memory.events(stream);
        events
            .iter()
            .map(|event| {
                let schema = WriterSchema::of_type(&event.event_type).unwrap();
                Event::decode(stream.aggregate, schema, &event.payload).unwrap()
            })
            .collect()
    }

    /// The names of the stream's events, without their namespace.
    pub fn history(&self, stream: StreamId) -> Vec<String> {
        let events = self.memory.events(stream);
        events
            .iter()
            .map(|event| event.event_type.rsplit('.').next().unwrap().to_owned())
            .collect()
    }
}

fn bus<S: EventStore + CommandStore>(
    store: &Arc<S>,
    clock: &Arc<ManualClock>,
    ids: &Arc<CountingIds>,
) -> CommandBus<S, ManualClock, CountingIds> {
    let at_once = RetryPolicy {
        attempts: ATTEMPTS,
        first_wait: Duration::ZERO,
        longest_wait: Duration::ZERO,
    };
    CommandBus::new(
        Arc::clone(store),
        Arc::clone(clock),
        Arc::clone(ids),
        at_once,
        KeysInFlight::default(),
    )
}

pub fn registration(customer_id: CustomerId) -> RegisterCustomer {
    RegisterCustomer {
        customer_id,
        name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
        billing_address: an_address("Ada Lovelace"),
        delivery_address: None,
    }
}

pub fn addition(product_id: ProductId, unit_price: UnitPrice) -> AddProduct {
    AddProduct {
        product_id,
        name: name("Difference engine"),
        unit_price,
        size: None,
        weight: None,
    }
}

pub fn item(product_id: ProductId, pieces: i64) -> OrderItem {
    OrderItem {
        product_id,
        quantity: quantity(pieces),
        expected_unit_price: None,
    }
}

#[track_caller]
pub fn kind_of(answer: Result<Accepted, CommandError>) -> &'static str {
    answer.unwrap_err().kind()
}
