//! Sales figures, summed up over the table in batches of one, so that whoever reads them meets more than one.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use read_model::{Money, OrderStatus, SaleDocument};
use serde_json::{Value, json};
use uuid::Uuid;

use super::MemoryReader;
use crate::application::ports::StoreError;
use crate::application::ports::reading::{
    DaySales, GroupBatch, GroupReader, OrdersByStatus, ProductSales, SalesByDay, SalesByProduct, StatusCount,
};

impl MemoryReader {
    fn sales(&self) -> Result<Vec<SaleDocument>, StoreError> {
        let state = self.available()?;
        let sales = state.searchable.sales.values();
        Ok(sales.filter(|sale| sale.version > 0).cloned().collect())
    }
}

fn batch<T>(groups: impl Iterator<Item = T>, after: Option<Value>) -> GroupBatch<T> {
    let place = after.and_then(|after| after.as_u64()).unwrap_or_default();
    let mut rest = groups.skip(usize::try_from(place).unwrap_or(usize::MAX));
    let groups = rest.next().into_iter().collect();
    GroupBatch {
        groups,
        next: rest.next().map(|_| json!(place + 1)),
    }
}

impl GroupReader<SalesByDay> for MemoryReader {
    async fn batch(
        &self,
        days: &SalesByDay,
        after: Option<Value>,
        _pinned: bool,
    ) -> Result<GroupBatch<DaySales>, StoreError> {
        let mut found = BTreeMap::<(NaiveDate, String), (u64, i64)>::new();
        for sale in self.sales()? {
            let (Some(day), Some(currency), Some(revenue)) = (sale.confirmed_on, sale.currency, sale.revenue)
            else {
                continue;
            };
            if days.from.is_none_or(|from| day >= from) && days.to.is_none_or(|to| day <= to) {
                let (orders, sum) = found.entry((day, currency)).or_default();
                *orders += 1;
                *sum += revenue;
            }
        }
        let groups = found
            .into_iter()
            .map(|((date, currency), (orders, amount))| DaySales {
                date,
                orders,
                revenue: Money { amount, currency },
            });
        Ok(batch(groups, after))
    }
}

impl GroupReader<SalesByProduct> for MemoryReader {
    async fn batch(
        &self,
        _: &SalesByProduct,
        after: Option<Value>,
        _pinned: bool,
    ) -> Result<GroupBatch<ProductSales>, StoreError> {
        let mut found = BTreeMap::<(Uuid, String), (i64, i64)>::new();
        for sold in self.sales()?.into_iter().flat_map(|sale| sale.sold) {
            let (quantity, sum) = found.entry((sold.product_id, sold.currency)).or_default();
            *quantity += sold.quantity;
            *sum += sold.revenue;
        }
        let groups = found
            .into_iter()
            .map(|((product_id, currency), (quantity, amount))| ProductSales {
                product_id,
                quantity,
                revenue: Money { amount, currency },
            });
        Ok(batch(groups, after))
    }
}

impl GroupReader<OrdersByStatus> for MemoryReader {
    async fn batch(
        &self,
        _: &OrdersByStatus,
        after: Option<Value>,
        _pinned: bool,
    ) -> Result<GroupBatch<StatusCount>, StoreError> {
        let mut found = Vec::<(OrderStatus, u64)>::new();
        for sale in self.sales()? {
            match found.iter_mut().find(|(status, _)| *status == sale.status) {
                Some((_, count)) => *count += 1,
                None => found.push((sale.status, 1)),
            }
        }
        let groups = found
            .into_iter()
            .map(|(status, count)| StatusCount { status, count });
        Ok(batch(groups, after))
    }
}
