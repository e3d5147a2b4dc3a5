//! Names of others that an answer shows, looked up when it is read: so that a renaming shows at once, and documents that
//! never change need not.

use std::collections::{BTreeSet, HashMap};

use read_model::{CustomerDocument, ProductDocument};
use uuid::Uuid;

use crate::application::ports::StoreError;
use crate::application::ports::reading::DocumentReader;

/// By id; without those that have not arrived.
pub(super) type Names = HashMap<Uuid, String>;

pub(super) async fn of_customers(
    reader: &impl DocumentReader<CustomerDocument>,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Names, StoreError> {
    let customers = get_distinct(reader, ids).await?;
    Ok(customers
        .into_iter()
        .map(|customer| (customer.id, customer.name))
        .collect())
}

pub(super) async fn of_products(
    reader: &impl DocumentReader<ProductDocument>,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Names, StoreError> {
    let products = get_distinct(reader, ids).await?;
    Ok(products
        .into_iter()
        .map(|product| (product.id, product.name))
        .collect())
}

async fn get_distinct<D>(
    reader: &impl DocumentReader<D>,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<D>, StoreError> {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    Ok(reader.get_all(&ids).await?.into_iter().flatten().collect())
}
