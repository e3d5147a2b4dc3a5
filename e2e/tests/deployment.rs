//! What deploys the system, as far as it can be checked without a container engine and a cluster.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
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
            let mut request = String::new();
            BufReader::new(&stream)
                .read_line(&mut request)
                .expect("a request");
            assert_eq!(request, "GET /health/ready HTTP/1.1\r\n");
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
