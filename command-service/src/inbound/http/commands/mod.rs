//! The endpoints of the write side, one file each.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{Error, Resource, web};

use super::command_api::{CommandApi, Wiring};
use super::observed::{Observed, observe};
use super::routes::{self, MethodRoute, delete, post, put};
use crate::inbound::health::Health;

pub mod add_order_item;
pub mod add_product;
pub mod change_order_item_quantity;
pub mod change_product_price;
pub mod create_order;
pub mod register_customer;
pub mod remove_order_item;
pub mod rename_customer;
pub mod rename_product;
pub mod submit_order;

pub fn configure<W: Wiring>(
    app: &mut web::ServiceConfig,
    api: &web::Data<CommandApi<W>>,
    health: &Arc<Health>,
    max_head_bytes: usize,
) {
    let door = Door {
        api,
        health,
        max_head_bytes,
    };
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
        .service(door.to("/v1/orders/{id}/submit", [post(submit_order::submit_order::<W>)]));
}

struct Door<'a, W: Wiring> {
    api: &'a web::Data<CommandApi<W>>,
    health: &'a Arc<Health>,
    max_head_bytes: usize,
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
            max_head_bytes: self.max_head_bytes,
            ids: Arc::clone(&self.api.ids),
            health: Arc::clone(self.health),
        });
        routes::resource(path, routes).wrap(from_fn(move |request, next| {
            observe(Rc::clone(&observed), request, next)
        }))
    }
}
