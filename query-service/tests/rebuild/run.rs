//! The program, over what a world has.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use query_service::application::ports::Generation;
use serde_json::json;

use super::world::World;

const LIMIT: Duration = Duration::from_secs(120);

pub struct Rebuild {
    pub code: Option<i32>,
    /// All that it said.
    pub text: String,
}

/// Goes with the test that started it.
pub struct Program(Option<Child>);

impl Program {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(piped.spawn().expect("the program starts")))
    }

    /// As a crash does.
    pub fn kill(&mut self) {
        self.0.as_mut().expect("it runs").kill().expect("it runs");
    }

    async fn ended(mut self) -> Rebuild {
        let child = self.0.take().expect("it runs");
        let waiting = tokio::task::spawn_blocking(|| child.wait_with_output());
        let ended = tokio::time::timeout(LIMIT, waiting).await.expect("it ends");
        let ended = ended.expect("no panic").expect("it ran");
        Rebuild {
            code: ended.status.code(),
            text: String::from_utf8([ended.stdout, ended.stderr].concat()).expect("text"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

/// Runs it to its end.
pub async fn rebuild(world: &World, arguments: &[&str]) -> Rebuild {
    spawn(world, arguments).ended().await
}

pub fn spawn(world: &World, arguments: &[&str]) -> Program {
    Program::start(program(world).arg("rebuild").args(arguments))
}

fn program(world: &World) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_query-service"));
    let elasticsearch = &world.elasticsearch;
    program
        .env_clear()
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", &elasticsearch.url)
        .env(
            "QUERY_SERVICE__ELASTICSEARCH__INDEX_PREFIX",
            &elasticsearch.index_prefix,
        )
        .env(
            "QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS",
            &world.kafka.bootstrap_servers,
        )
        .env("QUERY_SERVICE__KAFKA__TOPIC_PREFIX", &world.kafka.topic_prefix)
        .env("QUERY_SERVICE__KAFKA__GROUP_ID", &world.kafka.group_id)
        .env("QUERY_SERVICE__SCHEMA_REGISTRY__URL", &world.registry.url);
    program
}

/// What the api says of why it is not ready.
pub async fn refusal_of_the_api(world: &World) -> String {
    let port = stack::free_port().expect("a port is free");
    let mut program = program(world);
    let mut api = Program::start(
        program
            .arg("api")
            .env("QUERY_SERVICE__HTTP__PORT", port.to_string()),
    );
    let url = format!("http://127.0.0.1:{port}/health/ready");
    world
        .until("it is not ready", async || {
            let answer = reqwest::get(&url).await;
            answer.is_ok_and(|answer| answer.status().as_u16() == 503)
        })
        .await;
    api.kill();
    api.ended().await.text
}

/// An index as an earlier build made it.
pub async fn make_earlier(world: &World, generation: Generation) {
    let naming = world.generations.naming();
    let url = format!("{}/{}", world.elasticsearch.url, naming.index(generation));
    let made = reqwest::Client::new()
        .put(url)
        .header("content-type", "application/json")
        .body(json!({"aliases": { naming.projected(generation): {} }}).to_string())
        .send()
        .await
        .expect("Elasticsearch answers");
    assert!(made.status().is_success(), "{:?}", made.text().await);
}
