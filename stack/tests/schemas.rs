//! Schemas in a real registry.

use serde_json::{Value, json};

struct Registry {
    url: String,
    /// Nobody else's subjects begin like this.
    prefix: String,
}

impl Registry {
    fn of_tests() -> anyhow::Result<Self> {
        let url = stack::for_tests()?.schema_registry;
        let nanos = std::time::UNIX_EPOCH.elapsed()?.as_nanos();
        Ok(Self {
            url,
            prefix: format!("stack-{nanos}."),
        })
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let mut response = ureq::get(format!("{}{path}", self.url)).call()?;
        Ok(response.body_mut().read_json()?)
    }

    fn subject(&self) -> String {
        format!("{}ordering.orders-ordering.orders.OrderSubmittedV1", self.prefix)
    }
}

#[test]
fn registering_again_changes_nothing() {
    let registry = Registry::of_tests().unwrap();
    let count = stack::schemas::register(&registry.url, &registry.prefix).unwrap();
    let path = format!("/subjects/{}/versions/latest", registry.subject());
    let first = registry.get(&path).unwrap();
    assert_eq!(
        stack::schemas::register(&registry.url, &registry.prefix).unwrap(),
        count
    );
    assert_eq!(registry.get(&path).unwrap(), first);
    assert_eq!(first["version"], 1);
}

#[test]
fn a_schema_that_breaks_readers_is_refused() {
    let registry = Registry::of_tests().unwrap();
    stack::schemas::register(&registry.url, &registry.prefix).unwrap();
    let compatibility = registry.get(&format!("/config/{}", registry.subject())).unwrap();
    assert_eq!(compatibility["compatibilityLevel"], "FULL_TRANSITIVE");
    let schema = json!({
        "type": "record", "name": "OrderSubmittedV1", "namespace": "ordering.orders",
        "fields": [{ "name": "order_id", "type": "long" }]
    });
    let answer = ureq::post(format!(
        "{}/subjects/{}/versions",
        registry.url,
        registry.subject()
    ))
    .config()
    .http_status_as_error(false)
    .build()
    .send_json(json!({ "schema": schema.to_string() }))
    .unwrap();
    assert_eq!(answer.status(), 409);
}
