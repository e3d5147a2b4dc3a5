//! `query-service dead-letters`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::application::ports::{
    BuriedLetters, ChangePublisher, Generations, Letter, LetterDecoder, LetterHead, LetterId, NameSources,
    Resolution,
};
use crate::application::projecting::patience::Patience;
use crate::application::replaying::{Outcome, Replaying, Selection, selected};
use crate::cli::{ChosenLetters, DeadLettersTask};
use crate::inbound::kafka::letters::LetterDecoding;
use crate::outbound::elasticsearch::{self as es, ElasticsearchGenerations};
use crate::outbound::kafka::{self, BuriedLetterTopic, ChangeTopic, SchemaLookups};
use crate::outbound::system::SystemClock;
use crate::settings::Settings;

/// Of a record's body, at most.
const SHOWN_BYTES: usize = 1_024;

/// Ends with 0 when everything that was meant is done, 1 when something stays.
pub async fn run(task: &DeadLettersTask, settings: &Settings) -> anyhow::Result<ExitCode> {
    let producer = kafka::producer(&settings.kafka).context("the Kafka producer cannot be made")?;
    let letters = Arc::new(BuriedLetterTopic::new(producer.clone(), &settings.kafka));
    let done = match task {
        DeadLettersTask::List { key } => {
            let selection = key.clone().map_or(Selection::All, Selection::Key);
            list(&*letters, &selection).await
        }
        DeadLettersTask::Show { id } => show(&*letters, *id).await,
        DeadLettersTask::Replay(chosen) | DeadLettersTask::Discard(chosen) if chosen.dry_run => {
            list(&*letters, &chosen.selection()).await
        }
        DeadLettersTask::Replay(chosen) => {
            let client = es::connect(&settings.elasticsearch)?;
            let schemas = SchemaLookups::new(&settings.schema_registry)
                .context("the schema registry's client cannot be made")?;
            let replaying = Replaying {
                settings: settings.projector.clone(),
                generations: Arc::new(ElasticsearchGenerations::new(client, &settings.elasticsearch)),
                letters: Arc::clone(&letters),
                decoder: LetterDecoding::new(&settings.kafka, Arc::new(schemas)),
                changes: Arc::new(ChangeTopic::new(producer.clone(), &settings.kafka)),
                patience: Patience::new(
                    &settings.projector,
                    CancellationToken::new(),
                    Arc::new(SystemClock),
                ),
                asides: HashMap::new(),
            };
            replay(&*letters, chosen, replaying).await
        }
        DeadLettersTask::Discard(chosen) => discard(&*letters, chosen).await,
    };
    // Leaving a client blocks for a moment.
    tokio::task::spawn_blocking(move || drop((letters, producer))).await?;
    done
}

/// Of those that are meant, how many were found.
async fn list(letters: &impl BuriedLetters, selection: &Selection) -> anyhow::Result<ExitCode> {
    let mut found = Found::default();
    for partition in 0..letters.partitions().await? {
        for head in selected(letters, partition, selection).await? {
            say(&line(&head))?;
            found.note(head.id);
        }
    }
    say(&format!("{} dead letters", found.ids.len()))?;
    found.all_of(selection)
}

async fn show(letters: &impl BuriedLetters, id: LetterId) -> anyhow::Result<ExitCode> {
    let Some(letter) = letters.read(id).await? else {
        say(&format!("no dead letter stands at {id}"))?;
        return Ok(ExitCode::FAILURE);
    };
    say(&page(&letter)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn discard(letters: &impl BuriedLetters, chosen: &ChosenLetters) -> anyhow::Result<ExitCode> {
    let selection = chosen.selection();
    let mut found = Found::default();
    for partition in 0..letters.partitions().await? {
        for head in selected(letters, partition, &selection).await? {
            letters.resolve(&head, Resolution::Discarded).await?;
            say(&format!("{} discarded", head.id))?;
            found.note(head.id);
        }
    }
    found.all_of(&selection)
}

async fn replay<G, X, C>(
    letters: &impl BuriedLetters,
    chosen: &ChosenLetters,
    mut replaying: Replaying<G, BuriedLetterTopic, X, C>,
) -> anyhow::Result<ExitCode>
where
    G: Generations + NameSources,
    X: LetterDecoder,
    C: ChangePublisher,
{
    let selection = chosen.selection();
    let mut found = Found::default();
    let (mut replayed, mut stay) = (0, 0);
    for partition in 0..letters.partitions().await? {
        for head in selected(letters, partition, &selection).await? {
            found.note(head.id);
            match replaying.replay(&head).await? {
                Outcome::Replayed(how) => {
                    replayed += 1;
                    say(&format!("{} replayed: {how}", head.id))?;
                }
                Outcome::Stays { kind, cause } => {
                    stay += 1;
                    say(&format!("{} stays: {kind}: {cause}", head.id))?;
                }
            }
        }
    }
    say(&format!("{replayed} replayed, {stay} stay"))?;
    match stay {
        0 => found.all_of(&selection),
        _ => Ok(ExitCode::FAILURE),
    }
}

/// The letters that were there.
#[derive(Default)]
struct Found {
    ids: HashSet<LetterId>,
}

impl Found {
    fn note(&mut self, id: LetterId) {
        self.ids.insert(id);
    }

    /// A failure where one that was named is not there or is resolved already.
    fn all_of(&self, selection: &Selection) -> anyhow::Result<ExitCode> {
        let mut code = ExitCode::SUCCESS;
        if let Selection::Ids(ids) = selection {
            for id in ids.iter().filter(|id| !self.ids.contains(id)) {
                say(&format!("no open dead letter stands at {id}"))?;
                code = ExitCode::FAILURE;
            }
        }
        Ok(code)
    }
}

fn line(head: &LetterHead) -> String {
    let key = head.key.as_deref().map(String::from_utf8_lossy);
    format!(
        "{}\t{}\t{}\t{}\t{} {}:{}\t{}\t{}",
        head.id,
        head.buried_at
            .map_or_else(|| "-".to_owned(), |at| at.to_rfc3339()),
        head.projection.as_deref().unwrap_or("-"),
        head.kind,
        head.topic,
        head.partition,
        head.offset,
        printable(&key.unwrap_or("-".into())),
        printable(&head.cause),
    )
}

fn page(letter: &Letter) -> Result<String, std::fmt::Error> {
    let head = &letter.head;
    let mut page = String::new();
    let key = head.key.as_deref().map(String::from_utf8_lossy);
    writeln!(page, "dead letter  {}", head.id)?;
    if let Some(at) = head.buried_at {
        writeln!(page, "buried at    {}", at.to_rfc3339())?;
    }
    writeln!(page, "projection   {}", head.projection.as_deref().unwrap_or("-"))?;
    writeln!(
        page,
        "stood at     {} {}:{}",
        head.topic, head.partition, head.offset
    )?;
    writeln!(page, "key          {}", printable(&key.unwrap_or("-".into())))?;
    writeln!(page, "kind         {}", head.kind)?;
    writeln!(page, "cause        {}", printable(&head.cause))?;
    let Some(record) = &letter.record else {
        write!(page, "the record did not fit, and no longer stands in its topic")?;
        return Ok(page);
    };
    for (name, value) in record.headers.iter() {
        let value = value.map(String::from_utf8_lossy);
        let (name, value) = (String::from_utf8_lossy(name), value.unwrap_or_default());
        writeln!(page, "header       {}: {}", printable(&name), printable(&value))?;
    }
    let payload = record.payload.as_deref().unwrap_or_default();
    write!(page, "body         {} bytes", payload.len())?;
    for row in payload[..payload.len().min(SHOWN_BYTES)].chunks(32) {
        write!(page, "\n            ")?;
        for byte in row {
            write!(page, " {byte:02x}")?;
        }
    }
    if payload.len() > SHOWN_BYTES {
        write!(page, "\n             …")?;
    }
    Ok(page)
}

/// What somebody else wrote, without what a terminal would take for a command.
fn printable(text: &str) -> String {
    text.chars()
        .map(|found| if found.is_control() { ' ' } else { found })
        .collect()
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}
