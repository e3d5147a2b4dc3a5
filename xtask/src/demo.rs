//! `--demo`: sample data over HTTP, and one order's way through the system.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::Agent;

/// What a command answered.
struct Accepted {
    id: String,
    version: u64,
    token: String,
}

struct Demo<'a> {
    agent: Agent,
    command: &'a str,
    query: &'a str,
}

/// Shows it on the two running APIs. Every call makes new customers, products and orders.
pub fn show(command: &str, query: &str) -> Result<()> {
    let agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(40)))
        .http_status_as_error(false)
        .build()
        .into();
    Demo {
        agent,
        command,
        query,
    }
    .run()
}

impl Demo<'_> {
    fn run(&self) -> Result<()> {
        println!("An order's way through the system\n");
        let customer = self.command(
            "/v1/customers",
            &json!({
                "name": "Ada Lovelace",
                "email": "ada@example.org",
                "billing_address": {
                    "name": "Ada Lovelace", "street": "12 St James's Square", "postal_code": "SW1Y 4JH",
                    "city": "London", "country": "GB"
                }
            }),
        )?;
        let mut products = Vec::new();
        for (name, amount) in [
            ("Difference engine", 149_900),
            ("Punched cards", 499),
            ("Brass gear", 1_250),
        ] {
            let price = json!({ "amount": amount, "currency": "EUR" });
            products.push(
                self.command("/v1/products", &json!({ "name": name, "unit_price": price }))?
                    .id,
            );
        }
        let items: Vec<Value> = products
            .iter()
            .zip(1..)
            .map(|(id, quantity)| json!({ "product_id": id, "quantity": quantity }))
            .collect();
        let customer_id = customer.id.as_str();
        self.command(
            "/v1/orders",
            &json!({ "customer_id": customer_id, "items": items.get(1..) }),
        )?;
        let order = self.command(
            "/v1/orders",
            &json!({ "customer_id": customer_id, "items": items.get(..2) }),
        )?;
        let id = &order.id;
        self.command(
            &format!("/v1/orders/{id}/items"),
            &json!({ "product_id": products.get(2).context("three products")?, "quantity": 4 }),
        )?;
        let submitted = self.command(&format!("/v1/orders/{id}/submit"), &json!({}))?;
        println!(
            "\nThe events go from Postgres through Kafka into Elasticsearch. A query that carries the last"
        );
        println!("Consistency-Token waits until it sees them:\n");
        let detail = self.query(&format!("/v1/orders/{id}"), &submitted.token)?;
        print_order(&detail);
        let found = self.query("/v1/orders/search?q=lovelase&status=submitted", &submitted.token)?;
        println!("         {} found, in spite of the typing error", found["total"]);
        if !found["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item["id"] == id.as_str()))
        {
            bail!("the search did not find the order {id}: {found}");
        }
        println!();
        Ok(())
    }

    fn command(&self, path: &str, body: &Value) -> Result<Accepted> {
        let since = Instant::now();
        let mut response = self
            .agent
            .post(format!("{}{path}", self.command))
            .send_json(body)?;
        let status = response.status();
        let answer: Value = response
            .body_mut()
            .read_json()
            .with_context(|| format!("POST {path}"))?;
        println!(
            "POST {path}\n     {} in {} ms: {}",
            status.as_u16(),
            since.elapsed().as_millis(),
            answer
        );
        if !status.is_success() {
            bail!("POST {path} answered {status}");
        }
        Ok(Accepted {
            id: text(&answer, "id")?,
            version: answer["version"].as_u64().context("no version")?,
            token: text(&answer, "consistency_token")?,
        })
        .inspect(|accepted| debug_assert!(accepted.version > 0, "versions begin with 1"))
    }

    fn query(&self, path: &str, token: &str) -> Result<Value> {
        let since = Instant::now();
        let url = format!("{}{path}", self.query);
        let request = self
            .agent
            .get(&url)
            .header("Consistency-Token", token)
            .header("Prefer", "wait=30");
        let mut response = request.call()?;
        let status = response.status();
        let answer: Value = response
            .body_mut()
            .read_json()
            .with_context(|| format!("GET {path}"))?;
        println!("GET  {path}\n     Consistency-Token: {token}");
        println!("     {} in {} ms", status.as_u16(), since.elapsed().as_millis());
        if !status.is_success() {
            bail!("GET {path} answered {status}: {answer}");
        }
        Ok(answer)
    }
}

fn print_order(order: &Value) {
    println!(
        "         {} for {}, version {}, total {}",
        plain(&order["status"]),
        plain(&order["customer_name"]),
        order["version"],
        money(&order["total"])
    );
    for item in order["items"].as_array().into_iter().flatten() {
        println!(
            "         {} × {} = {}",
            item["quantity"],
            plain(&item["product_name"]),
            money(&item["subtotal"])
        );
    }
}

fn text(answer: &Value, field: &str) -> Result<String> {
    Ok(answer[field]
        .as_str()
        .with_context(|| format!("no {field} in {answer}"))?
        .to_owned())
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// Euros have two digits of cents.
fn money(value: &Value) -> String {
    let amount = value["amount"].as_i64().unwrap_or_default();
    format!(
        "{}.{:02} {}",
        amount / 100,
        amount % 100,
        plain(&value["currency"])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_with_its_cents() {
        assert_eq!(
            money(&json!({ "amount": 149_905, "currency": "EUR" })),
            "1499.05 EUR"
        );
    }
}
