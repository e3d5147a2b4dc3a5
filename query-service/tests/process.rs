//! The program from outside: its configuration, its roles, its end.

// Outside the test functions too.
#![allow(clippy::expect_used)]

use std::process::{Command, Output};
use std::time::Duration;

use stack::{ServiceBuilder, ServiceProcess, Signal};

fn query_service() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_query-service"));
    command.env_clear();
    command
}

fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program starts");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn a_wrong_configuration_ends_with_78_and_names_every_error() {
    let (status, text) = run(query_service()
        .args(["api", "--config", "/does/not/exist.toml"])
        .env("QUERY_SERVICE__HTTP__PORT", "http")
        .env("QUERY_SERVICE__HTTP__REQUEST_DEADLINE", "soon")
        .env("QUERY_SERVICE__NONSENSE", "1")
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", "elastic:hunter2@nowhere")
        .env("QUERY_SERVICE__CURSOR__SECRET", "hunter2"));
    assert_eq!(status, Some(78), "{text}");
    for named in [
        "/does/not/exist.toml",
        "QUERY_SERVICE__HTTP__PORT",
        "QUERY_SERVICE__HTTP__REQUEST_DEADLINE",
        "QUERY_SERVICE__NONSENSE",
        "QUERY_SERVICE__ELASTICSEARCH__URL",
        "QUERY_SERVICE__CURSOR__SECRET",
    ] {
        assert!(text.contains(named), "{named} is missing in\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it listens").port();
    let (status, text) = run(query_service()
        .arg("api")
        .env("QUERY_SERVICE__HTTP__PORT", port.to_string()));
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains(&format!("127.0.0.1:{port}")) && text.contains("in use"),
        "{text}"
    );
}

/// The program with everything that it needs, under a prefix of this test's own.
fn with_servers(role: &str) -> ServiceBuilder {
    let servers = stack::for_tests().expect("the servers for tests run or can be started");
    let prefix = format!("process-{}", std::process::id());
    ServiceProcess::builder("query-service")
        .arg(role)
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", servers.elasticsearch)
        .env("QUERY_SERVICE__ELASTICSEARCH__INDEX_PREFIX", format!("{prefix}-"))
        .env("QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS", servers.kafka)
        .env("QUERY_SERVICE__KAFKA__TOPIC_PREFIX", format!("{prefix}."))
        .env("QUERY_SERVICE__KAFKA__PARTITIONS", "1")
        .env("QUERY_SERVICE__SCHEMA_REGISTRY__URL", servers.schema_registry)
        .env("QUERY_SERVICE__TELEMETRY__LOG_FORMAT", "json")
}

#[test]
fn every_role_starts_is_ready_and_ends_when_it_is_told_to() {
    let limit = Duration::from_secs(60);
    // Again, by a second deployment, is no error.
    for _ in 0..2 {
        let mut setup = with_servers("setup").spawn().expect("it starts");
        let status = setup.wait_exit(limit).expect("it ends");
        assert!(status.success(), "{}", setup.log_text());
    }
    for role in ["all", "api", "projector"] {
        let mut process = with_servers(role).spawn().expect("it starts");
        process
            .wait_ready(limit)
            .unwrap_or_else(|error| panic!("{role}: {error:#}\n{}", process.log_text()));
        process.signal(Signal::SIGTERM).expect("it runs");
        let status = process.wait_exit(limit).expect("it ends");
        assert!(status.success(), "{role}: {}", process.log_text());
        assert!(
            process.log_text().contains("no longer ready"),
            "{role}: {}",
            process.log_text()
        );
    }
}
