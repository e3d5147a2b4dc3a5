//! The query bus: one route for each query, and round each handler the middleware in the one order that stands here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::cursor::CursorSigner;
use super::get_order::{GetOrder, GetOrderHandler};
use super::list_orders::{ListOrders, ListOrdersHandler};
use super::middleware::{Consistent, Measured, Timed, Traced};
use super::search_orders::{SearchOrders, SearchOrdersHandler};
use super::{Context, Outcome, Query, QueryHandler};
use crate::application::caching::OrderCache;
use crate::application::freshness::Freshness;
use crate::application::ports::{OrderReader, VersionReader};

pub struct QueryBus {
    get_order: Route<GetOrder>,
    list_orders: Route<ListOrders>,
    search_orders: Route<SearchOrders>,
}

impl QueryBus {
    pub fn new<R: OrderReader + VersionReader>(
        reader: &Arc<R>,
        freshness: &Arc<Freshness<R>>,
        cache: &Arc<OrderCache>,
        cursors: &Arc<CursorSigner>,
    ) -> Self {
        Self {
            get_order: route(freshness, GetOrderHandler::new(reader.clone(), cache.clone())),
            list_orders: route(freshness, ListOrdersHandler::new(reader.clone(), cursors.clone())),
            search_orders: route(
                freshness,
                SearchOrdersHandler::new(reader.clone(), cursors.clone()),
            ),
        }
    }

    pub async fn ask<Q: Query>(&self, query: &Q, context: &Context) -> Outcome<Q>
    where
        Self: Routes<Q>,
    {
        self.route().handle(query, context).await
    }
}

fn route<Q: Query, R: OrderReader + VersionReader>(
    freshness: &Arc<Freshness<R>>,
    handler: impl QueryHandler<Q>,
) -> Route<Q> {
    Box::new(Traced(Measured(Timed(Consistent::new(
        freshness.clone(),
        handler,
    )))))
}

/// Which queries the bus takes.
pub trait Routes<Q: Query> {
    fn route(&self) -> &dyn AnyHandler<Q>;
}

impl Routes<GetOrder> for QueryBus {
    fn route(&self) -> &dyn AnyHandler<GetOrder> {
        &*self.get_order
    }
}

impl Routes<ListOrders> for QueryBus {
    fn route(&self) -> &dyn AnyHandler<ListOrders> {
        &*self.list_orders
    }
}

impl Routes<SearchOrders> for QueryBus {
    fn route(&self) -> &dyn AnyHandler<SearchOrders> {
        &*self.search_orders
    }
}

type Route<Q> = Box<dyn AnyHandler<Q>>;

/// A handler without its type, so that who asks need not know the adapters.
pub trait AnyHandler<Q: Query>: Send + Sync {
    fn handle<'a>(
        &'a self,
        query: &'a Q,
        context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = Outcome<Q>> + Send + 'a>>;
}

impl<Q: Query, H: QueryHandler<Q>> AnyHandler<Q> for H {
    fn handle<'a>(
        &'a self,
        query: &'a Q,
        context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = Outcome<Q>> + Send + 'a>> {
        Box::pin(QueryHandler::handle(self, query, context))
    }
}
