//! The HTTP server of a process: commands where its role serves them, health and metrics in every role.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};

use super::body::BodyLimits;
use super::command_api::{CommandApi, Wiring};
use super::observed::measure;
use super::routes::unknown_path;
use super::{commands, connections, operations};
use crate::inbound::health::Health;
use crate::settings::{HttpSettings, ShutdownSettings};

/// Binds and builds the server, and answers the address that it listens on. `api` is called once in each worker, so that what it builds need not be
/// shared between threads; `None` in a role without commands. Signals are not handled: stop it through its handle.
pub fn server<W: Wiring>(
    settings: &HttpSettings,
    shutdown: &ShutdownSettings,
    health: Arc<Health>,
    api: Option<impl Fn() -> CommandApi<W> + Send + Clone + 'static>,
) -> std::io::Result<(Server, SocketAddr)> {
    let health = Data::from(health);
    let of_commands = settings.clone();
    let limits = BodyLimits {
        max_bytes: settings.max_body_bytes,
        timeout: settings.slow_client_timeout,
    };
    let workers = settings.workers();
    let server = HttpServer::new(move || {
        let api = api.as_ref().map(|api| Data::new(api()));
        App::new()
            .app_data(health.clone())
            .app_data(limits)
            .configure(operations::configure)
            .configure(|app| {
                if let Some(api) = api {
                    app.app_data(api.clone());
                    commands::configure(app, &api, &health, &of_commands);
                }
            })
            .default_service(
                // One label for all that is not there, however many paths are tried.
                web::to(unknown_path).wrap(from_fn(|request, next| measure("unknown", request, next))),
            )
    })
    .workers(workers)
    .max_connections(settings.max_connections.get().div_ceil(workers))
    .on_connect(|_, kept| connections::count(kept))
    .keep_alive(settings.keep_alive)
    .client_request_timeout(settings.slow_client_timeout)
    .shutdown_timeout(shutdown.grace_period.as_secs().max(1))
    .disable_signals()
    .bind((settings.host.as_str(), settings.port))?;
    let address = server
        .addrs()
        .first()
        .copied()
        .ok_or_else(|| std::io::Error::other("the host has no address"))?;
    Ok((server.run(), address))
}
