//! What the owner of the schema does before the service runs: migrations, the service's role and what it may do.

use std::time::Duration;

use anyhow::{Context, bail};
use diesel::sql_types::{Bool, Text};
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use secrecy::ExposeSecret;
use tokio_postgres::Config;

use super::PostgresSettings;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Any number that no other program takes for an advisory lock on this database.
const SETUP_LOCK: i64 = 0x636f_6d6d_616e_6473;

const ROLE_ATTEMPTS: u32 = 5;

/// Brings the database to this build's schema. Repeatable; several at once wait for each other.
pub async fn setup(settings: &PostgresSettings) -> anyhow::Result<()> {
    let owner_url = settings
        .owner_url
        .as_ref()
        .context("the owner's URL of the database is not set")?;
    let app_url = settings.url.as_ref().context("the database's URL is not set")?;
    let app: Config = app_url.expose_secret().parse().context("the database's URL")?;
    let role = app
        .get_user()
        .context("the database's URL names no user")?
        .to_owned();
    let password = match app.get_password() {
        Some(password) => {
            Some(String::from_utf8(password.to_vec()).context("the database's password is not UTF-8")?)
        }
        None => None,
    };

    let mut owner = AsyncPgConnection::establish(owner_url.expose_secret())
        .await
        .context("no connection as the owner")?;
    owner
        .batch_execute(&format!("SELECT pg_advisory_lock({SETUP_LOCK})"))
        .await?;
    let mut owner = tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(owner);
        match harness.run_pending_migrations(MIGRATIONS) {
            Ok(_) => Ok(harness.into_inner()),
            Err(error) => Err(anyhow::anyhow!("{error}")),
        }
    })
    .await?
    .context("the migrations")?;

    let owner_name: String = text(&mut owner, "SELECT current_user::text AS answer", &[]).await?;
    if owner_name == role {
        bail!(
            "{role} owns the schema: the service must run as another role, or nothing keeps it from changing events"
        );
    }
    ensure_role(&mut owner, &role, password.as_deref(), app_url.expose_secret()).await?;
    grant(&mut owner, &role).await?;
    owner
        .batch_execute(&format!("SELECT pg_advisory_unlock({SETUP_LOCK})"))
        .await?;
    Ok(())
}

/// Roles belong to the whole server, so a set-up of another database may do the same at once: what it did is accepted,
/// what it interrupted is tried again.
async fn ensure_role(
    owner: &mut AsyncPgConnection,
    role: &str,
    password: Option<&str>,
    app_url: &str,
) -> anyhow::Result<()> {
    for attempt in 1.. {
        let verb = match role_exists(owner, role).await? {
            false => "CREATE",
            true if AsyncPgConnection::establish(app_url).await.is_ok() => return Ok(()),
            true => "ALTER",
        };
        let statement = match password {
            Some(password) => {
                text(
                    owner,
                    "SELECT format('%s ROLE %I LOGIN PASSWORD %L', $1, $2, $3) AS answer",
                    &[verb, role, password],
                )
                .await?
            }
            None => {
                text(
                    owner,
                    "SELECT format('%s ROLE %I LOGIN', $1, $2) AS answer",
                    &[verb, role],
                )
                .await?
            }
        };
        match owner.batch_execute(&statement).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt == ROLE_ATTEMPTS => return Err(error).context(format!("the role {role}")),
            // Roles belong to the whole server: the setup of another database may be at the same one, which no lock of this
            // database keeps out and nothing tells the end of. The last attempt says what else it was.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    Ok(())
}

async fn grant(owner: &mut AsyncPgConnection, role: &str) -> anyhow::Result<()> {
    let statements = text(
        owner,
        "SELECT format('GRANT CONNECT ON DATABASE %1$I TO %2$I; GRANT USAGE ON SCHEMA public TO %2$I; \
         GRANT SELECT, INSERT ON events, commands TO %2$I; GRANT SELECT, INSERT, DELETE ON outbox TO %2$I; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON relays, relay_leases, workers, worker_leases, command_queue, snapshots TO %2$I; \
         GRANT SELECT, UPDATE ON number_series TO %2$I; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys, republish_progress TO %2$I', current_database(), $1) AS answer",
        &[role],
    )
    .await?;
    owner.batch_execute(&statements).await.context("the grants")
}

#[derive(diesel::QueryableByName)]
struct TextAnswer {
    #[diesel(sql_type = Text)]
    answer: String,
}

#[derive(diesel::QueryableByName)]
struct BoolAnswer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

async fn role_exists(owner: &mut AsyncPgConnection, role: &str) -> anyhow::Result<bool> {
    let found: BoolAnswer =
        diesel::sql_query("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS answer")
            .bind::<Text, _>(role)
            .get_result(owner)
            .await?;
    Ok(found.answer)
}

async fn text(owner: &mut AsyncPgConnection, query: &str, binds: &[&str]) -> anyhow::Result<String> {
    let query = binds.iter().fold(
        diesel::sql_query(query).into_boxed::<diesel::pg::Pg>(),
        |query, bind| query.bind::<Text, _>(*bind),
    );
    let found: TextAnswer = query.get_result(owner).await?;
    Ok(found.answer)
}
