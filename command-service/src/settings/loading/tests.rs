use std::time::Duration;

use super::*;

fn load_from(file: Option<&Path>, environment: &[(&str, &str)]) -> Result<Settings, ConfigurationErrors> {
    load(
        Role::Setup,
        file,
        environment
            .iter()
            .chain(&[
                (
                    "COMMAND_SERVICE__DATABASE__OWNER_URL",
                    "postgres://owner:hunter2@localhost/orders",
                ),
                (
                    "COMMAND_SERVICE__DATABASE__URL",
                    "postgres://app:hunter2@localhost/orders",
                ),
                ("COMMAND_SERVICE__KAFKA__BOOTSTRAP_SERVERS", "localhost:9092"),
            ])
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )
}

/// A file of its own for each test, gone with it.
struct SettingsFile(std::path::PathBuf);

impl SettingsFile {
    fn containing(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("command-service-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).expect("a writable temporary folder");
        Self(path)
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = SettingsFile::containing(
        "order",
        "[http]\nport = 9000\nmax_in_flight = 7\nslow_client_timeout = \"2s\"\n",
    );
    let settings = load_from(Some(&file.0), &[("COMMAND_SERVICE__HTTP__PORT", "9001")]).expect("valid");
    assert_eq!(settings.http.port, 9001);
    assert_eq!(settings.http.max_in_flight.get(), 7);
    assert_eq!(settings.http.slow_client_timeout, Duration::from_secs(2));
    assert_eq!(settings.http.request_deadline, Duration::from_secs(10));
}

#[test]
fn every_mistake_is_named_at_once_with_its_place() {
    let file = SettingsFile::containing(
        "mistakes",
        "colour = 1\n[http]\nkeep_alive = \"soon\"\n[relays]\na = 1\n",
    );
    let ConfigurationErrors(errors) = load_from(
        Some(&file.0),
        &[
            ("COMMAND_SERVICE__HTTP__PORT", "many"),
            ("COMMAND_SERVICE__HTPP__PORT", "1"),
            ("COMMAND_SERVICE__HTTP__REQUEST_DEADLINE", "5"),
            ("COMMAND_SERVICE__HTTP__MAX_IN_FLIGHT", "0"),
            ("COMMAND_SERVICE__TELEMETRY__LOG_FORMAT", "xml"),
            ("COMMAND_SERVICE__TELEMETRY__SAMPLE_RATIO", "2"),
        ],
    )
    .expect_err("invalid");
    let text = errors.join("\n");
    for named in [
        "colour",
        "http.keep_alive: \"soon\" is not a duration",
        "relays",
        "COMMAND_SERVICE__HTTP__PORT: invalid type",
        "COMMAND_SERVICE__HTPP__PORT: unknown field `htpp`",
        "COMMAND_SERVICE__HTTP__REQUEST_DEADLINE: \"5\" is not a duration",
        "COMMAND_SERVICE__HTTP__MAX_IN_FLIGHT",
        "COMMAND_SERVICE__TELEMETRY__LOG_FORMAT",
        "COMMAND_SERVICE__TELEMETRY__SAMPLE_RATIO",
    ] {
        assert!(text.contains(named), "{named} is not in:\n{text}");
    }
    assert_eq!(errors.len(), 9, "{text}");
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_named() {
    let missing = Path::new("/nonexistent/command-service.toml");
    let ConfigurationErrors(errors) = load_from(Some(missing), &[]).expect_err("unreadable");
    assert!(
        errors[0].starts_with("/nonexistent/command-service.toml: "),
        "{errors:?}"
    );

    let broken = SettingsFile::containing("broken", "[http\n");
    let ConfigurationErrors(errors) = load_from(Some(&broken.0), &[]).expect_err("broken");
    assert!(errors[0].contains("broken.toml: "), "{errors:?}");
}

#[test]
fn other_names_are_not_read() {
    let settings = load_from(
        None,
        &[
            ("COMMAND_SERVICE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("command_service__http__port", "1"),
            ("QUERY_SERVICE__HTTP__PORT", "2"),
        ],
    )
    .expect("valid");
    assert_eq!(settings.http.port, 8080);
}

#[test]
fn what_a_role_needs_is_named_and_secrets_are_masked() {
    let environment = [
        ("COMMAND_SERVICE__DATABASE__URL", "postgres//hunter2"),
        ("COMMAND_SERVICE__DATABASE__POOL_SIZE", "0"),
    ]
    .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let errors = load(Role::All, None, environment.into_iter()).expect_err("incomplete");
    let text = errors.to_string();
    for named in [
        "COMMAND_SERVICE__DATABASE__URL",
        "COMMAND_SERVICE__DATABASE__POOL_SIZE",
        "COMMAND_SERVICE__KAFKA__BOOTSTRAP_SERVERS",
        "COMMAND_SERVICE__SCHEMA_REGISTRY__URL",
    ] {
        assert!(text.contains(named), "{named} is not in:\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    let settings = load_from(None, &[]).expect("valid");
    assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
}

#[test]
fn a_lease_that_runs_out_between_two_heartbeats_is_refused() {
    let environment = [
        ("COMMAND_SERVICE__WORKER__LEASE_TTL", "1s"),
        ("COMMAND_SERVICE__WORKER__HEARTBEAT", "600ms"),
        ("COMMAND_SERVICE__WORKER__COMMAND_DEADLINE", "0s"),
    ];
    let errors = load_from(None, &environment).expect_err("wrong").0;
    assert_eq!(
        errors,
        [
            "COMMAND_SERVICE__WORKER__LEASE_TTL: must be twice the heartbeat at least",
            "COMMAND_SERVICE__WORKER__COMMAND_DEADLINE: must be more than nothing",
        ]
    );
}

fn load_api(environment: &[(&str, &str)]) -> Result<Settings, ConfigurationErrors> {
    let database = (
        "COMMAND_SERVICE__DATABASE__URL",
        "postgres://app:hunter2@localhost/orders",
    );
    let environment = environment.iter().chain([&database]);
    load(
        Role::Api,
        None,
        environment.map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )
}

#[test]
fn routes_that_need_a_version_are_listed_and_must_exist() {
    let known = "PUT /v1/products/{id}/price, POST /v1/orders/{id}/submit";
    let settings = load_api(&[("COMMAND_SERVICE__HTTP__REQUIRE_IF_MATCH", known)]).expect("valid");
    assert_eq!(
        settings.http.require_if_match,
        ["PUT /v1/products/{id}/price", "POST /v1/orders/{id}/submit"]
    );
    let unknown = "PUT /v1/products/{id}/prise,POST /v1/orders,GET /v1/commands/{id}";
    let ConfigurationErrors(errors) =
        load_api(&[("COMMAND_SERVICE__HTTP__REQUIRE_IF_MATCH", unknown)]).expect_err("unknown");
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(
        errors[0].starts_with("COMMAND_SERVICE__HTTP__REQUIRE_IF_MATCH: \"PUT /v1/products/{id}/prise\" is")
    );

    let file = SettingsFile::containing(
        "routes",
        "[http]\nrequire_if_match = [\"PUT /v1/products/{id}/name\"]\n",
    );
    let settings = load_from(Some(&file.0), &[]).expect("valid");
    assert_eq!(settings.http.require_if_match, ["PUT /v1/products/{id}/name"]);
}

#[test]
fn keys_need_an_issuer_and_an_audience_and_must_be_readable() {
    let ConfigurationErrors(errors) = load_api(&[
        ("COMMAND_SERVICE__AUTH__KEYS_FILE", "/nowhere/keys.json"),
        ("COMMAND_SERVICE__AUTH__LEEWAY", "1h"),
    ])
    .expect_err("invalid");
    let text = errors.join("\n");
    for named in [
        "COMMAND_SERVICE__AUTH__ISSUER: is required",
        "COMMAND_SERVICE__AUTH__AUDIENCE: is required",
        "COMMAND_SERVICE__AUTH__LEEWAY: must be",
        "COMMAND_SERVICE__AUTH__KEYS_FILE: /nowhere/keys.json: ",
    ] {
        assert!(text.contains(named), "{named} is not in {text}");
    }
    assert_eq!(errors.len(), 4, "{text}");
    let alone = load_api(&[("COMMAND_SERVICE__AUTH__ISSUER", "https://issuer.example")]);
    let ConfigurationErrors(errors) = alone.expect_err("without keys");
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn a_keys_file_must_be_a_jwks_document_and_its_secrets_are_not_told() {
    for (name, text, said) in [
        ("text", "hunter2", "is not a JWKS document"),
        ("no-keys", "{}", "is not a JWKS document"),
        ("empty", r#"{"keys": []}"#, "has no key"),
        (
            "weak",
            r#"{"keys": [{"kty": "oct", "kid": "a", "k": "aHVudGVyMg"}]}"#,
            "has no key",
        ),
        (
            "encryption",
            r#"{"keys": [{"kty": "OKP", "kid": "a", "use": "enc", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
            "has no key",
        ),
        ("others", r#"{"keys": [{"kty": "quantum"}]}"#, "has no key"),
    ] {
        let file = SettingsFile::containing(name, text);
        let path = file.0.display().to_string();
        let ConfigurationErrors(errors) = load_api(&[
            ("COMMAND_SERVICE__AUTH__KEYS_FILE", &path),
            ("COMMAND_SERVICE__AUTH__ISSUER", "https://issuer.example"),
            ("COMMAND_SERVICE__AUTH__AUDIENCE", "ordering"),
        ])
        .expect_err(name);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains(said), "{errors:?}");
        assert!(!errors[0].contains("hunter2") && !errors[0].contains("aHVudGVyMg"));
    }
}
