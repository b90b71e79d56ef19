//! Argon2id, off the actix workers and bounded in number.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::words::error::{Error, Result};

/// Hashings that may wait for a turn before new ones are answered `busy`.
const QUEUE_MAX: usize = 512;

/// Hashes and checks passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    argon: Argon2<'static>,
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// Verified when there is no such user, so that both answers take equally long.
    decoy: Arc<str>,
}

impl Passwords {
    /// `memory_kib` and `iterations` are Argon2id's costs; `parallel` bounds concurrent hashings.
    pub fn new(memory_kib: u32, iterations: u32, parallel: usize) -> Result<Self> {
        let params = Params::new(memory_kib, iterations, 1, None)
            .map_err(|error| Error::bad(format!("auth: Argon2 costs are out of range: {error}")))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon, "no such user")?;
        Ok(Self {
            argon,
            turns: Arc::new(Semaphore::new(parallel.max(1))),
            queue: Arc::new(Semaphore::new(QUEUE_MAX)),
            decoy: decoy.into(),
        })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move |this| hash(&this.argon, &password)).await
    }

    /// Hashes on the calling thread; for commands and seeding.
    pub fn hash_blocking(&self, password: &str) -> Result<String> {
        hash(&self.argon, password)
    }

    /// Whether the password fits; without a stored hash it costs the same and is false.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        self.run(move |this| {
            let known = stored.is_some();
            let text = stored.unwrap_or_else(|| this.decoy.as_ref().to_owned());
            let parsed = PasswordHash::new(&text).map_err(|error| Error::internal(error.to_string()))?;
            Ok(this.argon.verify_password(password.as_bytes(), &parsed).is_ok() && known)
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let _place = Arc::clone(&self.queue)
            .try_acquire_owned()
            .map_err(|_full| Error::busy(2).detail("too many sign-ins at once"))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Error::internal)?;
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&this)
        })
        .await
        .map_err(Error::internal)?
    }
}

fn hash(argon: &Argon2<'static>, password: &str) -> Result<String> {
    Ok(argon.hash_password(password.as_bytes()).map_err(|error| Error::internal(error.to_string()))?.to_string())
}
