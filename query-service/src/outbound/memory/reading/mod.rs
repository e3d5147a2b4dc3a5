//! The reading ports in memory: searches see what was there at the last refresh, gets see everything.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use read_model::{
    CustomerDocument, DeliveryDocument, InvoiceAccountDocument, InvoiceDocument, Kind, OrderDocument,
    OrderHistoryEntry, ProductDocument, SaleDocument,
};
use uuid::Uuid;

use crate::application::ports::StoreError;
use crate::application::ports::reading::{DocumentReader, VersionReader, Watched};

mod listed;
mod pages;
mod sales;

#[derive(Default)]
pub struct MemoryReader {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    now: Tables,
    searchable: Tables,
    /// Up to which version a name has reached every order.
    names: HashMap<(Kind, Uuid), u64>,
    points: HashMap<String, Tables>,
    points_opened: u64,
    unavailable: bool,
}

/// Every kind's documents by their id.
#[derive(Default, Clone)]
pub struct Tables {
    orders: BTreeMap<Uuid, OrderDocument>,
    customers: BTreeMap<Uuid, CustomerDocument>,
    products: BTreeMap<Uuid, ProductDocument>,
    history: BTreeMap<Uuid, OrderHistoryEntry>,
    sales: BTreeMap<Uuid, SaleDocument>,
    invoices: BTreeMap<Uuid, InvoiceDocument>,
    accounts: BTreeMap<Uuid, InvoiceAccountDocument>,
    deliveries: BTreeMap<Uuid, DeliveryDocument>,
}

/// A document that has a table.
pub trait Kept: Clone + Send + Sync + 'static {
    fn table(tables: &Tables) -> &BTreeMap<Uuid, Self>;
    fn table_mut(tables: &mut Tables) -> &mut BTreeMap<Uuid, Self>;
    fn id(&self) -> Uuid;
    /// 0 while only a later part has arrived.
    fn version(&self) -> u64;
}

macro_rules! kept {
    ($($document:ident in $table:ident),* $(,)?) => {$(
        impl Kept for $document {
            fn table(tables: &Tables) -> &BTreeMap<Uuid, Self> {
                &tables.$table
            }

            fn table_mut(tables: &mut Tables) -> &mut BTreeMap<Uuid, Self> {
                &mut tables.$table
            }

            fn id(&self) -> Uuid {
                self.id
            }

            fn version(&self) -> u64 {
                self.version
            }
        }
    )*};
}

kept! {
    OrderDocument in orders,
    CustomerDocument in customers,
    ProductDocument in products,
    OrderHistoryEntry in history,
    SaleDocument in sales,
    InvoiceDocument in invoices,
    InvoiceAccountDocument in accounts,
    DeliveryDocument in deliveries,
}

impl Tables {
    /// What a consistency token's version is compared with.
    fn version(&self, kind: Kind, id: Uuid) -> Option<u64> {
        match kind {
            Kind::Order => self.orders.get(&id).map(Kept::version),
            Kind::Customer => self.customers.get(&id).map(Kept::version),
            Kind::Product => self.products.get(&id).map(Kept::version),
            Kind::OrderHistory => self.history.get(&id).map(Kept::version),
            Kind::Sale => self.sales.get(&id).map(Kept::version),
            Kind::Invoice => self.invoices.get(&id).map(Kept::version),
            Kind::InvoiceAccount => self.accounts.get(&id).map(Kept::version),
            Kind::Delivery => self.deliveries.get(&id).map(|delivery| delivery.order_version),
        }
    }

    fn has_begun(&self, kind: Kind, id: Uuid) -> bool {
        match kind {
            Kind::Delivery => self
                .deliveries
                .get(&id)
                .is_some_and(|delivery| delivery.version > 0),
            kind => self.version(kind, id) > Some(0),
        }
    }
}

impl MemoryReader {
    pub fn put<D: Kept>(&self, document: D) {
        D::table_mut(&mut self.state().now).insert(document.id(), document);
    }

    /// From now on the name of a customer or product stands everywhere as of `version`.
    pub fn propagate(&self, kind: Kind, id: Uuid, version: u64) {
        self.state().names.insert((kind, id), version);
    }

    /// Makes everything that was put visible to searches.
    pub fn refresh(&self) {
        let mut state = self.state();
        state.searchable = state.now.clone();
    }

    /// Every point in time is gone, as if its time were over.
    pub fn lose_points(&self) {
        self.state().points.clear();
    }

    /// From now on every call fails as in an outage, until it is called with `false`.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.state().unavailable = unavailable;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match state.unavailable {
            true => Err(StoreError::Unavailable(anyhow::anyhow!("an outage was ordered"))),
            false => Ok(state),
        }
    }
}

impl<D: Kept> DocumentReader<D> for MemoryReader {
    async fn get_all(&self, ids: &[Uuid]) -> Result<Vec<Option<D>>, StoreError> {
        let state = self.available()?;
        let table = D::table(&state.now);
        let find = |id| table.get(id).filter(|document| document.version() > 0).cloned();
        Ok(ids.iter().map(find).collect())
    }

    async fn get(&self, id: Uuid) -> Result<Option<D>, StoreError> {
        Ok(self.get_all(&[id]).await?.pop().flatten())
    }
}

impl VersionReader for MemoryReader {
    async fn visible_version(&self, watched: Watched) -> Result<Option<u64>, StoreError> {
        let state = self.available()?;
        Ok(match watched {
            Watched::Document(kind, id) => state.now.version(kind, id),
            Watched::Names(kind, id) => state.names.get(&(kind, id)).copied(),
        })
    }

    async fn searchable_versions(&self, kind: Kind, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        let state = self.available()?;
        Ok(ids
            .iter()
            .map(|id| {
                state
                    .searchable
                    .version(kind, *id)
                    .filter(|_| state.searchable.has_begun(kind, *id))
            })
            .collect())
    }
}
