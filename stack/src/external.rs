//! Servers that run already and that the environment names. Each may be given alone: the others are started then.

use anyhow::{Context, Result, bail};

use crate::state::Servers;

/// Names of the variables, which are the same for the launcher and for tests.
pub const DATABASE_URL: &str = "DATABASE_URL";
pub const DATABASE_OWNER_URL: &str = "DATABASE_OWNER_URL";
pub const KAFKA: &str = "KAFKA_BOOTSTRAP_SERVERS";
pub const SCHEMA_REGISTRY: &str = "SCHEMA_REGISTRY_URL";
pub const ELASTICSEARCH: &str = "ELASTICSEARCH_URL";

/// The role that the services connect as.
pub const APP_ROLE: &str = "command_service";

/// What the environment gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct External {
    pub postgres: Option<Database>,
    pub kafka: Option<String>,
    pub schema_registry: Option<String>,
    pub elasticsearch: Option<String>,
}

/// One database, by two roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub app_url: String,
    pub owner_url: String,
}

impl Database {
    /// A database that is known by its owner's URL only: the app role gets the owner's password.
    pub fn of_owner(owner_url: &str) -> Result<Self> {
        Ok(Self {
            app_url: app_url(owner_url)?,
            owner_url: owner_url.to_owned(),
        })
    }
}

impl External {
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// An empty variable counts as none. `DATABASE_URL` is the app role's where `DATABASE_OWNER_URL` is given too, else the
    /// owner's.
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |name: &str| {
            variable(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let without_slash = |url: String| url.trim_end_matches('/').to_owned();
        let postgres = match (given(DATABASE_URL), given(DATABASE_OWNER_URL)) {
            (Some(app_url), Some(owner_url)) => Some(Database { app_url, owner_url }),
            (None, Some(owner_url)) | (Some(owner_url), None) => Some(Database::of_owner(&owner_url)?),
            (None, None) => None,
        };
        Ok(Self {
            postgres,
            kafka: given(KAFKA),
            schema_registry: given(SCHEMA_REGISTRY).map(without_slash),
            elasticsearch: given(ELASTICSEARCH).map(without_slash),
        })
    }

    /// All servers, when none is missing.
    pub fn complete(self) -> Option<Servers> {
        let database = self.postgres?;
        Some(Servers {
            postgres: database.app_url,
            postgres_owner: database.owner_url,
            kafka: self.kafka?,
            schema_registry: self.schema_registry?,
            elasticsearch: self.elasticsearch?,
        })
    }

    /// What is given in the place of what runs.
    pub fn over(self, running: Servers) -> Servers {
        let database = self.postgres;
        Servers {
            postgres: database
                .as_ref()
                .map_or(running.postgres, |given| given.app_url.clone()),
            postgres_owner: database.map_or(running.postgres_owner, |given| given.owner_url),
            kafka: self.kafka.unwrap_or(running.kafka),
            schema_registry: self.schema_registry.unwrap_or(running.schema_registry),
            elasticsearch: self.elasticsearch.unwrap_or(running.elasticsearch),
        }
    }

    /// The variables that are not set, in the words of the environment.
    pub fn missing(&self) -> Vec<&'static str> {
        [
            (self.postgres.is_none(), DATABASE_URL),
            (self.kafka.is_none(), KAFKA),
            (self.schema_registry.is_none(), SCHEMA_REGISTRY),
            (self.elasticsearch.is_none(), ELASTICSEARCH),
        ]
        .into_iter()
        .filter_map(|(missing, name)| missing.then_some(name))
        .collect()
    }
}

/// The app role's URL for an owner's URL: the role that `command-service setup` makes, with the owner's password.
pub fn app_url(owner_url: &str) -> Result<String> {
    with_role(owner_url, APP_ROLE)
}

/// The same URL for another role, with the same password.
fn with_role(url: &str, role: &str) -> Result<String> {
    let (scheme, rest) = split_scheme(url)?;
    let (credentials, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let password = credentials
        .split_once(':')
        .map(|(_, password)| format!(":{password}"))
        .unwrap_or_default();
    Ok(format!("{scheme}://{role}{password}@{place}"))
}

/// The same URL for another database of that server.
pub fn with_database(url: &str, database: &str) -> Result<String> {
    let (scheme, rest) = split_scheme(url)?;
    let (before_query, query) = match rest.split_once('?') {
        Some((before, query)) => (before, format!("?{query}")),
        None => (rest, String::new()),
    };
    let authority = match before_query.rsplit_once('@') {
        Some((credentials, place)) => format!("{credentials}@{}", place.split('/').next().unwrap_or(place)),
        None => before_query.split('/').next().unwrap_or(before_query).to_owned(),
    };
    Ok(format!("{scheme}://{authority}/{database}{query}"))
}

/// `host:port` of a database URL.
pub fn address(url: &str) -> Result<String> {
    let (_, rest) = split_scheme(url)?;
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let host = place
        .split(['/', '?'])
        .next()
        .filter(|host| !host.is_empty())
        .context("no host in a database URL")?;
    Ok(if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:5432")
    })
}

fn split_scheme(url: &str) -> Result<(&str, &str)> {
    match url.split_once("://") {
        Some((scheme @ ("postgres" | "postgresql"), rest)) => Ok((scheme, rest)),
        _ => bail!("a database URL begins with postgres://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(variables: &[(&str, &str)]) -> External {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        External::from_variables(|name| {
            variables
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.clone())
        })
        .unwrap()
    }

    #[test]
    fn nothing_given_is_all_missing() {
        let external = given(&[(KAFKA, " ")]);
        assert_eq!(external, External::default());
        assert_eq!(
            external.missing(),
            [DATABASE_URL, KAFKA, SCHEMA_REGISTRY, ELASTICSEARCH]
        );
    }

    #[test]
    fn each_server_may_be_given_alone() {
        let external = given(&[(ELASTICSEARCH, "http://host:9200/")]);
        assert_eq!(external.elasticsearch.as_deref(), Some("http://host:9200"));
        assert_eq!(external.missing(), [DATABASE_URL, KAFKA, SCHEMA_REGISTRY]);
    }

    #[test]
    fn what_is_given_goes_before_what_runs() {
        let name = |name: &str| name.to_owned();
        let running = Servers {
            postgres: name("p"),
            postgres_owner: name("o"),
            kafka: name("k"),
            schema_registry: name("s"),
            elasticsearch: name("e"),
        };
        let mixed = given(&[(KAFKA, "given:9092")]).over(running.clone());
        assert_eq!(
            mixed,
            Servers {
                kafka: name("given:9092"),
                ..running
            }
        );
    }

    #[test]
    fn a_lone_database_url_is_the_owners() {
        let database = given(&[(DATABASE_URL, "postgres://me:pw@host:5433/orders")])
            .postgres
            .unwrap();
        assert_eq!(database.owner_url, "postgres://me:pw@host:5433/orders");
        assert_eq!(database.app_url, "postgres://command_service:pw@host:5433/orders");
    }

    #[test]
    fn with_both_urls_neither_is_guessed() {
        let variables = [
            (DATABASE_URL, "postgres://app@h/o"),
            (DATABASE_OWNER_URL, "postgres://own@h/o"),
        ];
        let database = given(&variables).postgres.unwrap();
        assert_eq!(
            (database.app_url.as_str(), database.owner_url.as_str()),
            ("postgres://app@h/o", "postgres://own@h/o")
        );
    }

    #[test]
    fn urls_change_their_database_and_nothing_else() {
        let url = "postgresql://me:p@ss@host:5433/orders?sslmode=require";
        assert_eq!(
            with_database(url, "t1").unwrap(),
            "postgresql://me:p@ss@host:5433/t1?sslmode=require"
        );
        assert_eq!(
            with_database("postgres://host", "t1").unwrap(),
            "postgres://host/t1"
        );
        assert!(with_database("mysql://host/x", "t1").is_err());
    }

    #[test]
    fn the_address_has_a_port() {
        assert_eq!(address("postgres://me:pw@host/orders").unwrap(), "host:5432");
        assert_eq!(address("postgres://host:1/orders?x=y").unwrap(), "host:1");
    }
}
