//! The query bus: one route for each query, and round each handler the middleware in the one order that stands here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::daily_sales::{DailySales, DailySalesHandler};
use super::get_customer::{GetCustomer, GetCustomerHandler};
use super::get_delivery::{GetDelivery, GetDeliveryHandler};
use super::get_invoice::{GetInvoice, GetInvoiceHandler};
use super::get_order::{GetOrder, GetOrderHandler};
use super::get_order_as_of::{GetOrderAsOf, GetOrderAsOfHandler};
use super::get_product::{GetProduct, GetProductHandler};
use super::list_customers::{ListCustomers, ListCustomersHandler};
use super::list_deliveries::{ListDeliveries, ListDeliveriesHandler};
use super::list_invoices::{ListInvoices, ListInvoicesHandler};
use super::list_orders::{ListOrders, ListOrdersHandler};
use super::list_products::{ListProducts, ListProductsHandler};
use super::lists::{Cursors, Lists};
use super::middleware::{Consistent, Measured, Timed, Traced};
use super::order_history::{OrderHistory, OrderHistoryHandler};
use super::orders_by_status::{OrdersByStatus, OrdersByStatusHandler};
use super::product_sales::{ProductSales, ProductSalesHandler};
use super::search_orders::{SearchOrders, SearchOrdersHandler};
use super::{Context, Outcome, Query, QueryHandler};
use crate::application::caching::OrderCache;
use crate::application::freshness::Freshness;
use crate::application::ports::reading::{ReadModels, VersionReader};

/// Declares the bus with a route for each query.
macro_rules! query_bus {
    ($($name:ident: $query:ident),* $(,)?) => {
        pub struct QueryBus { $($name: Route<$query>),* }

        $(impl Routes<$query> for QueryBus {
            fn route(&self) -> &dyn AnyHandler<$query> {
                &*self.$name
            }
        })*
    };
}

query_bus! {
    get_order: GetOrder,
    list_orders: ListOrders,
    search_orders: SearchOrders,
    get_customer: GetCustomer,
    list_customers: ListCustomers,
    get_product: GetProduct,
    list_products: ListProducts,
    get_order_as_of: GetOrderAsOf,
    order_history: OrderHistory,
    get_invoice: GetInvoice,
    list_invoices: ListInvoices,
    get_delivery: GetDelivery,
    list_deliveries: ListDeliveries,
    daily_sales: DailySales,
    product_sales: ProductSales,
    orders_by_status: OrdersByStatus,
}

impl QueryBus {
    pub fn new<R: ReadModels, F: VersionReader>(
        reader: &Arc<R>,
        freshness: &Arc<Freshness<F>>,
        cache: &Arc<OrderCache>,
        cursors: &Arc<Cursors>,
    ) -> Self {
        let lists = Lists::new(reader, cursors);
        Self {
            get_order: route(freshness, GetOrderHandler::new(reader.clone(), cache.clone())),
            list_orders: route(freshness, ListOrdersHandler(lists.clone())),
            search_orders: route(freshness, SearchOrdersHandler(lists.clone())),
            get_customer: route(freshness, GetCustomerHandler::new(reader.clone())),
            list_customers: route(freshness, ListCustomersHandler(lists.clone())),
            get_product: route(freshness, GetProductHandler::new(reader.clone())),
            list_products: route(freshness, ListProductsHandler(lists.clone())),
            get_order_as_of: route(freshness, GetOrderAsOfHandler::new(reader.clone())),
            order_history: route(freshness, OrderHistoryHandler(lists.clone())),
            get_invoice: route(freshness, GetInvoiceHandler::new(reader.clone())),
            list_invoices: route(freshness, ListInvoicesHandler(lists.clone())),
            get_delivery: route(freshness, GetDeliveryHandler::new(reader.clone())),
            list_deliveries: route(
                freshness,
                ListDeliveriesHandler::new(lists.clone(), freshness.clone()),
            ),
            daily_sales: route(freshness, DailySalesHandler(lists.clone())),
            product_sales: route(freshness, ProductSalesHandler(lists.clone())),
            orders_by_status: route(freshness, OrdersByStatusHandler(lists)),
        }
    }

    pub async fn ask<Q: Query>(&self, query: &Q, context: &Context) -> Outcome<Q>
    where
        Self: Routes<Q>,
    {
        self.route().handle(query, context).await
    }
}

fn route<Q: Query, R: VersionReader>(
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
