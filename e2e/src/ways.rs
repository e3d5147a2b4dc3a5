//! Orders on all their ways, with customers and products that change meanwhile: whatever a read model can be made of.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Accepted, Commands};
use crate::dice::Dice;
use crate::eventually;
use crate::invoices::invoice_of;

const LIMIT: Duration = Duration::from_secs(60);

/// `clients` at once, each with a customer and products of its own, each with so many orders. Needs a worker.
pub async fn go(commands: &Commands, seed: u64, clients: usize, orders: usize) -> Result<()> {
    let clients = (0..clients).map(|number| Client::of(commands, seed, number));
    let mut clients = try_join_all(clients).await?;
    try_join_all(clients.iter_mut().map(|client| client.go(orders))).await?;
    Ok(())
}

struct Client<'a> {
    commands: &'a Commands,
    dice: Dice,
    customer: Uuid,
    products: Vec<Uuid>,
}

impl<'a> Client<'a> {
    async fn of(commands: &'a Commands, seed: u64, number: usize) -> Result<Self> {
        let customer = commands
            .register_customer(&format!("Customer {number}"))
            .await?
            .id;
        let mut products = Vec::new();
        for n in 0..4 {
            let mut body = json!({
                "name": format!("Product {number}.{n}"),
                "unit_price": {"amount": 100 + 10 * n, "currency": "EUR"},
            });
            if n % 2 == 0 {
                body["size"] = size(n);
                body["weight_grams"] = json!(250 * (n + 1));
            }
            products.push(commands.send(Method::POST, "/v1/products", Some(body)).await?.id);
        }
        Ok(Self {
            commands,
            dice: Dice::of(seed, number),
            customer,
            products,
        })
    }

    async fn go(&mut self, orders: usize) -> Result<()> {
        for _ in 0..orders {
            self.order().await?;
            self.change_something().await?;
        }
        // No order was to want it any more.
        let last = self.products[3];
        self.commands
            .send(Method::POST, &format!("/v1/products/{last}/discontinue"), None)
            .await?;
        Ok(())
    }

    fn product(&mut self) -> Uuid {
        self.products[self.dice.roll(self.products.len())]
    }

    async fn order(&mut self) -> Result<()> {
        let (first, quantity) = (self.product(), 1 + self.dice.roll(5) as u32);
        let order = self
            .commands
            .create_order(self.customer, &[(first, quantity)])
            .await?
            .id;
        for _ in 0..self.dice.roll(3) {
            let (product, quantity) = (self.product(), 1 + self.dice.roll(9) as u32);
            self.commands.add_item(order, product, quantity).await?;
        }
        if self.dice.roll(3) == 0 {
            let quantity = 1 + self.dice.roll(20) as u32;
            self.commands.change_quantity(order, first, quantity).await?;
        }
        if self.dice.roll(8) == 0 {
            self.commands.remove_item(order, first).await?;
            return Ok(());
        }
        let way = self.dice.roll(8);
        if way == 0 {
            return Ok(());
        }
        if way == 1 {
            self.commands.cancel(order, "never mind").await?;
            return Ok(());
        }
        self.commands.submit(order).await?;
        match self.dice.roll(5) {
            0 => return Ok(()),
            1 => {
                self.commands.cancel(order, "too slow").await?;
                return Ok(());
            }
            2 => {
                pay(self.commands, order, 1).await?;
                self.commands.advance(order, "confirm").await?;
            }
            _ => {
                self.commands.advance(order, "confirm").await?;
            }
        }
        match self.dice.roll(5) {
            0 => {}
            1 => {
                self.commands.cancel(order, "a change of mind").await?;
            }
            2 => {
                self.commands
                    .ship(order, &format!("1Z{}", order.simple()))
                    .await?;
            }
            _ => {
                self.commands
                    .ship(order, &format!("1Z{}", order.simple()))
                    .await?;
                self.commands.advance(order, "deliver").await?;
            }
        }
        Ok(())
    }

    async fn change_something(&mut self) -> Result<()> {
        let (customer, product) = (self.customer, self.product());
        let number = self.dice.roll(1_000_000);
        let (path, body) = match self.dice.roll(6) {
            0 => (
                format!("customers/{customer}/name"),
                json!({"name": format!("Renamed {number}")}),
            ),
            1 => (format!("customers/{customer}/billing-address"), address(number)),
            2 => (format!("customers/{customer}/delivery-address"), address(number)),
            3 => (
                format!("products/{product}/name"),
                json!({"name": format!("Renewed {number}")}),
            ),
            4 => (
                format!("products/{product}/dimensions"),
                json!({"size": size(number), "weight_grams": 1 + number % 9_000}),
            ),
            _ => (
                format!("products/{product}/price"),
                json!({"unit_price": {"amount": 10 + number % 500, "currency": "EUR"}}),
            ),
        };
        self.commands
            .send(Method::PUT, &format!("/v1/{path}"), Some(body))
            .await?;
        Ok(())
    }
}

pub fn address(number: usize) -> Value {
    json!({
        "name": "Ada Lovelace", "street": format!("Street {number}"), "postal_code": "SW1Y 4JH", "city": "London",
        "country": "GB",
    })
}

fn size(number: usize) -> Value {
    json!({"length_mm": 100 + number % 100, "width_mm": 200, "height_mm": 30})
}

/// A payment on the order's invoice, once that is there.
pub async fn pay(commands: &Commands, order: Uuid, amount: i64) -> Result<Accepted> {
    let path = format!("/v1/invoices/{}/payments", invoice_of(order));
    let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "reference": "a transfer"});
    eventually("the invoice is there", LIMIT, async || {
        let answer = commands.ask(Method::POST, &path, &[], Some(&body)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(answer.status == StatusCode::OK, "{answer:?}");
        let answer = answer.json()?;
        Ok(Some(Accepted {
            id: answer["id"].as_str().context("no id")?.parse()?,
            version: answer["version"].as_u64().context("no version")?,
            token: answer["consistency_token"]
                .as_str()
                .context("no token")?
                .to_owned(),
        }))
    })
    .await
}
