//! What of each list is asked for, beside orders.

use read_model::{
    CustomerDocument, DeliveryDocument, InvoiceAccountDocument, Kind, OrderHistoryEntry, ProductDocument,
};
use serde_json::{Value, json};

use super::pages::{Searched, has_begun};
use crate::application::ports::reading::{
    CustomerFilter, DeliveryFilter, HistoryFilter, InvoiceFilter, ProductFilter, SortField,
};

impl Searched for CustomerFilter {
    const KIND: Kind = Kind::Customer;
    type Source = CustomerDocument;

    fn clauses(&self) -> Vec<Value> {
        vec![has_begun()]
    }

    fn items(&self, sources: Vec<CustomerDocument>) -> Vec<CustomerDocument> {
        sources
    }
}

impl Searched for ProductFilter {
    const KIND: Kind = Kind::Product;
    type Source = ProductDocument;

    fn clauses(&self) -> Vec<Value> {
        vec![has_begun()]
    }

    fn items(&self, sources: Vec<ProductDocument>) -> Vec<ProductDocument> {
        sources
    }
}

impl Searched for InvoiceFilter {
    const KIND: Kind = Kind::InvoiceAccount;
    type Source = InvoiceAccountDocument;

    fn clauses(&self) -> Vec<Value> {
        let mut clauses = vec![has_begun()];
        if let Some(customer_id) = self.customer_id {
            clauses.push(json!({"term": {"customer_id": customer_id}}));
        }
        if let Some(order_id) = self.order_id {
            clauses.push(json!({"term": {"order_id": order_id}}));
        }
        if !self.status.is_empty() {
            clauses.push(json!({"terms": {"status": self.status}}));
        }
        clauses
    }

    fn sort_field(field: SortField) -> &'static str {
        match field {
            SortField::Total => "total.amount",
            field => field.as_str(),
        }
    }

    fn items(&self, sources: Vec<InvoiceAccountDocument>) -> Vec<InvoiceAccountDocument> {
        sources
    }
}

impl Searched for DeliveryFilter {
    const KIND: Kind = Kind::Delivery;
    type Source = DeliveryDocument;

    fn clauses(&self) -> Vec<Value> {
        let mut clauses = vec![has_begun()];
        if !self.status.is_empty() {
            clauses.push(json!({"terms": {"status": self.status}}));
        }
        clauses
    }

    fn items(&self, sources: Vec<DeliveryDocument>) -> Vec<DeliveryDocument> {
        sources
    }
}

impl Searched for HistoryFilter {
    const KIND: Kind = Kind::OrderHistory;
    type Source = OrderHistoryEntry;

    fn clauses(&self) -> Vec<Value> {
        vec![json!({"term": {"order_id": self.order_id}})]
    }

    fn sort_field(_: SortField) -> &'static str {
        "version"
    }

    fn items(&self, sources: Vec<OrderHistoryEntry>) -> Vec<OrderHistoryEntry> {
        sources
    }
}
