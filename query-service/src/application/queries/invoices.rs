//! An invoice as it is shown: what was issued, what has happened since, and the customer's name now.

use read_model::{CustomerDocument, InvoiceAccountDocument, InvoiceDocument, InvoiceStatus, Money};
use uuid::Uuid;

use super::names::{self, Names};
use crate::application::ports::StoreError;
use crate::application::ports::reading::DocumentReader;

#[derive(Debug, Clone, PartialEq)]
pub struct Invoice {
    pub issued: InvoiceDocument,
    /// Of the account.
    pub version: u64,
    pub paid: Money,
    pub status: InvoiceStatus,
    pub credit_note_number: Option<i64>,
    /// `None` while nothing of the customer has arrived.
    pub customer_name: Option<String>,
}

impl Invoice {
    /// Without an account, nothing is known to have happened since.
    fn of(issued: InvoiceDocument, account: Option<InvoiceAccountDocument>, names: &Names) -> Self {
        let customer_name = names.get(&issued.customer_id).cloned();
        match account {
            Some(account) => Self {
                issued,
                version: account.version,
                paid: account.paid,
                status: account.status,
                credit_note_number: account.credit_note_number,
                customer_name,
            },
            None => Self {
                version: issued.version,
                paid: Money {
                    amount: 0,
                    currency: issued.total.currency.clone(),
                },
                status: InvoiceStatus::Issued,
                credit_note_number: None,
                customer_name,
                issued,
            },
        }
    }
}

pub(super) async fn one<R>(reader: &R, id: Uuid) -> Result<Option<Invoice>, StoreError>
where
    R: DocumentReader<InvoiceDocument>
        + DocumentReader<InvoiceAccountDocument>
        + DocumentReader<CustomerDocument>,
{
    let (issued, account) = tokio::try_join!(
        DocumentReader::<InvoiceDocument>::get(reader, id),
        DocumentReader::<InvoiceAccountDocument>::get(reader, id),
    )?;
    let Some(issued) = issued else {
        return Ok(None);
    };
    let names = names::of_customers(reader, [issued.customer_id]).await?;
    Ok(Some(Invoice::of(issued, account, &names)))
}

/// In the order of the accounts, without those whose issued document has yet to arrive.
pub(super) async fn of_accounts<R>(
    reader: &R,
    accounts: Vec<InvoiceAccountDocument>,
) -> Result<Vec<Invoice>, StoreError>
where
    R: DocumentReader<InvoiceDocument> + DocumentReader<CustomerDocument>,
{
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
    let customers = accounts.iter().map(|account| account.customer_id);
    let (issued, names) = tokio::try_join!(
        DocumentReader::<InvoiceDocument>::get_all(reader, &ids),
        names::of_customers(reader, customers),
    )?;
    let invoices = accounts.into_iter().zip(issued).filter_map(|(account, issued)| {
        let issued = issued?;
        Some(Invoice::of(issued, Some(account), &names))
    });
    Ok(invoices.collect())
}
