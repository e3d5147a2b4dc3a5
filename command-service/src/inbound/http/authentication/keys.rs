use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// A key that signs tokens.
pub struct Key {
    pub decoding: DecodingKey,
    /// Those that fit it; one at least.
    pub algorithms: Vec<Algorithm>,
}

/// The keys of a JWKS document, by `kid`.
#[derive(Default)]
pub struct Keys(HashMap<Option<String>, Arc<Key>>);

impl Keys {
    /// Blocks. Fails with a sentence that has nothing of the keys in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// Keys that this service cannot use are left out, as RFC 7517 wants; there must be one that it can.
    fn parse(text: &[u8]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let Document { keys } = serde_json::from_slice(text).map_err(|_| "is not a JWKS document")?;
        let mut usable = HashMap::new();
        for key in keys {
            let Ok(jwk) = serde_json::from_value::<Jwk>(key) else {
                tracing::warn!("a key of the JWKS document is left out: it is not of a known type");
                continue;
            };
            let kid = jwk.common.key_id.clone();
            match usable_key(&jwk) {
                Ok(key) => _ = usable.entry(kid).or_insert_with(|| Arc::new(key)),
                Err(reason) => tracing::warn!(kid, reason, "a key of the JWKS document is left out"),
            }
        }
        match usable.is_empty() {
            true => Err("has no key that tokens can be checked with"),
            false => Ok(Self(usable)),
        }
    }

    /// A token without `kid` means the only key that there is.
    pub fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        match kid {
            Some(_) => self.0.get(&kid.map(str::to_owned)),
            None if self.0.len() == 1 => self.0.values().next(),
            None => None,
        }
        .cloned()
    }
}

fn usable_key(jwk: &Jwk) -> Result<Key, &'static str> {
    if matches!(&jwk.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature) {
        return Err("it is not for signatures");
    }
    let mut algorithms = fitting_algorithms(&jwk.algorithm);
    if let Some(only) = jwk.common.key_algorithm {
        algorithms.retain(|algorithm| name_of(*algorithm) == Some(only));
    }
    if algorithms.is_empty() {
        return Err("no known algorithm fits it");
    }
    let decoding = DecodingKey::from_jwk(jwk).map_err(|_| "its parameters cannot be read")?;
    Ok(Key { decoding, algorithms })
}

/// By the type of the key alone: what a token says of itself must not choose between a public key and a secret.
fn fitting_algorithms(parameters: &AlgorithmParameters) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            _ => vec![],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![EdDSA],
        AlgorithmParameters::OctetKey(key) => {
            // A secret is as long as the hash at least (RFC 7518, 3.2); base64 has 4 characters for 3 bytes.
            let bytes = key.value.trim_end_matches('=').len() * 3 / 4;
            [(HS256, 32), (HS384, 48), (HS512, 64)]
                .into_iter()
                .filter(|(_, hash)| bytes >= *hash)
                .map(|(algorithm, _)| algorithm)
                .collect()
        }
        _ => vec![],
    }
}

fn name_of(algorithm: Algorithm) -> Option<KeyAlgorithm> {
    Some(match algorithm {
        Algorithm::HS256 => KeyAlgorithm::HS256,
        Algorithm::HS384 => KeyAlgorithm::HS384,
        Algorithm::HS512 => KeyAlgorithm::HS512,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        Algorithm::ES384 => KeyAlgorithm::ES384,
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::RS384 => KeyAlgorithm::RS384,
        Algorithm::RS512 => KeyAlgorithm::RS512,
        Algorithm::PS256 => KeyAlgorithm::PS256,
        Algorithm::PS384 => KeyAlgorithm::PS384,
        Algorithm::PS512 => KeyAlgorithm::PS512,
        Algorithm::EdDSA => KeyAlgorithm::EdDSA,
        _ => return None,
    })
}
