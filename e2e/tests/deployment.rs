//! What deploys the system, as far as it can be checked without a container engine and a cluster.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
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
    let compose = std::fs::read_to_string(workspace::root().join("docker-compose.yml")).expect("readable");
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
