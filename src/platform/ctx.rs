//! `Core`: the platform's parts, made once. `Ctx`: the core plus who asks;
//! the first argument of every service.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use super::config::Config;
use super::db::Db;
use super::keys::Keys;
use super::policy::Actor;
use super::push::hub::Hub;
use crate::words::error::{Error, Result};
use crate::words::time::Clock;

/// The platform's parts, shared by everything that runs.
pub struct Core {
    pub db: Db,
    pub hub: Arc<Hub>,
    pub keys: Keys,
    pub clock: Clock,
    pub config: Config,
    parts: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Core {
    pub fn new(db: Db, hub: Arc<Hub>, keys: Keys, clock: Clock, config: Config) -> Self {
        Self { db, hub, keys, clock, config, parts: HashMap::new() }
    }

    /// Adds an in-memory part that a slice owns; wiring does this at start.
    #[must_use]
    pub fn with_part<T: Any + Send + Sync>(mut self, part: T) -> Self {
        self.parts.insert(TypeId::of::<T>(), Box::new(part));
        self
    }

    /// A slice's in-memory part; an error here is a wiring mistake.
    pub fn part<T: Any + Send + Sync>(&self) -> Result<&T> {
        self.parts
            .get(&TypeId::of::<T>())
            .and_then(|part| part.downcast_ref())
            .ok_or_else(|| Error::internal(format!("part {} is not wired", std::any::type_name::<T>())))
    }
}

/// The core and the verified actor of one request or socket message.
#[derive(Clone)]
pub struct Ctx {
    pub core: Arc<Core>,
    pub actor: Arc<Actor>,
}

impl Ctx {
    pub fn new(core: Arc<Core>, actor: Actor) -> Self {
        Self { core, actor: Arc::new(actor) }
    }
}

impl Deref for Ctx {
    type Target = Core;
    fn deref(&self) -> &Core {
        &self.core
    }
}
