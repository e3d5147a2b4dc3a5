//! Clients of the query service: with tokens and without, on one replica and on all, of documents and of lists.

use std::collections::HashMap;

use e2e::dice::Dice;
use tokio_util::sync::CancellationToken;

use super::client::Company;
use super::pace::Pace;
use super::shop::Shop;
use super::shoppers::NAMES;
use crate::asking::{Asker, Manner};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// With the token of a command that has just succeeded, anywhere.
    WritersToken,
    /// Always the same replica, without tokens.
    OneReplica,
    /// Anywhere, with the last token that it got.
    LastToken,
    /// Lists, searches and figures.
    Lists,
}

impl Habit {
    pub const ALL: [Self; 4] = [Self::WritersToken, Self::OneReplica, Self::LastToken, Self::Lists];
}

/// Documents that one without a writer's token keeps looking at, each so many times.
const LOOKED_AT: usize = 8;
const LOOKS: usize = 25;
/// Seconds that it lets the service wait for a token.
const WAIT: u64 = 2;

pub struct Reader {
    dice: Dice,
    shop: Shop,
    stop: CancellationToken,
    pace: Pace,
    asker: Asker,
    habit: Habit,
    home: usize,
    /// With the last token of each.
    looked_at: Vec<Looked>,
    /// Of whatever it read last.
    tokens: HashMap<String, String>,
}

struct Looked {
    path: String,
    left: usize,
}

impl Reader {
    pub fn of(company: &Company, number: u32, habit: Habit, pace: &Pace) -> Self {
        Self {
            dice: Dice::of(company.seed, number as usize),
            shop: company.shop.clone(),
            stop: company.stop.clone(),
            pace: pace.clone(),
            asker: company.asker.as_client(number),
            habit,
            home: number as usize,
            looked_at: Vec::new(),
            tokens: HashMap::new(),
        }
    }

    pub async fn read(mut self) {
        while !self.stop.is_cancelled() {
            self.pace.turn().await;
            match self.habit {
                Habit::WritersToken => self.what_was_written().await,
                Habit::OneReplica | Habit::LastToken => self.what_is_looked_at().await,
                Habit::Lists => self.a_list().await,
            }
        }
    }

    fn anywhere(&mut self) -> usize {
        self.dice.roll(self.asker.replicas())
    }

    async fn what_was_written(&mut self) {
        let Some(token) = self.shop.token(&mut self.dice) else {
            return;
        };
        let Some(path) = self.shows(&token) else {
            return;
        };
        let manner = Manner {
            token: Some(&token),
            wait: Some(WAIT),
            // Names in it are held against a token of a customer or a product.
            with_body: path.starts_with("/v1/orders?"),
        };
        let replica = self.anywhere();
        self.asker.ask(&path, replica, manner).await;
    }

    /// A query whose answer has to include what the token names: mostly the document itself.
    fn shows(&mut self, token: &str) -> Option<String> {
        let (aggregate, rest) = token.split_once(':')?;
        let (id, _) = rest.split_once(':')?;
        Some(match (aggregate, self.dice.roll(10)) {
            ("order", 0) => "/v1/orders?limit=20".to_owned(),
            ("order", 1) => format!("/v1/orders/{id}/history"),
            ("order", 2) => format!("/v1/deliveries/{id}"),
            ("order", 3) => "/v1/orders/search?limit=10".to_owned(),
            ("customer", 0 | 1) => format!("/v1/orders?customer_id={id}&limit=20"),
            ("customer", 2) => "/v1/customers?limit=20".to_owned(),
            ("product", 0) => "/v1/orders?limit=20".to_owned(),
            ("product", 1) => "/v1/products?limit=20".to_owned(),
            ("invoice", 0) => "/v1/invoices?limit=20".to_owned(),
            ("order" | "customer" | "product" | "invoice", _) => format!("/v1/{aggregate}s/{id}"),
            _ => return None,
        })
    }

    async fn what_is_looked_at(&mut self) {
        self.looked_at.retain(|looked| looked.left > 0);
        if self.looked_at.len() < LOOKED_AT
            && let Some(path) = self.something()
        {
            self.looked_at.push(Looked { path, left: LOOKS });
        }
        let at = self.dice.roll(self.looked_at.len().max(1));
        let Some(looked) = self.looked_at.get_mut(at) else {
            return;
        };
        looked.left -= 1;
        let path = looked.path.clone();
        let sends_tokens = self.habit == Habit::LastToken;
        let replica = if sends_tokens { self.anywhere() } else { self.home };
        let manner = Manner {
            token: self
                .tokens
                .get(&path)
                .filter(|_| sends_tokens)
                .map(String::as_str),
            wait: Some(WAIT).filter(|_| sends_tokens),
            with_body: false,
        };
        let answered = self.asker.ask(&path, replica, manner).await;
        if let Some(token) = answered
            .read
            .got_token
            .filter(|_| answered.read.status == Some(200))
        {
            self.tokens.insert(path, token);
        }
        if self.tokens.len() > 20 * LOOKED_AT {
            self.tokens.clear();
        }
    }

    fn something(&mut self) -> Option<String> {
        let order = self.shop.order(&mut self.dice)?;
        Some(match self.dice.roll(8) {
            0 => format!("/v1/customers/{}", self.shop.customer(&mut self.dice)?),
            1 => format!("/v1/products/{}", self.shop.product(&mut self.dice)?),
            2 => format!("/v1/invoices/{}", e2e::invoices::invoice_of(order)),
            3 => format!("/v1/deliveries/{order}"),
            _ => format!("/v1/orders/{order}"),
        })
    }

    async fn a_list(&mut self) {
        let path = match self.dice.roll(9) {
            0 => format!("/v1/orders/search?q={}", NAMES[self.dice.roll(NAMES.len())]),
            1 => "/v1/orders?status=submitted&limit=20".to_owned(),
            2 => "/v1/customers?limit=20".to_owned(),
            3 => "/v1/products?limit=20".to_owned(),
            4 => "/v1/invoices?limit=20".to_owned(),
            5 => "/v1/deliveries?limit=20".to_owned(),
            6 => "/v1/sales/daily".to_owned(),
            7 => "/v1/sales/status".to_owned(),
            _ => "/v1/orders?limit=20".to_owned(),
        };
        let replica = self.anywhere();
        self.asker.ask(&path, replica, Manner::default()).await;
    }
}
