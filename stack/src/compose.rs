//! Servers by Docker Compose, where a container engine runs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A server of `docker-compose.yml`: the service's name, the port inside, and the variable that says the port outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComposeServer {
    pub service: &'static str,
    pub port_variable: &'static str,
}

pub const POSTGRES: ComposeServer = ComposeServer {
    service: "postgres",
    port_variable: "POSTGRES_PORT",
};
pub const KAFKA: ComposeServer = ComposeServer {
    service: "kafka",
    port_variable: "KAFKA_PORT",
};
pub const SCHEMA_REGISTRY: ComposeServer = ComposeServer {
    service: "schema-registry",
    port_variable: "SCHEMA_REGISTRY_PORT",
};
pub const ELASTICSEARCH: ComposeServer = ComposeServer {
    service: "elasticsearch",
    port_variable: "ELASTICSEARCH_PORT",
};

/// What `docker-compose.yml` makes the database's owner.
pub const OWNER: &str = "orders_owner";
pub const OWNER_PASSWORD: &str = "orders_owner";

/// A project of this checkout and run: others on the machine have other containers.
pub fn project_name(run: &str) -> String {
    let mut hasher = DefaultHasher::new();
    workspace::root().hash(&mut hasher);
    format!("orders-{run}-{:08x}", hasher.finish() as u32)
}

/// Runs `docker` with arguments; a test puts another in its place.
pub trait Docker {
    fn run(&self, arguments: &[&str]) -> bool;
}

/// The program on the path.
pub struct InstalledDocker;

impl Docker for InstalledDocker {
    fn run(&self, arguments: &[&str]) -> bool {
        let mut docker = Command::new("docker");
        docker
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        docker.status().is_ok_and(|status| status.success())
    }
}

/// Whether an engine answers and Compose is there. The client alone is not enough.
pub fn is_available(docker: &impl Docker) -> bool {
    docker.run(&["info"]) && docker.run(&["compose", "version"])
}

/// The command that starts these servers, and no other service of the file, and waits for their health checks.
pub fn up(project: &str, servers: &[ComposeServer], environment: &[(String, String)]) -> Command {
    let mut command = compose(project);
    command.args(["up", "--detach", "--wait", "--no-deps"]);
    command.args(servers.iter().map(|server| server.service));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Stops and removes the project's containers, and its volumes when the data is wiped.
pub fn down(project: &str, wipe: bool) -> Result<()> {
    let mut command = compose(project);
    command.args(["down", "--remove-orphans"]);
    if wipe {
        command.arg("--volumes");
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("cannot run docker")?;
    if !output.status.success() {
        bail!(
            "docker compose down: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn compose(project: &str) -> Command {
    let mut command = Command::new("docker");
    command.args(["compose", "--project-name", project, "--file"]);
    command.arg(workspace::root().join("docker-compose.yml"));
    command.current_dir(workspace::root());
    command
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Succeeds for the first word of some commands.
    struct FakeDocker {
        succeeds: &'static [&'static str],
        asked: RefCell<Vec<String>>,
    }

    impl Docker for FakeDocker {
        fn run(&self, arguments: &[&str]) -> bool {
            self.asked.borrow_mut().push(arguments.join(" "));
            self.succeeds.contains(&arguments[0])
        }
    }

    fn docker(succeeds: &'static [&'static str]) -> FakeDocker {
        FakeDocker {
            succeeds,
            asked: RefCell::default(),
        }
    }

    #[test]
    fn a_client_without_an_engine_is_not_enough() {
        assert!(!is_available(&docker(&["compose"])));
        assert!(!is_available(&docker(&[])));
    }

    #[test]
    fn an_engine_without_compose_is_not_enough() {
        let docker = docker(&["info"]);
        assert!(!is_available(&docker));
        assert_eq!(docker.asked.into_inner(), ["info", "compose version"]);
    }

    #[test]
    fn an_engine_with_compose_is() {
        assert!(is_available(&docker(&["info", "compose"])));
    }

    #[test]
    fn only_the_servers_asked_for_are_started() {
        let command = up(
            "p",
            &[POSTGRES, KAFKA],
            &[("KAFKA_PORT".to_owned(), "19092".to_owned())],
        );
        let arguments: Vec<String> = command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        let line = arguments.join(" ");
        assert!(line.starts_with("compose --project-name p --file "), "{line}");
        assert!(
            line.ends_with("up --detach --wait --no-deps postgres kafka"),
            "{line}"
        );
        assert_eq!(command.get_envs().count(), 1);
    }
}
