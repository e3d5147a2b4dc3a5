//! The queries beside orders', over the adapters in memory and on the real Elasticsearch.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod deliveries;
mod invoices;
mod masters;
mod sales;
#[path = "../support/mod.rs"]
mod support;
mod then;
mod walks;

use deliveries::{a_delivery_is_shown_once_it_was_told, an_order_that_was_never_confirmed_has_no_delivery};
use invoices::an_invoice_stays_and_its_account_moves;
use masters::customers_and_products_are_shown;
use query_service::application::ports::reading::ReadModels;
use reqwest::Method;
use sales::sales_figures_are_paged_like_every_list;
use serde_json::json;
use support::api::{Answer, Api};
use then::{a_history_says_who_did_what_when, an_order_is_shown_as_it_was_then};
use walks::{
    a_walk_by_a_lasting_order_goes_on_without_its_point, a_walk_by_another_order_says_that_its_point_is_gone,
    a_walk_meets_what_there_was_when_it_began, only_so_many_points_in_time_are_open,
};

/// The same representation is spared while it holds, and every answer to a token carries one.
pub async fn conditional<R: ReadModels>(api: &Api<R>, path: &str) {
    let answer = api.get(path).await;
    answer.ok();
    let etag = answer.header("etag").to_owned();
    assert!(etag.len() > 10, "{path}: {answer:?}");
    let known = api.request(Method::GET, path).header("If-None-Match", &etag);
    let spared = Answer::of(known).await;
    assert_eq!(
        (spared.status.as_u16(), spared.body.as_str()),
        (304, ""),
        "{path}"
    );
    assert_eq!(spared.header("etag"), etag);
}

pub fn address() -> serde_json::Value {
    json!({"name": "Ada Lovelace", "street": "St James's Square 12", "postal_code": "SW1Y 4JH", "city": "London",
        "country": "GB"})
}

pub fn euros(amount: i64) -> serde_json::Value {
    json!({"amount": amount, "currency": "EUR"})
}

macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case::<super::support::memory::Memory>().await;
            })*
        }

        mod on_elasticsearch {
            $(#[tokio::test]
            async fn $case() {
                super::$case::<super::support::elasticsearch::Elasticsearch>().await;
            })*
        }
    };
}

on_both!(
    customers_and_products_are_shown,
    an_invoice_stays_and_its_account_moves,
    a_delivery_is_shown_once_it_was_told,
    an_order_that_was_never_confirmed_has_no_delivery,
    a_history_says_who_did_what_when,
    an_order_is_shown_as_it_was_then,
    sales_figures_are_paged_like_every_list,
    a_walk_meets_what_there_was_when_it_began,
    only_so_many_points_in_time_are_open,
);

mod losing_points {
    #[tokio::test]
    async fn a_lasting_order() {
        super::a_walk_by_a_lasting_order_goes_on_without_its_point().await;
    }

    #[tokio::test]
    async fn another_order() {
        super::a_walk_by_another_order_says_that_its_point_is_gone().await;
    }
}
