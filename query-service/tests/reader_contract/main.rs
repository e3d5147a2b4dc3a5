//! What every adapter of the reading ports keeps to, in memory and on the real Elasticsearch.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod models;
mod points;
mod sales;
mod searching;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use models::{
    a_delivery_counts_once_it_was_told, customers_and_products_are_listed, histories_are_listed_by_version,
    invoices_are_found_by_their_accounts,
};
use points::{a_point_in_time_stays_as_it_was, a_point_that_was_given_up_is_gone};
use query_service::application::ports::reading::{
    DocumentReader, OrderFilter, PageReader as _, PageStart, Sort, SortField, VersionReader as _, View,
    Watched,
};
use read_model::{Kind, OrderDocument, OrderStatus};
use sales::{
    orders_are_counted_by_status, revenue_is_summed_up_by_day_and_currency, sales_are_summed_up_by_product,
};
use searching::{
    a_tracking_number_that_was_found_is_highlighted, facets_count_the_whole_result,
    what_was_found_is_highlighted_as_html, words_are_found_in_spite_of_typing_errors,
};
use support::Fixture;
use support::mothers::{an_empty_order, an_order, an_order_of, at, euros, id};

pub type PageRequest = query_service::application::ports::reading::PageRequest<OrderFilter>;

pub fn by<F>(filter: F) -> query_service::application::ports::reading::PageRequest<F> {
    query_service::application::ports::reading::PageRequest {
        filter,
        sort: Sort {
            field: SortField::CreatedAt,
            descending: false,
        },
        limit: 100,
        start: PageStart::Offset(0),
        view: View::Any,
    }
}

fn everything() -> PageRequest {
    by(OrderFilter::default())
}

fn words(text: &str) -> PageRequest {
    by(OrderFilter {
        text: Some(text.to_owned()),
        ..OrderFilter::default()
    })
}

/// The last digits of the id.
pub fn number(id: uuid::Uuid) -> u128 {
    id.as_u128() & 0xffff_ffff
}

/// The numbers of the orders found, in their order.
async fn found<F: Fixture>(fixture: &F, request: PageRequest) -> Vec<u128> {
    let page = fixture.reader().page(request).await.expect("a page");
    assert_eq!(page.facets, None);
    page.hits.iter().map(|hit| number(hit.item.order.id)).collect()
}

/// The order, as a reader gets it.
async fn got<F: Fixture>(fixture: &F, n: u128) -> Option<OrderDocument> {
    let reader = fixture.reader();
    DocumentReader::<OrderDocument>::get(&*reader, id(n))
        .await
        .expect("answered")
}

async fn got_all<F: Fixture>(fixture: &F, numbers: &[u128]) -> Vec<Option<OrderDocument>> {
    let ids: Vec<_> = numbers.iter().map(|n| id(*n)).collect();
    let reader = fixture.reader();
    DocumentReader::<OrderDocument>::get_all(&*reader, &ids)
        .await
        .expect("answered")
}

async fn a_get_sees_the_last_write_at_once<F: Fixture>() {
    let fixture = F::new().await;
    let order = an_order(1);
    fixture.put(&order).await;
    assert_eq!(got(&fixture, 1).await, Some(order.clone()));
    let later = OrderDocument { version: 2, ..order };
    fixture.put(&later).await;
    assert_eq!(got(&fixture, 1).await, Some(later.clone()));
    assert_eq!(got(&fixture, 2).await, None);
    fixture.put(&an_order(3)).await;
    assert_eq!(
        got_all(&fixture, &[3, 2, 1, 3]).await,
        [Some(an_order(3)), None, Some(later), Some(an_order(3))]
    );
}

async fn an_order_of_which_only_later_events_came_is_not_visible<F: Fixture>() {
    let fixture = F::new().await;
    let unborn = OrderDocument {
        version: 0,
        ..an_order(1)
    };
    fixture.put_all(&[unborn, an_order(2)]).await;
    assert_eq!(got(&fixture, 1).await, None);
    assert_eq!(got_all(&fixture, &[1, 2]).await, [None, Some(an_order(2))]);
    assert_eq!(found(&fixture, everything()).await, [2]);
}

async fn a_page_shows_the_last_refresh<F: Fixture>() {
    let fixture = F::new().await;
    assert_eq!(found(&fixture, everything()).await, [0; 0]);
    fixture.put_all(&[an_order(1)]).await;
    assert_eq!(found(&fixture, everything()).await, [1]);
    let page = fixture.reader().page(everything()).await.expect("a page");
    assert_eq!((page.total, &page.point), (1, &None));
    let (shown, order) = (&page.hits[0].item.order, an_order(1));
    assert_eq!(
        (
            shown.id,
            shown.version,
            shown.status,
            shown.customer_id,
            shown.item_count
        ),
        (
            order.id,
            order.version,
            order.status,
            order.customer_id,
            order.item_count
        )
    );
    assert_eq!(
        (&shown.customer_name, &shown.total),
        (&order.customer_name, &order.total)
    );
    assert_eq!(
        (shown.created_at, shown.updated_at),
        (order.created_at, order.updated_at)
    );
    assert!(page.hits[0].item.highlights.is_empty());
}

async fn filters_hold_together<F: Fixture>() {
    let fixture = F::new().await;
    let status = |n, status| OrderDocument {
        status,
        ..an_order(n)
    };
    fixture
        .put_all(&[
            status(1, OrderStatus::Draft),
            status(2, OrderStatus::Submitted),
            status(3, OrderStatus::Cancelled),
            an_order_of(4, 900_002, "Grace Hopper"),
        ])
        .await;
    let of_ada = |status| {
        by(OrderFilter {
            customer_id: Some(id(900_001)),
            status,
            ..OrderFilter::default()
        })
    };
    assert_eq!(found(&fixture, of_ada(vec![])).await, [1, 2, 3]);
    assert_eq!(found(&fixture, of_ada(vec![OrderStatus::Submitted])).await, [2]);
    assert_eq!(
        found(&fixture, of_ada(vec![OrderStatus::Draft, OrderStatus::Cancelled])).await,
        [1, 3]
    );
    assert_eq!(found(&fixture, of_ada(vec![OrderStatus::Shipped])).await, [0; 0]);
}

async fn a_span_of_time_includes_its_beginning_and_not_its_end<F: Fixture>() {
    let fixture = F::new().await;
    let created = |n, time| OrderDocument {
        created_at: at(time),
        ..an_order(n)
    };
    fixture
        .put_all(&[
            created(1, "2026-01-31T23:59:59.999Z"),
            created(2, "2026-02-01T00:00:00Z"),
            created(3, "2026-02-28T23:59:59.999Z"),
            created(4, "2026-03-01T00:00:00Z"),
        ])
        .await;
    let february = by(OrderFilter {
        created_from: Some(at("2026-02-01T00:00:00Z")),
        created_to: Some(at("2026-03-01T00:00:00Z")),
        ..OrderFilter::default()
    });
    assert_eq!(found(&fixture, february).await, [2, 3]);
}

async fn every_sort_goes_both_ways<F: Fixture>() {
    let fixture = F::new().await;
    let order = |n, created, updated, total| OrderDocument {
        created_at: at(created),
        updated_at: at(updated),
        total: Some(euros(total)),
        ..an_order(n)
    };
    fixture
        .put_all(&[
            order(1, "2026-01-01T00:00:00Z", "2026-01-09T00:00:00Z", 500),
            order(2, "2026-01-02T00:00:00.000001Z", "2026-01-02T00:00:00Z", 100),
            // A microsecond earlier, which answers show.
            order(3, "2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z", 900),
            OrderDocument {
                created_at: at("2026-01-03T00:00:00Z"),
                updated_at: at("2026-01-03T00:00:00Z"),
                ..an_empty_order(4)
            },
        ])
        .await;
    for (field, descending, expected) in [
        (SortField::CreatedAt, false, [1, 3, 2, 4]),
        (SortField::CreatedAt, true, [4, 2, 3, 1]),
        (SortField::UpdatedAt, false, [2, 4, 3, 1]),
        (SortField::UpdatedAt, true, [1, 3, 4, 2]),
        // Without a total last, either way.
        (SortField::Total, false, [2, 1, 3, 4]),
        (SortField::Total, true, [3, 1, 2, 4]),
    ] {
        let request = PageRequest {
            sort: Sort { field, descending },
            ..everything()
        };
        assert_eq!(found(&fixture, request).await, expected, "{field:?} {descending}");
    }
}

async fn pages_have_every_order_once<F: Fixture>() {
    let fixture = F::new().await;
    // Many at the same place of every sort, and some without a total.
    let orders: Vec<OrderDocument> = (0..57)
        .map(|n| OrderDocument {
            created_at: an_order(n % 3).created_at,
            total: (n % 5 > 0).then(|| euros(i64::try_from(n % 2).expect("small"))),
            ..an_order(n)
        })
        .collect();
    fixture.put_all(&orders).await;
    for (field, descending) in [
        (SortField::CreatedAt, true),
        (SortField::CreatedAt, false),
        (SortField::Total, true),
        (SortField::Total, false),
    ] {
        let all = PageRequest {
            sort: Sort { field, descending },
            ..everything()
        };
        let at_once = found(&fixture, all.clone()).await;
        assert_eq!(at_once.iter().collect::<BTreeSet<_>>().len(), 57);
        let (mut by_offset, mut by_cursor) = (Vec::new(), Vec::new());
        for offset in (0..60).step_by(10) {
            let page = PageRequest {
                limit: 10,
                start: PageStart::Offset(offset),
                ..all.clone()
            };
            by_offset.extend(found(&fixture, page).await);
        }
        let mut start = PageStart::Offset(0);
        loop {
            let request = PageRequest {
                limit: 10,
                start: start.clone(),
                ..all.clone()
            };
            let page = fixture.reader().page(request).await.expect("a page");
            assert_eq!(page.total, 57);
            let Some(last) = page.hits.last() else { break };
            start = PageStart::After(last.sort_values.clone());
            by_cursor.extend(page.hits.iter().map(|hit| number(hit.item.order.id)));
        }
        assert_eq!(by_offset, at_once, "{field:?} {descending}");
        assert_eq!(by_cursor, at_once, "{field:?} {descending}");
    }
}

async fn what_searches_see_is_told_in_the_order_asked<F: Fixture>() {
    let fixture = F::new().await;
    fixture
        .put_all(&[
            OrderDocument {
                version: 3,
                ..an_order(1)
            },
            an_order(2),
        ])
        .await;
    let versions = fixture
        .reader()
        .searchable_versions(Kind::Order, &[id(2), id(7), id(1)])
        .await
        .expect("answered");
    assert_eq!(versions, [Some(1), None, Some(3)]);
}

async fn what_can_be_seen_is_told_by_an_aggregates_own_document<F: Fixture>() {
    let fixture = F::new().await;
    fixture
        .put(&OrderDocument {
            version: 5,
            ..an_order(1)
        })
        .await;
    fixture.propagate(Kind::Customer, id(900_001), 3).await;
    fixture.propagate(Kind::Product, id(800_001), 4).await;
    for (watched, seen) in [
        (Watched::Document(Kind::Order, id(1)), Some(5)),
        (Watched::Document(Kind::Order, id(2)), None),
        (Watched::Names(Kind::Customer, id(900_001)), Some(3)),
        (Watched::Names(Kind::Product, id(800_001)), Some(4)),
        (Watched::Names(Kind::Product, id(900_001)), None),
    ] {
        let version = fixture.reader().visible_version(watched).await.expect("answered");
        assert_eq!(version, seen, "{watched:?}");
    }
}

macro_rules! contract {
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

contract!(
    a_get_sees_the_last_write_at_once,
    an_order_of_which_only_later_events_came_is_not_visible,
    a_page_shows_the_last_refresh,
    filters_hold_together,
    a_span_of_time_includes_its_beginning_and_not_its_end,
    every_sort_goes_both_ways,
    pages_have_every_order_once,
    words_are_found_in_spite_of_typing_errors,
    what_was_found_is_highlighted_as_html,
    a_tracking_number_that_was_found_is_highlighted,
    facets_count_the_whole_result,
    what_searches_see_is_told_in_the_order_asked,
    what_can_be_seen_is_told_by_an_aggregates_own_document,
    customers_and_products_are_listed,
    invoices_are_found_by_their_accounts,
    a_delivery_counts_once_it_was_told,
    histories_are_listed_by_version,
    a_point_in_time_stays_as_it_was,
    a_point_that_was_given_up_is_gone,
    revenue_is_summed_up_by_day_and_currency,
    sales_are_summed_up_by_product,
    orders_are_counted_by_status,
);
