//! A seeded mix of commands from many clients, as users would send them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::sync::watch;
use uuid::Uuid;

use crate::api::Commands;
use crate::dice::Dice;

pub struct Workload {
    customers: Vec<Uuid>,
    products: Vec<Uuid>,
    done: Arc<AtomicUsize>,
    progress: watch::Sender<usize>,
}

impl Workload {
    /// Registers customers and adds products to order with.
    pub async fn prepare(commands: &Commands, customers: usize, products: usize) -> Result<Self> {
        let mut workload = Self {
            customers: Vec::new(),
            products: Vec::new(),
            done: Arc::default(),
            progress: watch::channel(0).0,
        };
        for n in 0..customers {
            workload
                .customers
                .push(commands.register_customer(&format!("Customer {n}")).await?.id);
        }
        for n in 0..products {
            workload.products.push(
                commands
                    .add_product(&format!("Product {n}"), 100 + n as i64)
                    .await?
                    .id,
            );
        }
        Ok(workload)
    }

    /// How many commands have succeeded: await `wait_for(|done| *done >= n)`.
    pub fn progress(&self) -> watch::Receiver<usize> {
        self.progress.subscribe()
    }

    /// Sends at least `total` commands from `clients` at once; every one must succeed.
    pub async fn run(&self, commands: &Commands, seed: u64, clients: usize, total: usize) -> Result<()> {
        let client = |number: usize| async move {
            let mut dice = Dice::of(seed, number);
            while self.done.load(Ordering::Relaxed) < total {
                self.one_order(commands, &mut dice).await?;
            }
            anyhow::Ok(())
        };
        futures_util::future::try_join_all((0..clients).map(client)).await?;
        Ok(())
    }

    async fn one_order(&self, commands: &Commands, dice: &mut Dice) -> Result<()> {
        let customer = self.customers[dice.roll(self.customers.len())];
        let first = self.products[dice.roll(self.products.len())];
        let order = commands
            .create_order(customer, &[(first, 1 + dice.roll(5) as u32)])
            .await?
            .id;
        self.count();
        for _ in 0..dice.roll(4) {
            let product = self.products[dice.roll(self.products.len())];
            commands.add_item(order, product, 1 + dice.roll(9) as u32).await?;
            self.count();
        }
        if dice.roll(3) == 0 {
            commands
                .change_quantity(order, first, 1 + dice.roll(99) as u32)
                .await?;
            self.count();
        }
        match dice.roll(20) {
            0 => {
                commands
                    .rename_customer(customer, &format!("Renamed {}", dice.roll(1_000_000)))
                    .await?;
                self.count();
            }
            1 => {
                commands
                    .rename_product(first, &format!("Renewed {}", dice.roll(1_000_000)))
                    .await?;
                self.count();
            }
            2 => {
                commands.remove_item(order, first).await?;
                self.count();
                return Ok(());
            }
            _ => {}
        }
        if dice.roll(2) == 0 {
            commands.submit(order).await?;
            self.count();
        }
        Ok(())
    }

    fn count(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.send_replace(done);
    }
}
