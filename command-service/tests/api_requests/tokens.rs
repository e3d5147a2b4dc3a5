//! An issuer of tokens, with keys that are made for the test.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use command_service::settings::AuthSettings;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "ordering";

pub struct Issuer {
    pub key: EncodingKey,
    pub algorithm: Algorithm,
    pub kid: &'static str,
}

impl Issuer {
    pub fn of(algorithm: Algorithm, kid: &'static str) -> Self {
        let pkcs8 = |bytes: &[u8]| EncodingKey::from_ec_der(bytes);
        let key = match algorithm {
            Algorithm::ES256 => {
                let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
                pkcs8(key.to_pkcs8v1().expect("PKCS 8").as_ref())
            }
            Algorithm::ES384 => {
                let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key");
                pkcs8(key.to_pkcs8v1().expect("PKCS 8").as_ref())
            }
            Algorithm::EdDSA => {
                let key = Ed25519KeyPair::generate().expect("a key");
                EncodingKey::from_ed_der(key.to_pkcs8v1().expect("PKCS 8").as_ref())
            }
            Algorithm::HS256 | Algorithm::HS512 => EncodingKey::from_secret(&[7; 64]),
            _ => {
                let key = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
                let pkcs8 = key.as_der().expect("PKCS 8");
                // The private key itself stands behind the algorithm's name and the lengths, 26 bytes in all.
                EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..])
            }
        };
        Self { key, algorithm, kid }
    }

    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a JWK");
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).expect("JSON")
    }

    pub fn token(&self, claims: &Value) -> String {
        self.token_with_kid(Some(self.kid), claims)
    }

    pub fn token_with_kid(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..Header::new(self.algorithm)
        };
        encode(&header, claims, &self.key).expect("a token")
    }
}

/// Of a token that is right, for an hour.
pub fn claims(scope: &str) -> Value {
    json!({"sub": "ada", "iss": ISSUER, "aud": AUDIENCE, "exp": in_seconds(3600), "scope": scope})
}

pub fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("small") + seconds
}

/// A file of its own for each test, gone with it.
pub struct KeysFile(pub PathBuf);

impl KeysFile {
    pub fn of(name: &str, keys: &[Value]) -> Self {
        let path = std::env::temp_dir().join(format!("jwks-{}-{name}.json", std::process::id()));
        let file = Self(path);
        file.write(keys);
        file
    }

    pub fn write(&self, keys: &[Value]) {
        std::fs::write(&self.0, json!({"keys": keys}).to_string()).expect("a writable temporary folder");
    }

    pub fn settings(&self) -> AuthSettings {
        AuthSettings {
            keys_file: Some(self.0.clone()),
            issuer: Some(ISSUER.to_owned()),
            audience: Some(AUDIENCE.to_owned()),
            leeway: Duration::from_secs(30),
        }
    }
}

impl Drop for KeysFile {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}
