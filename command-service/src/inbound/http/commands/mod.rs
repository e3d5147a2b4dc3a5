//! The endpoints of the write side, one file each.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{Error, Resource, web};

use super::command_api::{CommandApi, Wiring};
use super::observed::{Observed, observe};
use super::routes::{self, MethodRoute, delete, get, post, put};
use crate::inbound::health::Health;
use crate::settings::HttpSettings;

pub mod add_order_item;
pub mod add_product;
pub mod cancel_order;
pub mod change_billing_address;
pub mod change_delivery_address;
pub mod change_order_item_quantity;
pub mod change_product_dimensions;
pub mod change_product_price;
pub mod confirm_order;
pub mod create_order;
pub mod deliver_order;
pub mod discontinue_product;
pub mod receive_payment;
pub mod register_customer;
pub mod remove_order_item;
pub mod rename_customer;
pub mod rename_product;
pub mod ship_order;
pub mod show_command;
pub mod submit_order;

pub fn configure<W: Wiring>(
    app: &mut web::ServiceConfig,
    api: &web::Data<CommandApi<W>>,
    health: &Arc<Health>,
    settings: &HttpSettings,
) {
    let door = Door {
        api,
        health,
        settings,
    };
    app.app_data(Arc::clone(&api.authentication));
    app.service(door.to("/v1/customers", [post(register_customer::register_customer::<W>)]))
        .service(door.to(
            "/v1/customers/{id}/name",
            [put(rename_customer::rename_customer::<W>)],
        ))
        .service(door.to("/v1/products", [post(add_product::add_product::<W>)]))
        .service(door.to(
            "/v1/products/{id}/name",
            [put(rename_product::rename_product::<W>)],
        ))
        .service(door.to(
            "/v1/products/{id}/price",
            [put(change_product_price::change_product_price::<W>)],
        ))
        .service(door.to("/v1/orders", [post(create_order::create_order::<W>)]))
        .service(door.to(
            "/v1/orders/{id}/items",
            [post(add_order_item::add_order_item::<W>)],
        ))
        .service(door.to(
            "/v1/orders/{id}/items/{product_id}",
            [
                put(change_order_item_quantity::change_order_item_quantity::<W>),
                delete(remove_order_item::remove_order_item::<W>),
            ],
        ))
        .service(door.to("/v1/orders/{id}/submit", [post(submit_order::submit_order::<W>)]))
        .service(door.to(
            "/v1/customers/{id}/billing-address",
            [put(change_billing_address::change_billing_address::<W>)],
        ))
        .service(door.to(
            "/v1/customers/{id}/delivery-address",
            [put(change_delivery_address::change_delivery_address::<W>)],
        ))
        .service(door.to(
            "/v1/products/{id}/dimensions",
            [put(change_product_dimensions::change_product_dimensions::<W>)],
        ))
        .service(door.to(
            "/v1/products/{id}/discontinue",
            [post(discontinue_product::discontinue_product::<W>)],
        ))
        .service(door.to(
            "/v1/orders/{id}/confirm",
            [post(confirm_order::confirm_order::<W>)],
        ))
        .service(door.to("/v1/orders/{id}/ship", [post(ship_order::ship_order::<W>)]))
        .service(door.to(
            "/v1/orders/{id}/deliver",
            [post(deliver_order::deliver_order::<W>)],
        ))
        .service(door.to("/v1/orders/{id}/cancel", [post(cancel_order::cancel_order::<W>)]))
        .service(door.to(
            "/v1/invoices/{id}/payments",
            [post(receive_payment::receive_payment::<W>)],
        ))
        .service(door.to("/v1/commands/{id}", [get(show_command::show_command::<W>)]));
}

struct Door<'a, W: Wiring> {
    api: &'a web::Data<CommandApi<W>>,
    health: &'a Arc<Health>,
    settings: &'a HttpSettings,
}

impl<W: Wiring> Door<'_, W> {
    /// A command's path, observed.
    fn to<const N: usize>(
        &self,
        path: &'static str,
        routes: [MethodRoute; N],
    ) -> Resource<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + use<W, N>,
    > {
        let observed = Rc::new(Observed {
            route: path,
            max_head_bytes: self.settings.max_head_bytes,
            if_match_needed: routes
                .iter()
                .map(|(method, _)| method.clone())
                .filter(|method| {
                    let route = format!("{method} {path}");
                    self.settings.require_if_match.contains(&route)
                })
                .collect(),
            ids: Arc::clone(&self.api.ids),
            health: Arc::clone(self.health),
            admission: Arc::clone(&self.api.admission),
        });
        routes::resource(path, routes).wrap(from_fn(move |request, next| {
            observe(Rc::clone(&observed), request, next)
        }))
    }
}
