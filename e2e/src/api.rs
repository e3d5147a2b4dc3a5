//! The command service as a client sees it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a command answers.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub id: Uuid,
    pub version: u64,
    pub token: String,
}

/// An answer as it came, to compare it with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    /// `ETag`, `Location`, `Consistency-Token`.
    pub headers: [Option<String>; 3],
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("{}, not JSON: {:?}", self.status, self.body))
    }
}

#[derive(Clone)]
pub struct Commands {
    http: reqwest::Client,
    base: String,
}

impl Commands {
    pub fn new(base: &str) -> Self {
        Self {
            http: http_client(),
            base: base.to_owned(),
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Accepted> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let (status, answer) = answer(request).await?;
        if !status.is_success() {
            bail!("{path}: {status} {answer}");
        }
        Ok(Accepted {
            id: answer["id"].as_str().context("no id")?.parse()?,
            version: answer["version"].as_u64().context("no version")?,
            token: answer["consistency_token"]
                .as_str()
                .context("no consistency_token")?
                .to_owned(),
        })
    }

    /// Sends a command with headers and answers whatever comes.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(Answer {
            status: response.status(),
            headers: ["etag", "location", "consistency-token"].map(header),
            body: response.text().await?,
        })
    }

    /// Asks for the record of a command, or whatever else this service shows.
    pub async fn get(&self, path: &str) -> Result<(StatusCode, Value)> {
        answer(self.http.get(format!("{}{path}", self.base))).await
    }

    pub async fn register_customer(&self, name: &str) -> Result<Accepted> {
        let address = json!({
            "name": name, "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London", "country": "GB",
        });
        self.send(
            Method::POST,
            "/v1/customers",
            Some(json!({"name": name, "billing_address": address})),
        )
        .await
    }

    pub async fn rename_customer(&self, id: Uuid, name: &str) -> Result<Accepted> {
        self.send(
            Method::PUT,
            &format!("/v1/customers/{id}/name"),
            Some(json!({"name": name})),
        )
        .await
    }

    pub async fn add_product(&self, name: &str, cents: i64) -> Result<Accepted> {
        let body = json!({"name": name, "unit_price": {"amount": cents, "currency": "EUR"}});
        self.send(Method::POST, "/v1/products", Some(body)).await
    }

    pub async fn rename_product(&self, id: Uuid, name: &str) -> Result<Accepted> {
        self.send(
            Method::PUT,
            &format!("/v1/products/{id}/name"),
            Some(json!({"name": name})),
        )
        .await
    }

    pub async fn create_order(&self, customer: Uuid, items: &[(Uuid, u32)]) -> Result<Accepted> {
        let items: Vec<Value> = items
            .iter()
            .map(|(product, quantity)| json!({"product_id": product, "quantity": quantity}))
            .collect();
        self.send(
            Method::POST,
            "/v1/orders",
            Some(json!({"customer_id": customer, "items": items})),
        )
        .await
    }

    pub async fn add_item(&self, order: Uuid, product: Uuid, quantity: u32) -> Result<Accepted> {
        let body = json!({"product_id": product, "quantity": quantity});
        self.send(Method::POST, &format!("/v1/orders/{order}/items"), Some(body))
            .await
    }

    pub async fn change_quantity(&self, order: Uuid, product: Uuid, quantity: u32) -> Result<Accepted> {
        let path = format!("/v1/orders/{order}/items/{product}");
        self.send(Method::PUT, &path, Some(json!({"quantity": quantity})))
            .await
    }

    pub async fn remove_item(&self, order: Uuid, product: Uuid) -> Result<Accepted> {
        self.send(
            Method::DELETE,
            &format!("/v1/orders/{order}/items/{product}"),
            None,
        )
        .await
    }

    pub async fn submit(&self, order: Uuid) -> Result<Accepted> {
        self.send(Method::POST, &format!("/v1/orders/{order}/submit"), None)
            .await
    }

    /// Confirms or delivers.
    pub async fn advance(&self, order: Uuid, step: &str) -> Result<Accepted> {
        self.send(Method::POST, &format!("/v1/orders/{order}/{step}"), None)
            .await
    }

    pub async fn ship(&self, order: Uuid, tracking_number: &str) -> Result<Accepted> {
        let body = json!({"tracking_number": tracking_number});
        self.send(Method::POST, &format!("/v1/orders/{order}/ship"), Some(body))
            .await
    }

    pub async fn cancel(&self, order: Uuid, reason: &str) -> Result<Accepted> {
        let body = json!({"reason": reason});
        self.send(Method::POST, &format!("/v1/orders/{order}/cancel"), Some(body))
            .await
    }
}

pub(crate) fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(40))
        .build()
        .unwrap_or_default()
}

pub(crate) async fn answer(request: RequestBuilder) -> Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).with_context(|| format!("{status}, not JSON: {text:?}"))?;
    Ok((status, body))
}
