//! What every client of the command service can do.

use std::time::Duration;

use checker::history::Answer;
use e2e::dice::Dice;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::pace::Pace;
use super::shop::Shop;
use crate::asking::{Answered, Asker, Manner};
use crate::calling::{Caller, Command, is_final};

/// Attempts under one key before a client gives up: more than a minute of outage.
const ATTEMPTS: u32 = 60;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked what has become of a deferred command, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: usize = 60;

/// One client; what it does is its character's business.
#[derive(Clone)]
pub struct Client {
    pub dice: Dice,
    pub shop: Shop,
    pub stop: CancellationToken,
    seed: u64,
    number: u32,
    caller: Caller,
    asker: Asker,
    pace: Pace,
    named: u64,
}

/// Who plays together.
#[derive(Clone)]
pub struct Company {
    pub seed: u64,
    pub shop: Shop,
    pub pace: Pace,
    pub caller: Caller,
    pub asker: Asker,
    pub stop: CancellationToken,
}

impl Client {
    pub fn of(company: &Company, number: u32) -> Self {
        Self {
            dice: Dice::of(company.seed, number as usize),
            shop: company.shop.clone(),
            stop: company.stop.clone(),
            seed: company.seed,
            number,
            caller: company.caller.as_client(number),
            asker: company.asker.as_client(number),
            pace: company.pace.clone(),
            named: 0,
        }
    }

    pub fn goes_on(&self) -> bool {
        !self.stop.is_cancelled()
    }

    /// One in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.dice.roll(times) == 0
    }

    /// Of something new; the same in each run with this seed.
    pub fn new_id(&mut self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.new_name().as_bytes())
    }

    pub fn new_key(&mut self) -> String {
        format!("key-{}", self.new_name())
    }

    fn new_name(&mut self) -> String {
        self.named += 1;
        format!("{}-{}-{}", self.seed, self.number, self.named)
    }

    /// Sends a command in one of the ways in which clients do: mostly under a key, then again until there is a final answer;
    /// now and then to be decided later, then the answer is what came of it, where that was seen.
    pub async fn send(&mut self, mut command: Command) -> Answer {
        if command.key.is_none() && !self.once_in(4) {
            command.key = Some(self.new_key());
        }
        command.deferred |= self.once_in(16);
        let answer = self.insist(&command).await;
        match answer {
            Answer::Accepted { command_id, .. } => self.decided(command_id).await.unwrap_or(answer),
            answer => answer,
        }
    }

    /// Until there is a final answer, by any replica; without a key once. What is known of a command without a key that was not
    /// answered is nothing.
    pub async fn insist(&mut self, command: &Command) -> Answer {
        let first = self.dice.roll(self.caller.replicas());
        self.insist_from(command, first).await
    }

    pub async fn insist_from(&mut self, command: &Command, first: usize) -> Answer {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        loop {
            self.pace.turn().await;
            let answer = self.caller.send(command, first + attempt as usize).await;
            if let Answer::Ok { token, .. } = &answer {
                self.shop.written(token);
            }
            attempt += 1;
            if command.key.is_none() || is_final(&answer) || attempt == ATTEMPTS {
                return answer;
            }
            sleep(pause.mul_f64(0.5 + self.dice.roll(100) as f64 / 100.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What came of a deferred command: as it would have been answered at once, in as far as that is known.
    async fn decided(&mut self, command_id: Uuid) -> Option<Answer> {
        let mut replica = self.dice.roll(self.caller.replicas());
        for _ in 0..LOOKS {
            sleep(LOOK_EVERY).await;
            let Some(view) = self.caller.outcome(command_id, replica).await else {
                replica = self.dice.roll(self.caller.replicas());
                continue;
            };
            let outcome = &view["outcome"];
            match view["status"].as_str() {
                Some("succeeded") => {
                    let token = outcome["consistency_token"].as_str()?.to_owned();
                    self.shop.written(&token);
                    return Some(Answer::Ok {
                        status: 200,
                        id: outcome["id"].as_str()?.parse().ok()?,
                        version: outcome["version"].as_u64()?,
                        token,
                        body: outcome.to_string(),
                    });
                }
                Some("refused" | "failed") => {
                    return Some(Answer::Refused {
                        status: outcome["status"]
                            .as_u64()
                            .and_then(|status| status.try_into().ok())
                            .unwrap_or(500),
                        problem: outcome["type"].as_str().unwrap_or_default().to_owned(),
                        body: outcome.to_string(),
                    });
                }
                _ => {}
            }
        }
        None
    }

    /// Asks any replica.
    pub async fn ask(&mut self, path: &str, manner: Manner<'_>) -> Answered {
        let replica = self.dice.roll(self.asker.replicas());
        self.asker.ask(path, replica, manner).await
    }

    pub fn address(&mut self) -> Value {
        json!({
            "name": "Ada Lovelace", "street": format!("Street {}", self.dice.roll(1_000)), "postal_code": "SW1Y 4JH",
            "city": "London", "country": "GB",
        })
    }

    pub fn price(&mut self) -> Value {
        let free = self.once_in(40);
        let amount = if free { 0 } else { 1 + self.dice.roll(5_000) };
        json!({"amount": amount, "currency": "EUR"})
    }
}

/// Where it succeeded: the aggregate, and its version.
pub fn stands_at(answer: &Answer) -> Option<(Uuid, u64)> {
    match answer {
        Answer::Ok { id, version, .. } => Some((*id, *version)),
        _ => None,
    }
}
