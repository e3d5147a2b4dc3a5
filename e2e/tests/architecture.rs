//! The rules of `ARCHITECTURE.md` that a small program can check: which crate may know which, which layer may name which,
//! and how the parts are called.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stack::workspace;

const FRAMEWORKS: [&str; 5] = [
    "actix_web",
    "diesel",
    "rdkafka",
    "elasticsearch",
    "tokio_postgres",
];
const SERVICES: [&str; 2] = ["command-service", "query-service"];
const LONGEST_FILE: usize = 450;
/// Words that say nothing of what a part is for.
const EMPTY_WORDS: [&str; 8] = [
    "manager", "helper", "helpers", "util", "utils", "data", "info", "common",
];

#[test]
fn the_domain_knows_no_framework() {
    assert_eq!(dependencies_of("domain"), ["thiserror", "uuid"]);
}

#[test]
fn the_read_model_knows_only_the_published_language() {
    let allowed = [
        "base64",
        "chrono",
        "serde",
        "serde_json",
        "shared-events",
        "thiserror",
        "uuid",
    ];
    let unexpected: Vec<_> = dependencies_of("read-model")
        .into_iter()
        .filter(|name| !allowed.contains(&name.as_str()))
        .collect();
    assert!(unexpected.is_empty(), "read-model depends on {unexpected:?}");
}

#[test]
fn the_services_share_no_code_but_the_published_language() {
    let both: Vec<_> = crates_of("command-service")
        .intersection(&crates_of("query-service"))
        .cloned()
        .collect();
    assert_eq!(both, ["shared-events"]);
}

#[test]
fn only_the_command_service_knows_postgres_and_only_the_query_service_elasticsearch() {
    let owners = |store: &str| -> Vec<String> {
        SERVICES
            .iter()
            .filter(|service| dependencies_of(service).iter().any(|name| name == store))
            .map(|service| (*service).to_owned())
            .collect()
    };
    assert_eq!(owners("diesel"), ["command-service"]);
    assert_eq!(owners("elasticsearch"), ["query-service"]);
}

/// They come with a feature that nothing but the services' own tests asks for.
#[test]
fn what_is_shipped_has_no_fail_points() {
    for package in packages() {
        let name = text(&package["name"]);
        let is_service = SERVICES.contains(&name.as_str());
        let features = package["features"].as_object().expect("features");
        assert!(!features.contains_key("default"), "{name} has default features");
        assert_eq!(features.contains_key("failpoints"), is_service, "{name}");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let wanted = dependency["features"].as_array().expect("features");
            let only_if_asked = dependency["optional"] == true;
            assert!(
                dependency["name"] != "fail" || is_service && only_if_asked,
                "{name}"
            );
            let for_its_tests = dependency["kind"] == "dev" && dependency["name"] == package["name"];
            assert!(
                for_its_tests || !wanted.iter().any(|feature| feature == "failpoints"),
                "{name} asks for fail points"
            );
        }
    }
}

#[test]
fn the_application_names_no_adapter_and_no_framework() {
    let mut broken = Vec::new();
    for layer in [
        "command-service/src/application",
        "command-service/src/relay",
        "command-service/src/sharing",
        "command-service/src/worker",
        "command-service/src/republishing",
        "command-service/src/verification",
        "query-service/src/application",
    ] {
        for (path, line) in code_lines(&workspace::root().join(layer)) {
            let names_adapter = ["inbound", "outbound"]
                .iter()
                .any(|adapter| line.contains(&format!("crate::{adapter}")));
            let names_framework = FRAMEWORKS.iter().any(|name| line.contains(&format!("{name}::")));
            if names_adapter || names_framework {
                broken.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// They know of each other what is published, and no more.
#[test]
fn ordering_and_invoicing_name_nothing_of_each_other() {
    let mut broken = Vec::new();
    for layer in ["command-service/src/application", "command-service/domain/src"] {
        for (context, others) in [
            ("ordering", &["invoicing::"][..]),
            ("invoicing", &["ordering::", "order::", "customer::", "product::"]),
        ] {
            for (path, line) in code_lines(&workspace::root().join(layer).join(context)) {
                if others.iter().any(|other| line.contains(other)) {
                    broken.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn outbound_adapters_do_not_know_what_drives_the_service() {
    let mut broken = Vec::new();
    for service in SERVICES {
        for (path, line) in code_lines(&workspace::root().join(service).join("src/outbound")) {
            if line.contains("crate::inbound") {
                broken.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let long: Vec<_> = sources(&workspace::root())
        .into_iter()
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .collect();
    assert!(long.is_empty(), "over {LONGEST_FILE} lines: {long:?}");
}

#[test]
fn modules_and_types_are_named_after_what_they_are_for() {
    let mut empty = Vec::new();
    for path in sources(&workspace::root()) {
        let module = path.with_extension("");
        let module = module.file_name().unwrap_or_default().to_string_lossy();
        if module.split(['_', '-']).any(|word| EMPTY_WORDS.contains(&word)) {
            empty.push(path.display().to_string());
        }
        for line in read(&path).lines() {
            if let Some(name) = declared_type(line)
                && let Some(word) = last_word(name)
                && EMPTY_WORDS.contains(&word.as_str())
            {
                empty.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(empty.is_empty(), "{}", empty.join("\n"));
}

/// A document that names what is gone is worse than none.
#[test]
fn every_path_that_a_document_names_is_there() {
    let root = workspace::root();
    let mut gone = Vec::new();
    for document in documents(&root) {
        let folder = document.parent().unwrap_or(&root);
        let text = read(&document);
        let quoted = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quote| is_path_in(&root, quote));
        let linked = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
            .filter(|link| !link.is_empty() && !link.contains("://"));
        gone.extend(
            quoted
                .map(|path| root.join(path))
                .chain(linked.map(|path| folder.join(path)))
                .filter(|path| !path.exists())
                .map(|path| format!("{} names {}", document.display(), path.display())),
        );
    }
    assert!(gone.is_empty(), "{}", gone.join("\n"));
}

#[test]
fn the_rules_on_names_see_a_bad_one() {
    assert_eq!(
        declared_type("pub(crate) struct OrderData<T> {"),
        Some("OrderData")
    );
    assert_eq!(declared_type("    enum Refusal {"), Some("Refusal"));
    assert_eq!(declared_type("// struct OrderData"), None);
    assert_eq!(last_word("OrderData").as_deref(), Some("data"));
    assert_eq!(last_word("EventMetadata").as_deref(), Some("metadata"));
    assert_eq!(last_word("Data"), None);
}

/// The names of a workspace crate's dependencies, without those of its tests and build script.
fn dependencies_of(package: &str) -> Vec<String> {
    workspace_dependencies()
        .remove(package)
        .expect("a crate of the workspace")
}

/// Every crate of the workspace that is built into a service.
fn crates_of(service: &str) -> BTreeSet<String> {
    let workspace = workspace_dependencies();
    let mut found = BTreeSet::new();
    let mut open = vec![service];
    while let Some(next) = open.pop() {
        for name in workspace[next]
            .iter()
            .filter(|name| workspace.contains_key(*name))
        {
            if found.insert(name.clone()) {
                open.push(name);
            }
        }
    }
    found
}

/// The workspace's crates as cargo tells of them.
fn packages() -> Vec<Value> {
    let output = workspace::cargo()
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn workspace_dependencies() -> BTreeMap<String, Vec<String>> {
    packages()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let mut names: Vec<_> = dependencies
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect();
            names.sort();
            names.dedup();
            (text(&package["name"]), names)
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The documents of the repository as a whole.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = ["", "docs", "docs/adr", "k8s"]
        .into_iter()
        .flat_map(|folder| root.join(folder).read_dir().expect("a folder"))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

/// `command-service/src/main.rs` is a path from the root, `command-service api` and `application/ports.rs` are none.
fn is_path_in(root: &Path, quote: &str) -> bool {
    let top = quote.split('/').next().unwrap_or_default();
    quote.contains('/')
        && !quote.contains([' ', '{', '<', '*', '\n'])
        && !top.is_empty()
        && root.join(top).is_dir()
}

/// Every line below `folder` that is not a comment, with the file it is in.
fn code_lines(folder: &Path) -> impl Iterator<Item = (PathBuf, String)> {
    sources(folder).into_iter().flat_map(|path| {
        let lines: Vec<_> = read(&path)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| (path.clone(), line.to_owned()))
            .collect();
        lines
    })
}

/// Rust files below `folder`, without what cargo built.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("readable").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The name that a line declares as a type or trait.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    match words.next()? {
        "struct" | "enum" | "trait" | "type" | "union" => {
            words.next()?.split(|c: char| !c.is_alphanumeric()).next()
        }
        _ => None,
    }
}

/// `OrderData` ends in `data`; a name of one word has no ending.
fn last_word(name: &str) -> Option<String> {
    let start = name.rfind(char::is_uppercase).filter(|start| *start > 0)?;
    Some(name[start..].to_lowercase())
}
