use std::ffi::OsString;
use std::time::Duration;

use crate::settings::{LogFormat, Settings};

use super::*;

fn load_from(file: Option<&Path>, environment: &[(&str, &str)]) -> Result<Settings, ConfigurationErrors> {
    Settings::load(
        file,
        environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )
}

fn file_with(text: &str) -> tempfile::Written {
    tempfile::write(text)
}

/// A file of its own for each test, gone with it.
mod tempfile {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    pub struct Written(pub PathBuf);

    pub fn write(text: &str) -> Written {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "query-service-{}-{}.toml",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("the folder for temporary files is writable");
        Written(path)
    }

    impl Drop for Written {
        fn drop(&mut self) {
            _ = std::fs::remove_file(&self.0);
        }
    }
}

#[test]
fn without_anything_the_defaults_hold() {
    let settings = load_from(
        None,
        &[("PATH", "/bin"), ("QUERY_SERVICE_PORT", "tcp://10.0.0.1:80")],
    )
    .expect("valid");
    assert_eq!(settings.http.port, 8081);
    assert!(settings.cursor.is_development());
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = file_with("[http]\nport = 9000\nrequest_deadline = '7s'\n[telemetry]\nlog_format = 'json'\n");
    let settings = load_from(Some(&file.0), &[("QUERY_SERVICE__HTTP__PORT", "9001")]).expect("valid");
    assert_eq!(settings.http.port, 9001);
    assert_eq!(settings.http.request_deadline, Duration::from_secs(7));
    assert_eq!(settings.telemetry.log_format, LogFormat::Json);
}

#[test]
fn every_error_is_named_at_once_and_secrets_are_masked() {
    let file = file_with("nonsense = 1\n[http]\nprot = 9000\n[htpp]\nport = 1\n");
    let errors = load_from(
        Some(&file.0),
        &[
            ("QUERY_SERVICE__HTTP__PORT", "70000"),
            ("QUERY_SERVICE__HTTP__KEEP_ALIVE", "5 fortnights"),
            ("QUERY_SERVICE__TELEMETRY__LOG_FORMAT", "xml"),
            ("QUERY_SERVICE__CURSOR__SECRET", "hunter2"),
            ("QUERY_SERVICE__HTTP__DEPTH__PORT", "1"),
        ],
    )
    .expect_err("nothing of this is valid")
    .0;
    let all = errors.join("\n");
    for named in [
        "nonsense (",
        "http.prot (",
        "htpp (",
        "QUERY_SERVICE__HTTP__PORT",
        "QUERY_SERVICE__HTTP__KEEP_ALIVE): \"5 fortnights\"",
        "QUERY_SERVICE__TELEMETRY__LOG_FORMAT",
        "QUERY_SERVICE__CURSOR__SECRET",
        "http.depth (",
    ] {
        assert!(all.contains(named), "{named} is missing in\n{all}");
    }
    assert_eq!(errors.len(), 8, "{all}");
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_beside_the_other_errors() {
    let errors = load_from(
        Some(Path::new("/does/not/exist.toml")),
        &[("QUERY_SERVICE__HTTP__PORT", "http")],
    )
    .expect_err("neither is valid")
    .0;
    assert!(errors[0].contains("/does/not/exist.toml"), "{errors:?}");
    assert!(errors[1].contains("http.port"), "{errors:?}");

    let broken = file_with("[http\nport = 1");
    let errors = load_from(Some(&broken.0), &[]).expect_err("it is not TOML").0;
    assert!(errors[0].contains("query-service-"), "{errors:?}");
}

#[test]
fn settings_do_not_show_secrets() {
    let settings = load_from(
        None,
        &[("QUERY_SERVICE__CURSOR__SECRET", "a secret of sixteen bytes")],
    )
    .expect("valid");
    assert!(!format!("{settings:?}").contains("sixteen"));
}

#[test]
fn values_that_no_type_refuses_are_named_with_the_others_and_addresses_are_masked() {
    let errors = load_from(
        None,
        &[
            ("QUERY_SERVICE__ELASTICSEARCH__URL", "ftp://user:hunter2@search"),
            ("QUERY_SERVICE__SCHEMA_REGISTRY__URL", "user:hunter2"),
            ("QUERY_SERVICE__KAFKA__SECURITY_PROTOCOL", "carrier-pigeon"),
            ("QUERY_SERVICE__KAFKA__PARTITIONS", "0"),
            ("QUERY_SERVICE__PROJECTOR__RETRY_MIN", "10s"),
            ("QUERY_SERVICE__PROJECTOR__PAUSE_AFTER", "0s"),
            ("QUERY_SERVICE__PROJECTOR__LANES", "0"),
            ("QUERY_SERVICE__CONSISTENCY__SEARCH_CHECK", "-1s"),
        ],
    )
    .expect_err("nothing of this is valid")
    .0;
    let all = errors.join("\n");
    for named in [
        "elasticsearch.url (",
        "schema_registry.url (",
        "carrier-pigeon",
        "kafka.partitions (",
        "projector.retry_min (",
        "projector.pause_after (",
        "projector.lanes (",
        "consistency.search_check (",
    ] {
        assert!(all.contains(named), "{named} is missing in\n{all}");
    }
    assert_eq!(errors.len(), 8, "{all}");
    assert!(!all.contains("hunter2"), "{all}");
}
