//! Any body for any command, through the endpoints over the store in memory: answered, and never with a 5xx.
#![no_main]

use std::cell::OnceCell;
use std::mem::ManuallyDrop;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody as _;
use actix_web::dev::{Service as _, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use actix_web::web::Data;
use actix_web::{App, Error, test};
use command_service::application::backpressure::Backpressure;
use command_service::application::bus::{CommandBus, KeysInFlight, RetryPolicy};
use command_service::inbound::health::Health;
use command_service::inbound::http::admission::Admission;
use command_service::inbound::http::authentication::Authentication;
use command_service::inbound::http::body::BodyLimits;
use command_service::inbound::http::command_api::{CommandApi, Wiring};
use command_service::inbound::http::commands;
use command_service::outbound::memory::{CountingIds, ManualClock, MemoryStore};
use command_service::settings::{AuthSettings, HttpSettings, Role};
use fuzz::first;
use libfuzzer_sys::fuzz_target;

struct InMemory;

impl Wiring for InMemory {
    type Store = MemoryStore;
    type Clock = ManualClock;
    type Ids = CountingIds;
}

const ID: &str = "0190b5a0-0000-7000-8000-000000000001";

static COMMANDS: [(Method, &str); 19] = [
    (Method::POST, "/v1/customers"),
    (Method::PUT, "/v1/customers/{id}/name"),
    (Method::PUT, "/v1/customers/{id}/billing-address"),
    (Method::PUT, "/v1/customers/{id}/delivery-address"),
    (Method::POST, "/v1/products"),
    (Method::PUT, "/v1/products/{id}/name"),
    (Method::PUT, "/v1/products/{id}/price"),
    (Method::PUT, "/v1/products/{id}/dimensions"),
    (Method::POST, "/v1/products/{id}/discontinue"),
    (Method::POST, "/v1/orders"),
    (Method::POST, "/v1/orders/{id}/items"),
    (Method::PUT, "/v1/orders/{id}/items/{id}"),
    (Method::DELETE, "/v1/orders/{id}/items/{id}"),
    (Method::POST, "/v1/orders/{id}/submit"),
    (Method::POST, "/v1/orders/{id}/confirm"),
    (Method::POST, "/v1/orders/{id}/ship"),
    (Method::POST, "/v1/orders/{id}/deliver"),
    (Method::POST, "/v1/orders/{id}/cancel"),
    (Method::POST, "/v1/invoices/{id}/payments"),
];

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<ServiceResponse, Error>>>>;
type Endpoints = Box<dyn Fn(TestRequest) -> Answer>;

/// A store that grows for ever would be what is measured: it is made anew now and then.
const REQUESTS_OF_ONE_STORE: usize = 2_000;

async fn endpoints() -> Endpoints {
    let (clock, ids) = (Arc::new(ManualClock::default()), Arc::new(CountingIds::default()));
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let settings = HttpSettings::default();
    let room = NonZeroU64::MAX;
    let [outbox, queue] = ["outbox", "queue"].map(|name| Arc::new(Backpressure::new(name, room)));
    let admission = Arc::new(Admission::new(&settings, outbox, queue));
    let bus = CommandBus::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::clone(&ids),
        RetryPolicy::default(),
        KeysInFlight::default(),
    );
    let authentication = Authentication::new(&AuthSettings::default()).expect("no keys");
    let api = CommandApi::<InMemory>::new(
        bus,
        store,
        clock,
        ids,
        admission,
        settings.request_deadline,
        Arc::new(authentication),
    );
    let (api, health) = (Data::new(api), Arc::new(Health::new(Role::Api, vec![])));
    let app = App::new()
        .app_data(BodyLimits {
            max_bytes: 256 * 1024,
            timeout: Duration::from_secs(5),
        })
        .app_data(api.clone())
        .configure(|app| commands::configure(app, &api, &health, &settings));
    let app = std::rc::Rc::new(test::init_service(app).await);
    Box::new(move |request| {
        let answer = app.call(request.to_request());
        Box::pin(async move { answer.await.map(ServiceResponse::map_into_boxed_body) })
    })
}

struct Door {
    runtime: tokio::runtime::Runtime,
    endpoints: std::cell::RefCell<(usize, Endpoints)>,
}

thread_local! {
    /// Never dropped: what it would tell of its end is gone by then.
    static DOOR: OnceCell<ManuallyDrop<Door>> = const { OnceCell::new() };
}

fn door() -> Door {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let endpoints = local.block_on(&runtime, endpoints());
    Door {
        runtime,
        endpoints: std::cell::RefCell::new((0, endpoints)),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = first(data) else { return };
    DOOR.with(|cell| {
        let Door {
            runtime,
            endpoints: current,
        } = &**cell.get_or_init(|| ManuallyDrop::new(door()));
        let local = tokio::task::LocalSet::new();
        let mut current = current.borrow_mut();
        if current.0 >= REQUESTS_OF_ONE_STORE {
            *current = (0, local.block_on(runtime, endpoints()));
        }
        current.0 += 1;
        let (method, path) = &COMMANDS[choice % COMMANDS.len()];
        let request = TestRequest::default()
            .method(method.clone())
            .uri(&path.replace("{id}", ID))
            .insert_header(("content-type", "application/json"))
            .set_payload(body.to_vec());
        let answer = local.block_on(runtime, (current.1)(request)).expect("an answer");
        assert!(!answer.status().is_server_error(), "{path}: {}", answer.status());
        let said = answer.into_body().try_into_bytes().map_or(0, |said| said.len());
        assert!(said < 64 * 1024 + 8 * body.len(), "{path}: {said} bytes");
    });
});
