use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use actix_web::web;
use tokio::sync::Mutex;

use super::REREAD_INTERVAL;
use super::keys::{Key, Keys};
use super::rejection::Rejection;

/// The keys as last read. They are read again when a token names one that is not among them: so a new one is found
/// without a restart, and a token that names nonsense does not make this service read without end.
pub struct RotatingKeys {
    path: PathBuf,
    keys: RwLock<Arc<Keys>>,
    last_read: Mutex<Instant>,
}

impl RotatingKeys {
    /// Blocks.
    pub fn open(path: PathBuf) -> Result<Self, String> {
        let keys = Keys::read(&path)?;
        Ok(Self {
            path,
            keys: RwLock::new(Arc::new(keys)),
            last_read: Mutex::new(Instant::now()),
        })
    }

    pub async fn find(&self, kid: Option<&str>) -> Result<Arc<Key>, Rejection> {
        if let Some(key) = self.current().find(kid) {
            return Ok(key);
        }
        let mut last_read = self.last_read.lock().await;
        // Others may have read them while this one waited.
        if let Some(key) = self.current().find(kid) {
            return Ok(key);
        }
        if last_read.elapsed() >= REREAD_INTERVAL {
            *last_read = Instant::now();
            self.read_again().await;
        }
        self.current().find(kid).ok_or(Rejection::UnknownKey)
    }

    fn current(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn read_again(&self) {
        let path = self.path.clone();
        match web::block(move || Keys::read(&path)).await {
            Ok(Ok(keys)) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                tracing::info!("the keys of tokens were read again");
            }
            Ok(Err(reason)) => {
                tracing::warn!(
                    reason,
                    "the keys of tokens cannot be read again; the old ones stay"
                );
            }
            Err(_) => tracing::warn!("the keys of tokens were not read again; the old ones stay"),
        }
    }
}
