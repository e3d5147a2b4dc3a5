//! Sales figures.

use query_service::application::ports::reading::{
    DaySales, Group, GroupReader, OrdersByStatus, ProductSales, SalesByDay, SalesByProduct, SortField,
    StatusCount,
};
use read_model::{Kind, OrderStatus, SaleDocument};

use crate::support::Fixture;
use crate::support::models::{a_sale, money, no_sale};
use crate::support::mothers::id;

/// All groups, in order.
async fn all<F: Fixture, G: Group>(fixture: &F, filter: G) -> Vec<G::Item>
where
    F::Reader: GroupReader<G>,
{
    let reader = fixture.reader();
    let (mut groups, mut after) = (Vec::new(), None);
    loop {
        let batch = reader.batch(&filter, after, false).await.expect("a batch");
        groups.extend(batch.groups);
        after = batch.next;
        if after.is_none() {
            break;
        }
    }
    groups.sort_by_key(|group| G::place(SortField::CreatedAt, group));
    groups
}

fn sales() -> Vec<SaleDocument> {
    vec![
        a_sale(1, "2026-01-31", &[(1, 2, 9_900), (2, 1, 100)], "EUR"),
        SaleDocument {
            status: OrderStatus::Delivered,
            ..a_sale(2, "2026-01-31", &[(1, 1, 4_950)], "EUR")
        },
        a_sale(3, "2026-01-31", &[(1, 3, 30_000)], "USD"),
        // Beyond what a float of 32 bits tells apart.
        a_sale(4, "2026-02-01", &[(2, 1, 9_007_199_254_740_991)], "EUR"),
        no_sale(5, OrderStatus::Cancelled),
        no_sale(6, OrderStatus::Draft),
        SaleDocument {
            version: 0,
            ..no_sale(7, OrderStatus::Draft)
        },
    ]
}

pub async fn revenue_is_summed_up_by_day_and_currency<F: Fixture>() {
    let fixture = F::of(&[Kind::Sale]).await;
    assert_eq!(all(&fixture, SalesByDay::default()).await, []);
    fixture.put_all(&sales()).await;
    let day = |date: &str, orders, amount, currency| DaySales {
        date: date.parse().expect("a day"),
        orders,
        revenue: money(amount, currency),
    };
    let january = [
        day("2026-01-31", 2, 14_950, "EUR"),
        day("2026-01-31", 1, 30_000, "USD"),
    ];
    let february = [day("2026-02-01", 1, 9_007_199_254_740_991, "EUR")];
    let found = all(&fixture, SalesByDay::default()).await;
    assert_eq!(found, [january.as_slice(), &february].concat());
    let on = |from: Option<&str>, to: Option<&str>| SalesByDay {
        from: from.map(|day| day.parse().expect("a day")),
        to: to.map(|day| day.parse().expect("a day")),
    };
    let (last, first) = (Some("2026-01-31"), Some("2026-02-01"));
    assert_eq!(all(&fixture, on(last, last)).await, january);
    assert_eq!(all(&fixture, on(first, None)).await, february);
    assert_eq!(all(&fixture, on(None, Some("2026-01-30"))).await, []);
}

pub async fn sales_are_summed_up_by_product<F: Fixture>() {
    let fixture = F::of(&[Kind::Sale]).await;
    fixture.put_all(&sales()).await;
    let mut found = all(&fixture, SalesByProduct).await;
    found.sort_by_key(|product| (product.product_id, product.revenue.currency.clone()));
    let product = |product: u128, quantity, amount, currency| ProductSales {
        product_id: id(800_000 + product),
        quantity,
        revenue: money(amount, currency),
    };
    let expected = [
        product(1, 3, 14_850, "EUR"),
        product(1, 3, 30_000, "USD"),
        product(2, 2, 9_007_199_254_741_091, "EUR"),
    ];
    // A sum beyond 2^53 is the nearest that a float has.
    assert_eq!(found[..2], expected[..2]);
    assert_eq!((found.len(), found[2].quantity), (3, 2));
    assert!((found[2].revenue.amount - expected[2].revenue.amount).abs() <= 1);
}

pub async fn orders_are_counted_by_status<F: Fixture>() {
    let fixture = F::of(&[Kind::Sale]).await;
    fixture.put_all(&sales()).await;
    let count = |status, count| StatusCount { status, count };
    assert_eq!(
        all(&fixture, OrdersByStatus).await,
        [
            count(OrderStatus::Draft, 1),
            count(OrderStatus::Confirmed, 3),
            count(OrderStatus::Delivered, 1),
            count(OrderStatus::Cancelled, 1),
        ]
    );
}
