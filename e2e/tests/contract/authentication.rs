use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use e2e::api::Commands;
use e2e::system::System;
use jsonwebtoken::{EncodingKey, Header};
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::{LIMIT, eur};

#[tokio::test(flavor = "multi_thread")]
async fn with_authentication_a_token_must_grant_what_is_asked() -> Result<()> {
    let system = System::prepare().await?;
    #[expect(clippy::disallowed_methods, reason = "a key for this test alone")]
    let secret = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()]
        .map(Uuid::into_bytes)
        .concat();
    let folder = stack::workspace::target().join("tmp");
    std::fs::create_dir_all(&folder)?;
    let keys_file = folder.join(format!("{}jwks.json", system.topic_prefix()));
    let key = json!({"kty": "oct", "kid": "this-test", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(&secret)});
    std::fs::write(&keys_file, json!({"keys": [key]}).to_string())?;
    let mut process = system
        .service("command-service", "api")
        .env("COMMAND_SERVICE__AUTH__KEYS_FILE", keys_file.to_string_lossy())
        .env("COMMAND_SERVICE__AUTH__ISSUER", "https://issuer.example")
        .env("COMMAND_SERVICE__AUTH__AUDIENCE", "orders")
        .spawn()?;
    process.wait_ready(LIMIT)?;
    let commands = Commands::new(&process.base_url());
    let token = |scope: &str| -> Result<String> {
        let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some("this-test".to_owned());
        // In the year 2100.
        let claims = json!({
            "iss": "https://issuer.example", "aud": "orders", "sub": "ada", "exp": 4_102_444_800_u64, "scope": scope,
        });
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret))?;
        Ok(format!("Bearer {token}"))
    };
    let body = json!({"name": "Cards", "unit_price": eur(5)});
    let send = async |authorization: &str| {
        let headers = [("Authorization", authorization)];
        commands
            .ask(Method::POST, "/v1/products", &headers, Some(&body))
            .await
    };
    let none = commands
        .ask(Method::POST, "/v1/products", &[], Some(&body))
        .await?;
    ensure!(none.status == StatusCode::UNAUTHORIZED, "{none:?}");
    let forged = send(&format!("{}x", token("products:write")?)).await?;
    ensure!(forged.status == StatusCode::UNAUTHORIZED, "{forged:?}");
    let other = send(&token("orders:write")?).await?;
    ensure!(other.status == StatusCode::FORBIDDEN, "{other:?}");
    let granted = send(&token("products:write")?).await?;
    ensure!(granted.status == StatusCode::CREATED, "{granted:?}");
    let actors = system
        .database
        .query("SELECT DISTINCT actor FROM events", &[])
        .await?;
    let actors: Vec<String> = actors.iter().map(|row| row.get(0)).collect();
    ensure!(actors == ["ada"], "{actors:?}");
    std::fs::remove_file(&keys_file)?;
    Ok(())
}
