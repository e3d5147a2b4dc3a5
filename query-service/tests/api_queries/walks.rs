//! Walks by cursor, through one point in time.

use query_service::application::ports::reading::ReadModels;
use read_model::{Kind, OrderDocument, OrderStatus};

use crate::support::Fixture;
use crate::support::api::{Answer, Api, Limits};
use crate::support::memory::Memory;
use crate::support::mothers::{an_order, euros, id};

fn orders() -> Vec<OrderDocument> {
    let order = |n: u128| OrderDocument {
        total: Some(euros(i64::try_from(n).expect("small") * 100)),
        ..an_order(n)
    };
    (1..=6).map(order).collect()
}

/// The cursor behind the second page of two, which is the first of a point in time.
async fn second_cursor<R: ReadModels>(api: &Api<R>, query: &str) -> String {
    let cursor = next_cursor(&api.get(&format!("{query}&limit=2")).await);
    next_cursor(&api.get(&format!("{query}&limit=2&cursor={cursor}")).await)
}

fn next_cursor(answer: &Answer) -> String {
    let page = answer.ok();
    page["next_cursor"].as_str().expect("more follow").to_owned()
}

pub async fn a_walk_meets_what_there_was_when_it_began<F: Fixture>() {
    let fixture = F::of(&[Kind::Order]).await;
    fixture.put_all(&orders()).await;
    let api = Api::over(fixture.reader());
    let query = "/v1/orders?status=draft&sort=total";
    let cursor = second_cursor(&api, query).await;
    // What comes next would be met no more, and what was met would be met again.
    let mut moved = orders();
    moved[0].total = Some(euros(10_000));
    moved[4].total = Some(euros(1));
    moved[5].status = OrderStatus::Submitted;
    for order in &moved {
        fixture.put(order).await;
    }
    fixture.refresh().await;
    let path = format!("{query}&limit=2&cursor={cursor}");
    for _ in 0..2 {
        let last = api.get(&path).await;
        assert_eq!(last.ids(), [id(5).to_string(), id(6).to_string()]);
        assert!(last.ok()["next_cursor"].is_null());
    }
    // A version that came after the walk began cannot be in it.
    let outdated = api.get_with_token(&path, &format!("order:{}:1", id(1)), 5).await;
    outdated.problem(410, "cursor-expired");
    api.stop().await;
}

pub async fn a_walk_by_a_lasting_order_goes_on_without_its_point() {
    let memory = Memory::of(&[Kind::Order]).await;
    memory.put_all(&orders()).await;
    let api = Api::over(memory.reader());
    let cursor = second_cursor(&api, "/v1/orders?sort=created_at").await;
    memory.0.lose_points();
    let path = format!("/v1/orders?sort=created_at&limit=1&cursor={cursor}");
    let third = api.get(&path).await;
    assert_eq!(third.ids(), [id(5).to_string()]);
    // With a token it goes on where that can be seen.
    memory.put(&an_order(7)).await;
    memory.refresh().await;
    let path = format!(
        "/v1/orders?sort=created_at&limit=3&cursor={}",
        next_cursor(&third)
    );
    let last = api.get_with_token(&path, &format!("order:{}:1", id(7)), 5).await;
    assert_eq!(last.ids(), [id(6).to_string(), id(7).to_string()]);
    api.stop().await;
}

pub async fn a_walk_by_another_order_says_that_its_point_is_gone() {
    let memory = Memory::of(&[Kind::Order]).await;
    memory.put_all(&orders()).await;
    let api = Api::over(memory.reader());
    for sort in ["total", "-updated_at"] {
        let query = format!("/v1/orders?sort={sort}");
        let cursor = second_cursor(&api, &query).await;
        memory.0.lose_points();
        let gone = api.get(&format!("{query}&limit=2&cursor={cursor}")).await;
        let problem = gone.problem(410, "cursor-expired");
        assert_eq!(problem["errors"][0]["parameter"], "cursor");
    }
    api.stop().await;
}

pub async fn only_so_many_points_in_time_are_open<F: Fixture>() {
    let fixture = F::of(&[Kind::Order]).await;
    fixture.put_all(&orders()).await;
    let limits = Limits {
        max_points: 1,
        ..Limits::default()
    };
    let api = Api::within(fixture.reader(), limits);
    let open = second_cursor(&api, "/v1/orders?sort=total").await;
    let cursor = next_cursor(&api.get("/v1/orders?sort=-total&limit=2").await);
    let refused = format!("/v1/orders?sort=-total&limit=2&cursor={cursor}");
    api.get(&refused).await.problem(503, "overloaded");
    // The walk that is under way goes on, and where a place lasts none is needed.
    api.get(&format!("/v1/orders?sort=total&limit=2&cursor={open}"))
        .await
        .ok();
    let cursor = second_cursor(&api, "/v1/orders?sort=created_at").await;
    let last = api
        .get(&format!("/v1/orders?sort=created_at&limit=2&cursor={cursor}"))
        .await;
    assert_eq!(last.ids(), [id(5).to_string(), id(6).to_string()]);
    api.stop().await;
}
