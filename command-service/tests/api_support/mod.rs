//! What the API's tests share: a client that knows the contract, and bodies that are right.
#![allow(dead_code, reason = "each test crate uses its share")]
#![allow(clippy::expect_used, reason = "tests")]

pub mod in_memory;

use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

pub struct Client {
    http: reqwest::Client,
    pub address: SocketAddr,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            http: reqwest::Client::new(),
            address,
        }
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        answer(self.request(method, path).json(body)).await
    }

    /// Without a body and without a media type.
    pub async fn call(&self, method: &str, path: &str) -> Answer {
        answer(self.request(method, path)).await
    }

    /// Sends a command that must succeed, and answers the aggregate's id.
    pub async fn done(&self, method: &str, path: &str, body: &Value) -> Uuid {
        let answer = self.send(method, path, body).await;
        assert!(answer.status.is_success(), "{} {}", answer.status, answer.text);
        answer.id()
    }

    pub async fn a_customer(&self) -> Uuid {
        self.done("POST", "/v1/customers", &customer()).await
    }

    pub async fn a_product(&self) -> Uuid {
        self.done("POST", "/v1/products", &product(1999, "EUR")).await
    }

    /// A draft with one item of the product.
    pub async fn a_draft(&self, product: Uuid) -> Uuid {
        let customer = self.a_customer().await;
        let items = json!([{"product_id": product, "quantity": 2}]);
        self.done(
            "POST",
            "/v1/orders",
            &json!({"customer_id": customer, "items": items}),
        )
        .await
    }

    pub async fn a_submitted_order(&self, product: Uuid) -> Uuid {
        let order = self.a_draft(product).await;
        self.done("POST", &format!("/v1/orders/{order}/submit"), &json!({}))
            .await
    }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a body");
    Answer {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub fn id(&self) -> Uuid {
        self.body["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| panic!("no id: {}", self.text))
    }

    #[track_caller]
    pub fn is_command_answer(&self, status: u16, version: u64) {
        assert_eq!(self.status, status, "{}", self.text);
        let token = self.body["consistency_token"].as_str().expect("a token");
        assert_eq!(self.body["version"], version);
        assert_eq!(
            self.body.as_object().map(serde_json::Map::len),
            Some(3),
            "{}",
            self.text
        );
        assert_eq!(self.header("etag"), format!("\"{version}\""));
        assert_eq!(self.header("consistency-token"), token);
        assert!(token.ends_with(&format!(":{}:{version}", self.id())), "{token}");
        assert!(self.header("correlation-id").parse::<Uuid>().is_ok());
    }

    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        assert_eq!(self.body["type"], format!("/problems/{kind}"), "{}", self.text);
        assert_eq!(self.body["status"], status);
        for member in ["title", "detail"] {
            assert!(
                self.body[member].as_str().is_some_and(|text| !text.is_empty()),
                "{}",
                self.text
            );
        }
        if status == 503 {
            assert!(self.header("retry-after").parse::<u32>().is_ok());
        }
    }

    #[track_caller]
    pub fn is_problem_at(&self, status: u16, kind: &str, pointer: &str) {
        self.is_problem(status, kind);
        assert_eq!(self.body["errors"][0]["pointer"], pointer, "{}", self.text);
    }
}

pub fn address() -> Value {
    json!({"name": "Ada", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London", "country": "GB"})
}

pub fn customer() -> Value {
    json!({"name": "Ada Lovelace", "email": "ada@example.com", "billing_address": address()})
}

pub fn product(amount: i64, currency: &str) -> Value {
    json!({"name": "Engine", "unit_price": {"amount": amount, "currency": currency}, "weight_grams": 1200,
           "size": {"length_mm": 300, "width_mm": 200, "height_mm": 100}})
}

/// `value` with the member at `pointer` replaced, or added to its object.
pub fn with(mut value: Value, pointer: &str, member: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    match value.pointer_mut(parent).expect("a parent") {
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = member,
        parent => parent[name] = member,
    }
    value
}
