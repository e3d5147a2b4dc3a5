//! Words, highlights and facets.

use std::collections::BTreeSet;

use query_service::application::ports::reading::{OrderFilter, PageReader as _};
use read_model::{OrderDocument, OrderStatus};

use crate::support::Fixture;
use crate::support::mothers::{a_line, an_order, an_order_of, at, id};
use crate::{PageRequest, by, found, words};

pub async fn words_are_found_in_spite_of_typing_errors<F: Fixture>() {
    let fixture = F::new().await;
    let with = |n, customer: &str, product: &str| OrderDocument {
        items: vec![a_line(800_000 + n, product, 1, 100)],
        ..an_order_of(n, 900_000 + n, customer)
    };
    fixture
        .put_all(&[
            with(1, "Ada Lovelace", "Oak chair"),
            with(2, "Grace Hopper", "Walnut table"),
            OrderDocument {
                tracking_number: Some("1Z 999 AA1".to_owned()),
                ..with(3, "Katherine Müller-Lüdenscheidt", "Bookshelf")
            },
            OrderDocument {
                tracking_number: Some("JD0146000028".to_owned()),
                ..with(4, "Emmy Noether", "Footstool")
            },
        ])
        .await;
    for (text, expected) in [
        ("Lovelace", vec![1]),
        ("lovelace", vec![1]),
        ("Lovlace", vec![1]),
        ("Lvoelace", vec![1]),
        ("Lovelacce chiar", vec![1]),
        ("ada table", vec![]),
        ("grace walnut", vec![2]),
        ("grace wal", vec![2]),
        ("wal grace", vec![]),
        ("müller", vec![3]),
        ("muller lüdenscheidt", vec![3]),
        ("Müller-Lüdenscheid", vec![3]),
        ("zzzzzz", vec![]),
        ("***", vec![]),
        ("*", vec![]),
        ("customer_name:Ada", vec![]),
        ("Ada OR Grace", vec![]),
        ("ada & lovelace", vec![1]),
        ("\"ada", vec![1]),
        (&id(2).to_string(), vec![2]),
        (&id(900_003).to_string(), vec![3]),
        (&id(800_001).to_string(), vec![1]),
        (&format!("ada {}", id(800_001)), vec![1]),
        (&id(5).to_string(), vec![]),
        ("JD0146000028", vec![4]),
        ("jd0146000028", vec![4]),
        ("jd0146", vec![4]),
        ("noether jd0146", vec![4]),
        ("jd0146 noether", vec![]),
        ("JD0146000029", vec![]),
        ("1z 999 aa1", vec![3]),
        ("1z 999", vec![]),
    ] {
        assert_eq!(found(&fixture, words(text)).await, expected, "{text}");
    }
}

pub async fn what_was_found_is_highlighted_as_html<F: Fixture>() {
    let fixture = F::new().await;
    fixture
        .put_all(&[OrderDocument {
            items: vec![
                a_line(800_001, "Oak chair <b>", 1, 100),
                a_line(800_002, "Walnut table", 1, 100),
                a_line(800_003, "Chair & cushion", 1, 100),
            ],
            ..an_order(1)
        }])
        .await;
    let page = fixture
        .reader()
        .page(words("lovelase chair"))
        .await
        .expect("a page");
    let highlights = &page.hits[0].item.highlights;
    assert_eq!(highlights["customer_name"], ["Ada <em>Lovelace</em>"]);
    let products: BTreeSet<&str> = highlights["items.product_name"]
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(
        products,
        BTreeSet::from(["Oak <em>chair</em> &lt;b&gt;", "<em>Chair</em> &amp; cushion"])
    );
}

pub async fn a_tracking_number_that_was_found_is_highlighted<F: Fixture>() {
    let fixture = F::new().await;
    let shipped = OrderDocument {
        tracking_number: Some("1Z <999>".to_owned()),
        ..an_order(1)
    };
    fixture.put_all(&[shipped]).await;
    for (text, marked) in [("1z <999>", true), ("ada", false)] {
        let page = fixture.reader().page(words(text)).await.expect("a page");
        let highlights = &page.hits[0].item.highlights;
        let expected = marked.then(|| vec!["<em>1Z &lt;999&gt;</em>".to_owned()]);
        assert_eq!(highlights.get("tracking_number").cloned(), expected, "{text}");
    }
}

pub async fn facets_count_the_whole_result<F: Fixture>() {
    let fixture = F::new().await;
    let order = |n, customer: u128, name: &str, status, month| OrderDocument {
        status,
        created_at: at(month),
        ..an_order_of(n, customer, name)
    };
    fixture
        .put_all(&[
            order(
                1,
                900_001,
                "Ada Lovelace",
                OrderStatus::Draft,
                "2026-01-31T23:59:59Z",
            ),
            order(
                2,
                900_001,
                "Ada Lovelace",
                OrderStatus::Submitted,
                "2026-02-01T00:00:00Z",
            ),
            order(
                3,
                900_001,
                "Ada Lovelace",
                OrderStatus::Submitted,
                "2026-02-02T00:00:00Z",
            ),
            order(
                4,
                900_002,
                "Ada Byron",
                OrderStatus::Submitted,
                "2025-12-01T00:00:00Z",
            ),
            order(
                5,
                900_003,
                "Grace Hopper",
                OrderStatus::Draft,
                "2025-12-01T00:00:00Z",
            ),
        ])
        .await;
    let with_facets = |text: &str| {
        by(OrderFilter {
            text: Some(text.to_owned()),
            with_facets: true,
            ..OrderFilter::default()
        })
    };
    let request = PageRequest {
        limit: 1,
        ..with_facets("ada")
    };
    let page = fixture.reader().page(request).await.expect("a page");
    assert_eq!((page.hits.len(), page.total), (1, 4));
    let facets = page.facets.expect("asked for");
    assert_eq!(
        facets.status,
        [("submitted".to_owned(), 3), ("draft".to_owned(), 1)]
    );
    let months = [("2026-02", 2), ("2026-01", 1), ("2025-12", 1)];
    assert_eq!(
        facets.month,
        months.map(|(month, count)| (month.to_owned(), count))
    );
    assert_eq!(
        facets.customer,
        [
            (id(900_001).to_string(), "Ada Lovelace".to_owned(), 3),
            (id(900_002).to_string(), "Ada Byron".to_owned(), 1),
        ]
    );
    let page = fixture
        .reader()
        .page(with_facets("nobody"))
        .await
        .expect("a page");
    assert_eq!(page.facets, Some(Default::default()));
}
