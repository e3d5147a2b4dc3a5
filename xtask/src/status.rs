//! What runs, and where.

use std::process::ExitCode;

use serde_json::{Map, Value};
use stack::{RunFiles, SYSTEM_RUN, Servers, State};

/// The servers of the system, while all of it runs.
pub fn running_servers() -> Option<Servers> {
    running()?.servers
}

/// The state of the system, while all of it runs.
pub fn running() -> Option<State> {
    State::load(&RunFiles::new(SYSTEM_RUN).state()).filter(State::is_usable)
}

pub fn print(json: bool) -> ExitCode {
    let Some(state) = running() else {
        eprintln!("nothing runs; `cargo xtask up` starts it");
        return ExitCode::FAILURE;
    };
    let addresses = addresses(&state);
    if json {
        println!("{}", Value::Object(addresses));
    } else {
        for (name, address) in addresses {
            println!("{name:16} {}", address.as_str().unwrap_or_default());
        }
    }
    ExitCode::SUCCESS
}

fn addresses(state: &State) -> Map<String, Value> {
    let mut addresses: Map<String, Value> = state
        .apis
        .iter()
        .map(|(name, url)| (name.clone(), Value::from(url.as_str())))
        .collect();
    if let Some(servers) = &state.servers {
        for (name, address) in [
            ("postgres", &servers.postgres),
            ("postgres_owner", &servers.postgres_owner),
            ("kafka", &servers.kafka),
            ("schema_registry", &servers.schema_registry),
            ("elasticsearch", &servers.elasticsearch),
        ] {
            addresses.insert(name.to_owned(), Value::from(address.as_str()));
        }
    }
    let logs = RunFiles::new(SYSTEM_RUN).logs().display().to_string();
    addresses.insert("logs".to_owned(), Value::from(logs));
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_named() {
        let mut state = State::new(None);
        let name = |name: &str| name.to_owned();
        state
            .apis
            .extend([(name("command_api"), name("c")), (name("query_api"), name("q"))]);
        state.servers = Some(Servers {
            postgres: name("p"),
            postgres_owner: name("o"),
            kafka: name("k"),
            schema_registry: name("s"),
            elasticsearch: name("e"),
        });
        let addresses = addresses(&state);
        for (key, value) in [
            ("command_api", "c"),
            ("query_api", "q"),
            ("postgres", "p"),
            ("kafka", "k"),
            ("schema_registry", "s"),
            ("elasticsearch", "e"),
        ] {
            assert_eq!(addresses[key], value);
        }
    }
}
