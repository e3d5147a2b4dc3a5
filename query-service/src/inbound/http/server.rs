//! The HTTP server: the API where the role serves it, and what operators ask everywhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, Handler, HttpServer, web};

use super::observed::observe;
use super::orders::changes::ChangesApi;
use super::query_api::QueryApi;
use super::routes::{resource, unknown_path};
use super::{connections, customers, deliveries, invoices, operations, orders, products, sales};
use crate::inbound::health::Health;
use crate::settings::{HttpSettings, ShutdownSettings};

/// Listens, and answers the server with its address. The server serves while it is polled, until its handle is told to
/// stop; requests in flight then have the grace period. Without an `api` only health, metrics and documentation are there.
///
/// Each worker takes one of `apis`, so that each may keep connections that are served by its own thread.
pub fn bind(
    apis: Vec<Arc<QueryApi>>,
    changes: Option<Arc<ChangesApi>>,
    health: Arc<Health>,
    settings: &HttpSettings,
    shutdown: &ShutdownSettings,
) -> std::io::Result<(Server, SocketAddr)> {
    let max_head_bytes = settings.max_head_bytes;
    let apis: Arc<[Arc<QueryApi>]> = apis.into();
    let next_worker = Arc::new(AtomicUsize::new(0));
    let server = HttpServer::new(move || {
        let app = App::new()
            .app_data(web::Data::from(health.clone()))
            .default_service(web::to(unknown_path));
        // Queries first: paths are tried in this order.
        let app = match apis.as_ref() {
            [] => app,
            apis => {
                let worker = next_worker.fetch_add(1, Ordering::Relaxed);
                let app = app.app_data(web::Data::from(apis[worker % apis.len()].clone()));
                // Before the details: `changes` is no id.
                let app = match &changes {
                    Some(changes) => app
                        .app_data(web::Data::from(changes.clone()))
                        .configure(|app| pushes(app, max_head_bytes)),
                    None => app,
                };
                app.configure(|app| queries(app, max_head_bytes))
            }
        };
        app.configure(operations::configure)
    })
    .workers(settings.workers())
    .max_connections(settings.max_connections.get().div_ceil(settings.workers()))
    .on_connect(|_, kept| connections::count(kept))
    .keep_alive(KeepAlive::Timeout(settings.keep_alive))
    .client_request_timeout(settings.slow_client_timeout)
    .shutdown_timeout(shutdown.grace_period.as_secs().max(1))
    .disable_signals()
    .bind((settings.host.as_str(), settings.port))?;
    let address = server
        .addrs()
        .first()
        .copied()
        .ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    Ok((server.run(), address))
}

/// Paths are tried in this order.
fn queries(app: &mut web::ServiceConfig, max_head_bytes: usize) {
    macro_rules! queries {
        ($($path:literal => $model:ident::$query:ident),* $(,)?) => {
            $(query(app, $path, max_head_bytes, $model::$query::$query);)*
        };
    }
    queries! {
        "/v1/orders" => orders::list_orders,
        "/v1/orders/search" => orders::search_orders,
        "/v1/orders/{id}" => orders::get_order,
        "/v1/orders/{id}/history" => orders::order_history,
        "/v1/customers" => customers::list_customers,
        "/v1/customers/{id}" => customers::get_customer,
        "/v1/products" => products::list_products,
        "/v1/products/{id}" => products::get_product,
        "/v1/invoices" => invoices::list_invoices,
        "/v1/invoices/{id}" => invoices::get_invoice,
        "/v1/deliveries" => deliveries::list_deliveries,
        "/v1/deliveries/{order_id}" => deliveries::get_delivery,
        "/v1/sales/daily" => sales::daily_sales,
        "/v1/sales/products" => sales::product_sales,
        "/v1/sales/status" => sales::orders_by_status,
    }
}

fn pushes(app: &mut web::ServiceConfig, max_head_bytes: usize) {
    query(
        app,
        "/v1/orders/changes",
        max_head_bytes,
        orders::changes::all_changes,
    );
    query(
        app,
        "/v1/orders/{id}/changes",
        max_head_bytes,
        orders::changes::order_changes,
    );
}

fn query<F, Args>(app: &mut web::ServiceConfig, path: &'static str, max_head_bytes: usize, handler: F)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    app.service(resource(path, handler).wrap(from_fn(move |request, next| {
        observe(path, max_head_bytes, request, next)
    })));
}
