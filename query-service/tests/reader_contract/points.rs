//! Points in time.

use query_service::application::ports::reading::{
    OrderFilter, PageError, PageReader, PageRequest, PageStart, View,
};
use read_model::{Kind, OrderDocument, OrderStatus};

use crate::support::Fixture;
use crate::support::mothers::{an_order, id};
use crate::{by, number};

pub async fn a_point_in_time_stays_as_it_was<F: Fixture>() {
    let fixture = F::of(&[Kind::Order]).await;
    let orders: Vec<OrderDocument> = (1..=5).map(an_order).collect();
    fixture.put_all(&orders).await;
    let reader = fixture.reader();
    let point = PageReader::<OrderFilter>::open_point(&*reader)
        .await
        .expect("opened");
    let cancelled = OrderDocument {
        version: 2,
        status: OrderStatus::Cancelled,
        ..an_order(3)
    };
    fixture.put(&cancelled).await;
    fixture.put(&an_order(6)).await;
    fixture.refresh().await;
    let (mut view, mut start, mut met) = (View::Point(point), PageStart::Offset(0), Vec::new());
    loop {
        let drafts = OrderFilter {
            status: vec![OrderStatus::Draft],
            ..OrderFilter::default()
        };
        let request = PageRequest {
            limit: 2,
            start,
            view,
            ..by(drafts)
        };
        let page = reader.page(request).await.expect("a page");
        assert_eq!(page.total, 5);
        let Some(last) = page.hits.last() else { break };
        start = PageStart::After(last.sort_values.clone());
        view = View::Point(page.point.expect("its name from now on"));
        met.extend(page.hits.iter().map(|hit| number(hit.item.order.id)));
    }
    assert_eq!(met, [1, 2, 3, 4, 5]);
    let now = reader.page(by(OrderFilter::default())).await.expect("a page");
    assert_eq!((now.total, now.hits[2].item.order.version), (6, 2));
    assert_eq!(now.hits[5].item.order.id, id(6));
}

pub async fn a_point_that_was_given_up_is_gone<F: Fixture>() {
    let fixture = F::of(&[Kind::Order]).await;
    fixture.put_all(&[an_order(1)]).await;
    let reader = fixture.reader();
    let point = PageReader::<OrderFilter>::open_point(&*reader)
        .await
        .expect("opened");
    PageReader::<OrderFilter>::close_point(&*reader, point.clone())
        .await
        .expect("closed");
    let request = PageRequest {
        view: View::Point(point),
        ..by(OrderFilter::default())
    };
    let gone = reader.page(request).await;
    assert!(matches!(gone, Err(PageError::PointGone)), "{gone:?}");
}
