//! What users do: many clients of several characters, from a seed, through all replicas of both apis.

mod clerks;
mod client;
mod commands;
mod listeners;
mod pace;
mod readers;
mod repeaters;
mod rivals;
mod shop;
mod shoppers;
mod strays;

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::client::{Client, Company};
use self::listeners::{Heard, Listener};
use self::pace::Pace;
use self::readers::{Habit, Reader};
pub use self::shop::Shop;
use crate::asking::Asker;
use crate::calling::Caller;
use crate::recording::Recorder;

/// Longer than the services' own deadline, so that their answer is seen.
const COMMAND_LIMIT: Duration = Duration::from_secs(6);
const QUERY_LIMIT: Duration = Duration::from_secs(9);
const FIRST_READER: u32 = 1_000;
const FIRST_LISTENER: u32 = 2_000;
const LISTENERS: u32 = 4;
/// Customers and products before anybody shops.
const OPENING: usize = 30;
/// Nothing is pushed for so long: then all has been.
const QUIET: Duration = Duration::from_secs(3);
const QUIET_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    /// Of the command service.
    pub clients: u32,
    /// Commands a second of all of them.
    pub rate: u32,
    pub readers: u32,
    /// Queries a second of all readers.
    pub reads: u32,
}

pub struct Workload {
    shop: Shop,
    stop: CancellationToken,
    people: JoinSet<()>,
    stop_listening: CancellationToken,
    listeners: JoinSet<()>,
    heard: Heard,
    recorder: Recorder,
}

impl Workload {
    /// Begins when there is something to buy, which needs a living command service.
    pub async fn start(
        recorder: &Recorder,
        command_apis: &[String],
        query_apis: &[String],
        options: Options,
    ) -> Result<Self> {
        let company = Company {
            seed: options.seed,
            shop: Shop::default(),
            pace: Pace::per_second(options.rate),
            caller: Caller::new(recorder, command_apis, 0, COMMAND_LIMIT)?,
            asker: Asker::new(recorder, query_apis, 0, QUERY_LIMIT)?,
            stop: CancellationToken::new(),
        };
        let mut workload = Self {
            shop: company.shop.clone(),
            stop: company.stop.clone(),
            people: JoinSet::new(),
            stop_listening: CancellationToken::new(),
            listeners: JoinSet::new(),
            heard: Heard::default(),
            recorder: recorder.clone(),
        };
        // Before the first order, so that they are told of all.
        for number in 0..LISTENERS {
            let client = FIRST_LISTENER + number;
            let listener = Listener::new(recorder, query_apis, options.seed, client, &workload.heard)?;
            let stop = workload.stop_listening.clone();
            workload.listeners.spawn(listener.listen(stop));
        }
        let mut opener = Client::of(&company, 0);
        for _ in 0..OPENING {
            shoppers::register(&mut opener).await;
            clerks::add_product(&mut opener).await;
        }
        workload
            .shop
            .product(&mut opener.dice)
            .context("no product could be added")?;
        for number in 1..=options.clients {
            let client = Client::of(&company, number);
            match number % 10 {
                0 => workload.people.spawn(repeaters::repeat(client)),
                1 => workload.people.spawn(rivals::compete(client)),
                2 | 3 => workload.people.spawn(clerks::keep_books(client)),
                4 if number % 20 == 4 => workload.people.spawn(strays::stray(client)),
                _ => workload.people.spawn(shoppers::shop(client)),
            };
        }
        let pace = Pace::per_second(options.reads);
        for number in 0..options.readers {
            let habit = Habit::ALL[number as usize % Habit::ALL.len()];
            let reader = Reader::of(&company, FIRST_READER + number, habit, &pace);
            workload.people.spawn(reader.read());
        }
        Ok(workload)
    }

    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// Lets everybody finish what they are at; those who listen go on.
    pub async fn stop_asking(&mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.people.join_next().await {
            ended.context("a client failed")?;
        }
        Ok(())
    }

    /// Once nothing is told any more. Whether all was told is the checker's business.
    pub async fn stop_listening(&mut self) -> Result<()> {
        let deadline = Instant::now() + QUIET_WITHIN;
        let quiet = QUIET.as_micros() as u64;
        while Instant::now() < deadline {
            sleep(Duration::from_millis(200)).await;
            if self
                .heard
                .nothing_since(self.recorder.now().saturating_sub(quiet))
            {
                break;
            }
        }
        self.stop_listening.cancel();
        while let Some(ended) = self.listeners.join_next().await {
            ended.context("a listener failed")?;
        }
        Ok(())
    }
}
