//! What deploys the system, as far as it can be checked without a container engine and a cluster.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use stack::workspace;

/// Dockerfiles, Compose file, Kubernetes manifests and scripts, by the real tools: see `deploy/check.sh`.
#[test]
fn what_deploys_the_system_passes_its_linters_and_schemas() {
    let check = Command::new("bash")
        .arg(workspace::root().join("deploy/check.sh"))
        .output()
        .expect("bash runs");
    assert!(
        check.status.success(),
        "deploy/check.sh failed:\n{}{}",
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&check.stderr)
    );
    // Says also what it had to leave out.
    println!("{}", String::from_utf8_lossy(&check.stdout));
}

/// The health check of the images, which have no curl.
#[test]
fn http_ok_tells_success_from_failure_and_from_nobody() {
    assert!(http_ok_against(Some("HTTP/1.1 200 OK")));
    assert!(!http_ok_against(Some("HTTP/1.1 503 Service Unavailable")));
    assert!(!http_ok_against(None));
}

/// The launcher starts the servers of the Compose file under these names, and moves their ports by these variables.
#[test]
fn compose_has_the_servers_and_variables_that_the_launcher_names() {
    let compose = fs::read_to_string(workspace::root().join("docker-compose.yml")).expect("readable");
    for (service, variable) in [
        ("postgres", "POSTGRES_PORT"),
        ("kafka", "KAFKA_PORT"),
        ("schema-registry", "SCHEMA_REGISTRY_PORT"),
        ("elasticsearch", "ELASTICSEARCH_PORT"),
        ("command-service-api", "COMMAND_API_PORT"),
        ("query-service-api", "QUERY_API_PORT"),
    ] {
        assert!(compose.contains(&format!("\n  {service}:\n")), "no {service}");
        assert!(
            compose.contains(&format!("127.0.0.1:${{{variable}:-")),
            "no {variable}"
        );
    }
}

/// A role that is not deployed is work that is not done.
#[test]
fn every_role_is_deployed() {
    let compose = fs::read_to_string(workspace::root().join("docker-compose.yml")).expect("readable");
    let listed = fs::read_to_string(workspace::root().join("k8s/base/kustomization.yaml")).expect("readable");
    for (service, roles) in [
        ("command-service", &["setup", "api", "relay", "worker"][..]),
        ("query-service", &["setup", "api", "projector"]),
    ] {
        for role in roles {
            let name = format!("{service}-{role}");
            assert!(
                compose.contains(&format!("\n  {name}:\n")),
                "no {name} in Compose"
            );
            assert!(compose.contains(&format!("    command: [{role}]\n")), "{name}");
            assert!(
                listed.contains(&format!("- {name}.yaml")),
                "no {name} in Kubernetes"
            );
            let manifest = workspace::root().join(format!("k8s/base/{name}.yaml"));
            let manifest = fs::read_to_string(manifest).expect("readable");
            assert!(manifest.contains(&format!("args: [{role}]")), "{name}");
        }
    }
}

/// An alert on a figure that nobody gives never fires.
#[test]
fn every_figure_of_an_alert_is_one_that_a_service_gives() {
    let alerts =
        fs::read_to_string(workspace::root().join("deploy/prometheus/alerts.yaml")).expect("readable");
    let code: String = ["command-service/src", "query-service/src"]
        .into_iter()
        .map(|folder| text_below(&workspace::root().join(folder)))
        .collect();
    let words = alerts.split(|sign: char| !sign.is_ascii_lowercase() && sign != '_');
    // Of histograms and counters, too: none has a name without an underscore.
    let figures: BTreeSet<_> = words
        .filter(|word| {
            [
                "_total",
                "_seconds",
                "_depth",
                "_limit",
                "_full",
                "_up",
                "_aggregates",
            ]
            .iter()
            .any(|end| word.ends_with(end))
        })
        .collect();
    assert!(figures.len() > 10, "{figures:?}");
    for figure in figures {
        assert!(
            code.contains(&format!("\"{figure}\"")),
            "no service gives {figure}"
        );
    }
}

fn text_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => text.push_str(&text_below(&path)),
            false => text.push_str(&fs::read_to_string(path).expect("readable")),
        }
    }
    text
}

/// Every setting that Compose and Kubernetes give is one that the service knows, with a value that it takes: a wrong port is
/// put beside them, and must be all that the service complains of.
#[test]
fn the_services_take_every_setting_that_is_deployed() {
    for service in ["command-service", "query-service"] {
        let prefix = format!(
            "{}_SERVICE__",
            service.trim_end_matches("-service").to_uppercase()
        );
        let binary = workspace::binary(service).expect("builds");
        for file in ["docker-compose.yml", "k8s/base/kustomization.yaml"] {
            let settings = settings_in(file, &prefix);
            assert!(
                settings.len() > 2,
                "{file} says little of {service}: {settings:?}"
            );
            let refused = Command::new(&binary)
                .arg("setup")
                .envs(settings)
                .env(format!("{prefix}HTTP__PORT"), "wrong")
                .output()
                .expect("the service runs");
            assert_eq!(refused.status.code(), Some(78), "{service}");
            let stderr = String::from_utf8_lossy(&refused.stderr);
            // What is missing here comes from a Secret.
            let complaints: Vec<_> = stderr
                .lines()
                .filter(|line| line.contains(&prefix) && !line.contains(" is required"))
                .collect();
            assert!(
                complaints.len() == 1 && complaints[0].contains("HTTP__PORT"),
                "{service} with {file}:\n{stderr}"
            );
        }
    }
}

/// `NAME: value` and `- NAME=value`, the names that begin with `prefix`.
fn settings_in(file: &str, prefix: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(workspace::root().join(file)).expect("readable");
    text.lines()
        .map(|line| line.trim_start().trim_start_matches("- "))
        .filter(|line| line.starts_with(prefix))
        .map(|line| {
            let (name, value) = line
                .split_once('=')
                .or_else(|| line.split_once(": "))
                .expect("a value");
            let value = match value.strip_prefix("${").and_then(|rest| rest.split_once(":-")) {
                Some((_, default)) => default.trim_end_matches('}'),
                None => value,
            };
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Where there is only curl, the script stands in for the launcher: both say the same to a registry.
#[test]
fn the_script_registers_what_the_launcher_registers() {
    let folder = own_folder();
    let curl = folder.join("curl");
    // In curl's place: keeps the last argument, which is the address, and the body.
    fs::write(
        &curl,
        "#!/bin/sh\nfor url; do :; done\necho \"$url\" >>\"$SENT\"\ncat >>\"$SENT\"\necho >>\"$SENT\"\n",
    )
    .expect("writable");
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).expect("ours");
    let sent = folder.join("sent");
    let path = std::env::var("PATH").expect("a path");
    let script = Command::new("sh")
        .arg(workspace::root().join("deploy/register-schemas.sh"))
        .args(["http://registry/api/", "schemas", "t1."])
        .current_dir(workspace::root())
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("SENT", &sent)
        .output()
        .expect("sh runs");
    assert!(
        script.status.success(),
        "{}",
        String::from_utf8_lossy(&script.stderr)
    );

    let sent = fs::read_to_string(sent).expect("written by the stand-in");
    let lines: Vec<_> = sent.lines().collect();
    let mut registered: Vec<_> = lines
        .chunks(4)
        .map(|lines| {
            let (schema, rule) = (json(lines[1]), json(lines[3]));
            let subject = lines[0]
                .strip_prefix("http://registry/api/subjects/")
                .and_then(|rest| rest.strip_suffix("/versions"))
                .expect("a subject's versions");
            assert_eq!(lines[2], format!("http://registry/api/config/{subject}"));
            assert_eq!(rule["compatibility"], "FULL_TRANSITIVE");
            (
                subject.to_owned(),
                schema["schema"].as_str().expect("a text").to_owned(),
            )
        })
        .collect();
    registered.sort();
    let launcher = stack::schemas::read(&workspace::root().join("schemas"), "t1.").expect("schemas");
    let launcher: Vec<_> = launcher
        .into_iter()
        .map(|file| (file.subject, file.text))
        .collect();
    assert_eq!(registered, launcher);
    fs::remove_dir_all(folder).expect("ours");
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A folder of this test run's own.
fn own_folder() -> PathBuf {
    let folder = workspace::target().join(format!("deployment-test-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("writable");
    folder
}

/// Asks a server that answers `status`, or a port where nobody listens.
fn http_ok_against(status: Option<&'static str>) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port().to_string();
    let server = match status {
        Some(status) => Some(thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            // To its end: a connection that is closed with something unread is reset, and the answer lost.
            let request: Vec<_> = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            assert_eq!(request[0], "GET /health/ready HTTP/1.1");
            write!(stream, "{status}\r\ncontent-length: 0\r\n\r\n").expect("sent");
        })),
        None => {
            drop(listener);
            None
        }
    };
    let asked = Command::new("bash")
        .arg(workspace::root().join("deploy/docker/http-ok"))
        .args([port.as_str(), "/health/ready"])
        .output()
        .expect("bash runs");
    if let Some(server) = server {
        server.join().expect("the server was asked");
    }
    asked.status.success()
}
