//! Both APIs with few places before servers that are far away, so that little is more than they can take and the load
//! costs the machine nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use stack::ServiceProcess;
use uuid::Uuid;

use super::{Ask, OVERLOADED, Outcomes, Overloaded, Parts, client, figure, memory, overload};
use crate::api::Commands;
use crate::link::{Link, Way};
use crate::system::System;

const START: Duration = Duration::from_secs(60);
/// There, and again back: so far that the machine has time for the ten times as well.
const FAR: Duration = Duration::from_millis(60);

/// An API that can take little, and the way to its server.
pub struct Subject {
    pub api: ServiceProcess,
    /// What is in work at once.
    places: usize,
    _link: Link,
}

impl Subject {
    pub async fn commands(system: &System, places: usize) -> Result<Self> {
        let (link, url) = Link::to_database(system.app_url()).await?;
        let mut api = system
            .service("command-service", "api")
            .env("COMMAND_SERVICE__DATABASE__URL", url)
            .env("COMMAND_SERVICE__HTTP__MAX_IN_FLIGHT", places.to_string())
            .spawn()?;
        api.wait_ready(START)?;
        link.set(Way::Long(FAR));
        Ok(Self {
            api,
            places,
            _link: link,
        })
    }

    pub async fn queries(system: &System, places: usize) -> Result<Self> {
        let (link, url) = Link::to_url(&system.servers.elasticsearch).await?;
        let mut api = system
            .service("query-service", "api")
            .env("QUERY_SERVICE__ELASTICSEARCH__URL", url)
            .env("QUERY_SERVICE__HTTP__MAX_IN_FLIGHT", places.to_string())
            .env("QUERY_SERVICE__CONSISTENCY__MAX_WAITING", "1")
            .spawn()?;
        api.wait_ready(START)?;
        link.set(Way::Long(FAR));
        Ok(Self {
            api,
            places,
            _link: link,
        })
    }

    /// Ten times what it can take, and what must hold of it at any size.
    async fn ten_times(&self, ask: &Ask, what: &str, parts: Parts) -> Result<Overloaded> {
        let base = self.api.base_url();
        let before = memory(&self.api);
        let seen = overload(&base, ask, self.places + self.places.div_ceil(2), 10.0, parts).await?;
        let after = memory(&self.api);
        println!(
            "{what}: {}; api {} MiB before, {} at most, {} after",
            seen.printed(),
            before.now,
            after.most,
            after.now
        );
        let refused = seen.overload.refusals();
        ensure!(
            refused.contains_key(OVERLOADED),
            "what was too much was refused as {refused:?}"
        );
        // What waits is bounded by number, and a request is small.
        ensure!(
            after.most <= before.now + 128,
            "the api grew from {} to {} MiB",
            before.now,
            after.most
        );
        for (name, limit) in [("in_work", self.places), ("waiting", 256)] {
            let name = format!("http_{what}_{name}");
            let (now, bound) = (
                figure(&base, &name).await?,
                figure(&base, &format!("{name}_limit")).await?,
            );
            ensure!(now == 0.0 && bound == limit as f64, "{name} is {now} of {bound}");
        }
        let shed = figure(&base, &format!("http_{what}_shed_total")).await?;
        let told: usize = seen.parts().map(|part| part.refused_as(OVERLOADED)).sum();
        ensure!(shed == told as f64, "{shed} shed, {told} told so");
        Ok(seen)
    }

    /// Registrations of customers; what was accepted is stored, what was refused is not.
    pub async fn too_many_commands(&self, system: &System, parts: Parts) -> Result<Overloaded> {
        let (client, url) = (client()?, format!("{}/v1/customers", self.api.base_url()));
        let address = json!({
            "name": "Ada Lovelace", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London", "country": "GB",
        });
        let body = json!({"name": "Ada Lovelace", "billing_address": address}).to_string();
        let ask: Ask = Arc::new(move || {
            client
                .post(&url)
                .header("content-type", "application/json")
                .body(body.clone())
        });
        let before = customers(system).await?;
        let seen = self.ten_times(&ask, "commands", parts).await?;
        let mut stored = customers(system).await?;
        stored.retain(|id| !before.contains(id));
        let accepted: HashSet<Uuid> = seen.parts().flat_map(Outcomes::ids).collect();
        let unknown = seen.parts().map(Outcomes::unknown).sum::<usize>();
        let lost = accepted.difference(&stored).count();
        let surplus = stored.difference(&accepted).count();
        ensure!(
            lost == 0 && surplus <= unknown,
            "of {} accepted {lost} are not stored; {surplus} are stored and were not accepted, {unknown} had no verdict",
            accepted.len()
        );
        Ok(seen)
    }

    /// Lists of orders, which no cache answers.
    pub async fn too_many_queries(&self, parts: Parts) -> Result<Overloaded> {
        let (client, url) = (client()?, format!("{}/v1/orders?limit=5", self.api.base_url()));
        let ask: Ask = Arc::new(move || client.get(&url));
        self.ten_times(&ask, "queries", parts).await
    }
}

/// Something for the lists.
pub async fn some_orders(commands: &Commands) -> Result<String> {
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Loom", 700).await?;
    let mut token = None;
    for quantity in 1..=10 {
        token = Some(
            commands
                .create_order(customer.id, &[(product.id, quantity)])
                .await?
                .token,
        );
    }
    token.context("no order")
}

async fn customers(system: &System) -> Result<HashSet<Uuid>> {
    let rows = system
        .database
        .query("SELECT stream_id FROM events WHERE aggregate = 'customer'", &[])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
