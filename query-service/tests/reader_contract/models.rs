//! Lists of the other models.

use query_service::application::ports::reading::{
    CustomerFilter, DeliveryFilter, DocumentReader, HistoryFilter, InvoiceFilter, PageReader as _,
    PageRequest, ProductFilter, Sort, SortField, VersionReader as _, Watched,
};
use read_model::{DeliveryDocument, DeliveryStatus, InvoiceAccountDocument, InvoiceStatus, Kind, entry_id};
use shared_events::OrderEvent;
use shared_events::event::OrderDeliveredV1;

use crate::support::Fixture;
use crate::support::models::{a_customer, a_delivery, a_product, an_account, an_entry};
use crate::support::mothers::{at, euros, id};
use crate::{by, number};

pub async fn customers_and_products_are_listed<F: Fixture>() {
    let fixture = F::of(&[Kind::Customer, Kind::Product]).await;
    let unborn = read_model::CustomerDocument {
        version: 0,
        ..a_customer(3, "Nobody")
    };
    fixture
        .put_all(&[a_customer(1, "Ada"), a_customer(2, "Grace"), unborn])
        .await;
    fixture
        .put_all(&[a_product(1, "Oak chair"), a_product(2, "Table")])
        .await;
    let reader = fixture.reader();
    let customers = reader.page(by(CustomerFilter)).await.expect("a page");
    assert_eq!(customers.total, 2);
    let found: Vec<_> = customers.hits.into_iter().map(|hit| hit.item).collect();
    assert_eq!(found, [a_customer(1, "Ada"), a_customer(2, "Grace")]);
    let newest_first = PageRequest {
        sort: Sort {
            field: SortField::UpdatedAt,
            descending: true,
        },
        ..by(ProductFilter)
    };
    let products = reader.page(newest_first).await.expect("a page");
    let found: Vec<_> = products.hits.into_iter().map(|hit| hit.item).collect();
    assert_eq!(found, [a_product(2, "Table"), a_product(1, "Oak chair")]);
}

pub async fn invoices_are_found_by_their_accounts<F: Fixture>() {
    let fixture = F::of(&[Kind::InvoiceAccount]).await;
    let paid = InvoiceAccountDocument {
        version: 3,
        status: InvoiceStatus::Paid,
        paid: euros(9_900),
        total: euros(100),
        ..an_account(2)
    };
    let of_another = InvoiceAccountDocument {
        customer_id: id(900_002),
        ..an_account(3)
    };
    fixture.put_all(&[an_account(1), paid, of_another]).await;
    let reader = fixture.reader();
    let found = async |filter: InvoiceFilter| {
        let page = reader.page(by(filter)).await.expect("a page");
        page.hits
            .iter()
            .map(|hit| number(hit.item.id) - 700_000)
            .collect::<Vec<_>>()
    };
    let all = InvoiceFilter::default();
    assert_eq!(found(all.clone()).await, [1, 2, 3]);
    let unpaid = InvoiceFilter {
        status: vec![InvoiceStatus::Issued, InvoiceStatus::Credited],
        ..all.clone()
    };
    assert_eq!(found(unpaid).await, [1, 3]);
    let of_ada = InvoiceFilter {
        customer_id: Some(id(900_001)),
        ..all.clone()
    };
    assert_eq!(found(of_ada).await, [1, 2]);
    let of_order = InvoiceFilter {
        order_id: Some(id(3)),
        ..all.clone()
    };
    assert_eq!(found(of_order).await, [3]);
    let by_total = PageRequest {
        sort: Sort {
            field: SortField::Total,
            descending: false,
        },
        ..by(all)
    };
    let page = reader.page(by_total).await.expect("a page");
    assert_eq!(page.hits[0].item.total, euros(100));
}

pub async fn a_delivery_counts_once_it_was_told<F: Fixture>() {
    let fixture = F::of(&[Kind::Delivery]).await;
    let untold = DeliveryDocument {
        version: 0,
        order_version: 4,
        delivery_address: None,
        lines: Vec::new(),
        created_at: None,
        told_at: None,
        ..a_delivery(1)
    };
    let shipped = DeliveryDocument {
        status: DeliveryStatus::Shipped,
        order_version: 4,
        ..a_delivery(3)
    };
    fixture.put_all(&[untold, a_delivery(2), shipped.clone()]).await;
    let reader = fixture.reader();
    let got = DocumentReader::<DeliveryDocument>::get_all(&*reader, &[id(1), id(3)]).await;
    assert_eq!(got.expect("answered"), [None, Some(shipped)]);
    let page = reader.page(by(DeliveryFilter::default())).await.expect("a page");
    let found: Vec<u128> = page.hits.iter().map(|hit| number(hit.item.id)).collect();
    assert_eq!(found, [2, 3]);
    let under_way = by(DeliveryFilter {
        status: vec![DeliveryStatus::Shipped],
    });
    assert_eq!(reader.page(under_way).await.expect("a page").total, 1);
    // Waited for by the order's version.
    let seen = reader
        .visible_version(Watched::Document(Kind::Delivery, id(3)))
        .await;
    assert_eq!(seen.expect("answered"), Some(4));
    let searchable = reader
        .searchable_versions(Kind::Delivery, &[id(1), id(2), id(3)])
        .await;
    assert_eq!(searchable.expect("answered"), [None, Some(3), Some(4)]);
}

pub async fn histories_are_listed_by_version<F: Fixture>() {
    let fixture = F::of(&[Kind::OrderHistory]).await;
    let delivered = OrderEvent::Delivered(OrderDeliveredV1 { order_id: id(1) });
    let entries: Vec<_> = (1..=11)
        .map(|version| an_entry(id(1), version, &delivered))
        .collect();
    fixture.put_all(&entries).await;
    fixture.put_all(&[an_entry(id(2), 1, &delivered)]).await;
    let reader = fixture.reader();
    for (descending, expected) in [(false, 1), (true, 11)] {
        let request = PageRequest {
            sort: Sort {
                field: SortField::CreatedAt,
                descending,
            },
            ..by(HistoryFilter { order_id: id(1) })
        };
        let page = reader.page(request).await.expect("a page");
        assert_eq!((page.total, page.hits[0].item.version), (11, expected));
    }
    let page = reader
        .page(by(HistoryFilter { order_id: id(1) }))
        .await
        .expect("a page");
    let found: Vec<_> = page.hits.into_iter().map(|hit| hit.item).collect();
    assert_eq!(found, entries);
    assert_eq!(found[0].occurred_at, at("2026-01-01T00:01:00Z"));
    assert_eq!(found[0].event().expect("it can be read"), delivered);
    let entry = entry_id(id(1), 7);
    let seen = reader
        .visible_version(Watched::Document(Kind::OrderHistory, entry))
        .await;
    assert_eq!(seen.expect("answered"), Some(7));
    let searchable = reader.searchable_versions(Kind::OrderHistory, &[entry]).await;
    assert_eq!(searchable.expect("answered"), [Some(7)]);
}
