use command_service::settings::HttpSettings;
use jsonwebtoken::Algorithm;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_support::in_memory::{Api, Fault, an_api_of};
use crate::api_support::{Answer, answer, customer, product, with};
use crate::tokens::{Issuer, KeysFile, claims, in_seconds};

async fn an_api_for(keys: &KeysFile) -> Api {
    an_api_of(HttpSettings::default(), keys.settings(), Fault::None).await
}

async fn register(api: &Api, token: &str) -> Answer {
    let request = api.request("POST", "/v1/customers").bearer_auth(token);
    answer(request.json(&customer())).await
}

#[track_caller]
fn is_unauthenticated(answer: &Answer, said: &str) {
    answer.is_problem(401, "unauthenticated");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer realm=\"commands\""), "{challenge}");
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{detail}");
}

#[rstest]
#[case(Algorithm::RS256)]
#[case(Algorithm::PS384)]
#[case(Algorithm::ES256)]
#[case(Algorithm::ES384)]
#[case(Algorithm::EdDSA)]
#[case(Algorithm::HS256)]
#[tokio::test]
async fn a_token_of_each_type_of_key_names_the_actor(#[case] algorithm: Algorithm) {
    let issuer = Issuer::of(algorithm, "one");
    let keys = KeysFile::of(&format!("type-{algorithm:?}"), &[issuer.jwk()]);
    let api = an_api_for(&keys).await;
    let created = register(&api, &issuer.token(&claims("customers:write orders:write"))).await;
    created.is_command_answer(201, 1);
    let command: Uuid = created.header("correlation-id").parse().expect("its id");
    let record = api.store.store.command(command).expect("recorded");
    assert_eq!(record.actor, "ada");
    // Without kid: the only key that there is.
    let token = issuer.token_with_kid(None, &claims("customers:write"));
    register(&api, &token).await.is_command_answer(201, 1);
    let scopes = with(claims(""), "/scp", json!(["customers:write"]));
    let mut scopes = scopes;
    scopes.as_object_mut().expect("claims").remove("scope");
    register(&api, &issuer.token(&scopes))
        .await
        .is_command_answer(201, 1);
}

#[tokio::test]
async fn without_a_valid_token_nobody_is_known() {
    let issuer = Issuer::of(Algorithm::ES256, "one");
    let keys = KeysFile::of("refused", &[issuer.jwk()]);
    let api = an_api_for(&keys).await;
    let none = api.send("POST", "/v1/customers", &customer()).await;
    is_unauthenticated(&none, "Authorization");
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"commands\"");
    // Before the body is looked at.
    let request = api.request("POST", "/v1/customers").body("{");
    is_unauthenticated(&answer(request).await, "Authorization");
    let request = api.request("POST", "/v1/customers").basic_auth("ada", Some("x"));
    is_unauthenticated(&answer(request.json(&customer())).await, "Authorization");

    let right = claims("customers:write");
    let wrong = |member: &str, value: Value| issuer.token(&with(right.clone(), member, value));
    let without = |member: &str| {
        let mut claims = right.clone();
        claims.as_object_mut().expect("claims").remove(member);
        issuer.token(&claims)
    };
    let stranger = Issuer::of(Algorithm::ES256, "one");
    let cut = {
        let token = issuer.token(&right);
        token[..token.len() - 3].to_owned()
    };
    for (token, said) in [
        ("nonsense".to_owned(), "not a JWT"),
        ("a.b.c".to_owned(), "not a JWT"),
        (wrong("/exp", json!(in_seconds(-40))), "expired"),
        (wrong("/nbf", json!(in_seconds(40))), "not valid yet"),
        (wrong("/aud", json!("shipping")), "another audience"),
        (wrong("/iss", json!("https://other.example")), "another issuer"),
        (wrong("/sub", json!("")), "sub"),
        (wrong("/sub", json!("a\u{0}b")), "sub"),
        (wrong("/sub", json!("a".repeat(256))), "sub"),
        (without("exp"), "exp"),
        (without("aud"), "aud"),
        (without("iss"), "iss"),
        (stranger.token(&right), "signature"),
        (cut, ""),
        (issuer.token_with_kid(Some("two"), &right), "not known"),
    ] {
        let refused = register(&api, &token).await;
        is_unauthenticated(&refused, said);
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    // Within the leeway.
    register(&api, &wrong("/exp", json!(in_seconds(-10))))
        .await
        .is_command_answer(201, 1);
}

/// The token says of itself how it is to be checked; a public key must not be taken for a secret.
#[tokio::test]
async fn the_algorithm_must_fit_the_key() {
    let rsa = Issuer::of(Algorithm::RS256, "one");
    let keys = KeysFile::of("algorithm", &[rsa.jwk()]);
    let api = an_api_for(&keys).await;
    let secret = Issuer {
        kid: "one",
        ..Issuer::of(Algorithm::HS256, "one")
    };
    let forged = secret.token(&claims("customers:write"));
    is_unauthenticated(&register(&api, &forged).await, "does not fit");
    // {"alg":"none"}
    let unsigned = "eyJhbGciOiJub25lIiwia2lkIjoib25lIn0.e30.";
    api_refuses(&api, unsigned).await;
    // The key is for RS256 alone.
    let other = Issuer {
        algorithm: Algorithm::RS512,
        ..rsa
    };
    is_unauthenticated(
        &register(&api, &other.token(&claims("customers:write"))).await,
        "does not fit",
    );
}

async fn api_refuses(api: &Api, token: &str) {
    register(api, token).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_command_needs_its_scope() {
    let issuer = Issuer::of(Algorithm::EdDSA, "one");
    let keys = KeysFile::of("scope", &[issuer.jwk()]);
    let api = an_api_for(&keys).await;
    let customers = issuer.token(&claims("customers:write"));
    let request = api.request("POST", "/v1/products").bearer_auth(&customers);
    let refused = answer(request.json(&product(1, "EUR"))).await;
    refused.is_problem(403, "forbidden");
    assert!(refused.text.contains("products:write"), "{}", refused.text);
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer error=\"insufficient_scope\", scope=\"products:write\""
    );

    let created = register(&api, &customers).await;
    let path = format!("/v1/commands/{}", created.header("correlation-id"));
    is_unauthenticated(&api.call("GET", &path).await, "Authorization");
    let looked = answer(api.request("GET", &path).bearer_auth(&customers)).await;
    looked.is_problem(403, "forbidden");
    assert!(looked.text.contains("commands:read"), "{}", looked.text);
    let reader = issuer.token(&claims("commands:read"));
    let looked = answer(api.request("GET", &path).bearer_auth(&reader)).await;
    assert_eq!(looked.body["actor"], "ada", "{}", looked.text);
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_its_actor() {
    let issuer = Issuer::of(Algorithm::EdDSA, "one");
    let keys = KeysFile::of("actors", &[issuer.jwk()]);
    let api = an_api_for(&keys).await;
    let mut ids = Vec::new();
    for actor in ["ada", "bob"] {
        let token = issuer.token(&with(claims("customers:write"), "/sub", json!(actor)));
        let request = api
            .request("POST", "/v1/customers")
            .bearer_auth(token)
            .header("idempotency-key", "k");
        ids.push(answer(request.json(&customer())).await.id());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn what_operators_ask_needs_no_token() {
    let issuer = Issuer::of(Algorithm::EdDSA, "one");
    let keys = KeysFile::of("open", &[issuer.jwk()]);
    let api = an_api_for(&keys).await;
    for path in [
        "/health/live",
        "/health/ready",
        "/healthcheck",
        "/metrics",
        "/openapi.json",
        "/docs/",
    ] {
        assert_eq!(api.call("GET", path).await.status, 200, "{path}");
    }
}

/// Longer than the keys rest between two readings.
#[tokio::test]
async fn a_new_key_is_found_without_a_restart() {
    let (old, new) = (
        Issuer::of(Algorithm::ES256, "old"),
        Issuer::of(Algorithm::EdDSA, "new"),
    );
    let keys = KeysFile::of("rotation", &[old.jwk()]);
    let api = an_api_for(&keys).await;
    keys.write(&[old.jwk(), new.jwk()]);
    let token = new.token(&claims("customers:write"));
    tokio::time::sleep(std::time::Duration::from_millis(5100)).await;
    register(&api, &token).await.is_command_answer(201, 1);
    register(&api, &old.token(&claims("customers:write")))
        .await
        .is_command_answer(201, 1);
}
