//! Who is asking: from the `Authorization` header to a verified [`Actor`], and back out when a
//! session ends.
//!
//! A token is verified once and then answered from memory until it expires or is revoked. Ending
//! a session writes a notice in the same transaction; this node forgets it at the commit, other
//! nodes when they poll the notices ([`crate::duty::officers::jobs`], well under a second).

pub mod device_signature;
mod extract;
pub mod jwt;
pub mod password;
pub mod refresh;
pub mod throttle;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;

pub use device_signature::{
    DeviceActor, Signed, author_check, device_actor, device_actor_late, signed_by, signed_by_hashed,
};
pub use extract::{bearer_token, core_of, ctx_of, ctx_or_refusal, peer_address};

use self::jwt::{Claims, KeyRing};
use self::password::Passwords;
use self::throttle::Throttle;
use super::{PersonRow, PersonStatus, service, store};
use crate::platform::config;
use crate::platform::ctx::Core;
use crate::platform::db::{Backend, Conn};
use crate::platform::policy::{Actor, DeviceKind};
use crate::platform::push::hub::{Ending, Hub};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, SessionId};
use crate::words::time::Timestamp;

/// How long an ended session is remembered: longer than any access token lives.
const REMEMBER_ENDED_S: i64 = 3_600;
/// Verified tokens kept; beyond it the expired ones go first, then all.
const TOKENS_MAX: usize = 200_000;
/// Without news from the database for this long a node stops honouring tokens.
const NEWS_STALE_S: i64 = 10;
/// The same once the database has refused to answer.
const NEWS_LOST_S: i64 = 1;

/// Something every node must forget or reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthChange {
    /// The session was logged out or revoked.
    SessionEnded(SessionId),
    /// Kind, unit or name of a person changed.
    PersonChanged(PersonId),
    /// The tree of units changed.
    UnitsChanged,
}

impl AuthChange {
    /// The stored form: (kind, subject).
    pub fn to_row(self) -> (&'static str, String) {
        match self {
            Self::SessionEnded(id) => ("session", id.to_string()),
            Self::PersonChanged(id) => ("person", id.to_string()),
            Self::UnitsChanged => ("units", String::new()),
        }
    }

    /// Reads the stored form; unknown kinds are of a newer version and reload everything.
    pub fn from_row(kind: &str, subject: &str) -> Self {
        match kind {
            "session" => subject.parse().map_or(Self::UnitsChanged, Self::SessionEnded),
            "person" => subject.parse().map_or(Self::UnitsChanged, Self::PersonChanged),
            _ => Self::UnitsChanged,
        }
    }
}

/// A token that was verified, and until when that holds.
struct Verified {
    actor: Arc<Actor>,
    session: SessionId,
    expires: Timestamp,
}

/// An actor as the tables said after so many changes had been heard of.
#[derive(Clone)]
pub struct Known {
    pub actor: Arc<Actor>,
    epoch: u64,
}

/// The in-memory part of signing in; cheap to clone.
#[derive(Clone)]
pub struct Auth {
    inner: Arc<Inner>,
}

struct Inner {
    ring: KeyRing,
    passwords: Passwords,
    throttle: Throttle,
    hub: Arc<Hub>,
    tokens: RwLock<HashMap<Box<str>, Verified>>,
    /// Sessions ended lately and when.
    ended: RwLock<HashMap<SessionId, Timestamp>>,
    /// Raised by every change, so that a slow load does not cache what has just become stale.
    epoch: AtomicU64,
    /// When the notices were last read (µs); 0 before the first time.
    polled: AtomicI64,
    /// The last attempt to read them failed: the database is out of reach.
    deaf: AtomicBool,
}

impl Auth {
    pub fn new(settings: &config::Auth, hub: Arc<Hub>) -> Result<Self> {
        let parallel = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2));
        let free = u32::try_from(settings.free_attempts).unwrap_or(1);
        Ok(Self {
            inner: Arc::new(Inner {
                ring: KeyRing::default(),
                passwords: Passwords::new(settings.argon2_memory_kib, settings.argon2_passes, parallel)?,
                throttle: Throttle::new(free, settings.longest_wait_s),
                hub,
                tokens: RwLock::default(),
                ended: RwLock::default(),
                epoch: AtomicU64::new(0),
                polled: AtomicI64::new(0),
                deaf: AtomicBool::new(false),
            }),
        })
    }

    pub fn ring(&self) -> &KeyRing {
        &self.inner.ring
    }

    pub fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// Whether this session has ended, as far as this node has heard.
    pub fn has_ended(&self, session: &SessionId) -> bool {
        self.inner.ended.read().contains_key(session)
    }

    /// Forgets what a change made untrue and closes the sockets it ends.
    pub fn apply(&self, change: AuthChange, now: Timestamp) {
        let inner = &self.inner;
        inner.epoch.fetch_add(1, Ordering::SeqCst);
        match change {
            AuthChange::SessionEnded(session) => {
                if inner.ended.write().insert(session, now).is_some() {
                    return;
                }
                inner.tokens.write().retain(|_, v| v.session != session);
                inner.hub.end_where(Ending::Revoked, |link| link.session == Some(session));
            }
            AuthChange::PersonChanged(person) => {
                inner.tokens.write().retain(|_, v| v.actor.person != person);
                inner.hub.recheck_where(|link| link.person == person);
            }
            AuthChange::UnitsChanged => {
                inner.tokens.write().clear();
                inner.hub.recheck_where(|_| true);
            }
        }
    }

    /// Notes that the notices were read just now.
    pub fn polled(&self, now: Timestamp) {
        self.inner.polled.store(now.as_micros(), Ordering::Relaxed);
        self.inner.deaf.store(false, Ordering::Relaxed);
    }

    /// Notes that the notices could not be read just now.
    pub fn unheard(&self) {
        self.inner.deaf.store(true, Ordering::Relaxed);
    }

    /// When the notices were last read; `None` before the first time.
    pub fn polled_at(&self) -> Option<Timestamp> {
        match self.inner.polled.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Timestamp::from_micros(micros)),
        }
    }

    /// Drops expired tokens and old endings.
    pub fn trim(&self, now: Timestamp) {
        self.inner.tokens.write().retain(|_, v| v.expires > now);
        self.inner.ended.write().retain(|_, at| at.plus_secs(REMEMBER_ENDED_S) > now);
    }

    /// Whether this node can still hear of revocations. One node alone ends sessions itself.
    fn hears(&self, core: &Core) -> bool {
        // A read that failed says more than one that is slow.
        let stale_s = if self.inner.deaf.load(Ordering::Relaxed) { NEWS_LOST_S } else { NEWS_STALE_S };
        core.db.backend() == Backend::Sqlite
            || self.polled_at().is_none_or(|at| at.plus_secs(stale_s) > core.clock.now())
    }

    /// The actor of a valid access token.
    ///
    /// Errors: `unauthenticated`, `token_expired`, `token_revoked`; `busy` when revocations can
    /// no longer be heard of and the request is not of those that must go on (`vital`).
    pub async fn authenticate(&self, core: &Core, token: &str, vital: bool) -> Result<Arc<Actor>> {
        if !vital && !self.hears(core) {
            return Err(Error::busy(2).detail("revocations cannot be checked"));
        }
        let now = core.clock.now();
        if let Some(known) = self.inner.tokens.read().get(token) {
            if known.expires <= now {
                return Err(Error::new(Code::TokenExpired));
            }
            return Ok(Arc::clone(&known.actor));
        }
        let claims = match self.inner.ring.verify(token, now)? {
            Some(claims) => claims,
            None => {
                // Another node may have rotated; an unknown key costs one read.
                super::jobs::keys_load(core, self).await?;
                let known = self.inner.ring.verify(token, now)?;
                known.ok_or_else(|| Error::new(Code::Unauthenticated).detail("signed by an unknown key"))?
            }
        };
        self.load(core, token, claims).await
    }

    /// The actor of an open session as of now: a connection that asks at every command reads the tables only when some
    /// session, person or unit has changed since it asked before.
    ///
    /// Errors: `token_revoked`.
    pub async fn actor_now(&self, core: &Core, session: SessionId, known: Option<Known>) -> Result<Known> {
        let epoch = self.inner.epoch.load(Ordering::SeqCst);
        if let Some(known) = known
            && known.epoch == epoch
            && self.hears(core)
        {
            return Ok(known);
        }
        let actor = core.db.read(move |conn| actor_load(conn, &session)).await?;
        Ok(Known { actor: Arc::new(actor), epoch })
    }

    async fn load(&self, core: &Core, token: &str, claims: Claims) -> Result<Arc<Actor>> {
        let epoch = self.inner.epoch.load(Ordering::SeqCst);
        let session = claims.sid;
        let actor = Arc::new(core.db.read(move |conn| actor_load(conn, &session)).await?);
        if self.has_ended(&session) {
            return Err(Error::new(Code::TokenRevoked));
        }
        let mut tokens = self.inner.tokens.write();
        if self.inner.epoch.load(Ordering::SeqCst) == epoch {
            if tokens.len() >= TOKENS_MAX {
                let now = core.clock.now();
                tokens.retain(|_, v| v.expires > now);
                if tokens.len() >= TOKENS_MAX {
                    tokens.clear();
                }
            }
            let verified = Verified { actor: Arc::clone(&actor), session, expires: claims.expires() };
            tokens.insert(token.into(), verified);
        }
        Ok(actor)
    }
}

/// The actor of an open session, from the tables of this moment.
/// Errors: `token_revoked` when session, person or device ended.
pub fn actor_load(conn: &mut Conn, session: &SessionId) -> Result<Actor> {
    let gone = || Error::new(Code::TokenRevoked);
    let row = store::session_fetch(conn, session).map_err(|e| if e.is(Code::NotFound) { gone() } else { e })?;
    if row.ended_at.is_some() {
        return Err(gone());
    }
    let person = store::person_fetch(conn, &row.person_id)?;
    let device = store::device_fetch(conn, &row.device_id)?;
    if person.status != PersonStatus::Active || !device.is_active() {
        return Err(gone());
    }
    Ok(Actor { session: Some(row.id), ..actor_of(conn, person, device.id, device.kind)? })
}

/// A person as he stands now, on this device, in no session.
pub fn actor_of(conn: &mut Conn, person: PersonRow, device: DeviceId, device_kind: DeviceKind) -> Result<Actor> {
    let unit = store::unit_fetch(conn, &person.unit_id)?;
    Ok(Actor {
        person: person.id,
        kind: person.kind,
        name: person.name,
        unit: unit.id,
        unit_path: unit.path,
        device,
        device_kind,
        session: None,
        source: person.source,
    })
}

/// The actor a signed request without a token stands for: the device's last signed-on holder.
/// Errors: `not_found` when nobody ever signed in on it.
pub fn actor_of_device(conn: &mut Conn, device: &DeviceActor, holder: &PersonId) -> Result<Actor> {
    let person = store::person_fetch(conn, holder)?;
    actor_of(conn, person, device.device.id, device.device.kind)
}

/// Redeems a one-time socket ticket in one statement; the actor is loaded afresh.
/// Errors: `unauthenticated` when used, expired or unknown.
pub async fn redeem_ticket(core: &Core, ticket: &str) -> Result<Actor> {
    service::ticket_redeem(core, ticket).await
}
