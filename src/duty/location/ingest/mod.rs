//! One way in for fixes, from `POST /positions` and the socket alike.
//!
//! A call is checked here, then queued; the [`collector`], one thread, takes everything that is queued, sorts out
//! duplicates, judges, writes one log row for all of it, and answers after the commit. What is acknowledged survives
//! `kill -9`.

mod attribution;
mod collector;
mod restore;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::oneshot;

use super::fix::{Fix, FixIn, Flags};
use super::history::History;
use super::live::Live;
use crate::platform::config;
use crate::platform::ctx::Core;
use crate::platform::db::Db;
use crate::platform::policy::{Actor, DeviceKind, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, SessionId, UnitId};
use crate::words::time::Clock;

use attribution::Sessions;

/// Fixes of one call.
pub const MAX_FIXES: usize = 10_000;

/// Calls waiting for the collector; beyond, callers are told `busy`.
const QUEUE_CALLS: usize = 65_536;

/// Fixes waiting for the collector; bounds memory at about 60 MB.
const QUEUE_FIXES: usize = 500_000;

/// Who brings fixes: the device and its present bearer.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The present bearer.
    pub person: PersonId,
    /// The device.
    pub device: DeviceId,
    /// What it is.
    pub device_kind: DeviceKind,
    /// The bearer's session.
    pub session: Option<SessionId>,
    /// The bearer's unit: home of a vehicle that reports by itself.
    pub unit: (UnitId, Arc<str>),
}

impl Bearer {
    /// The bearer behind a verified actor. Errors: `forbidden` for other systems.
    pub fn of(actor: &Actor) -> Result<Self> {
        if actor.kind == PersonKind::ServiceAccount {
            return Err(Error::forbidden("a service account has no place"));
        }
        Ok(Self {
            person: actor.person,
            device: actor.device,
            device_kind: actor.device_kind,
            session: actor.session,
            unit: (actor.unit, Arc::from(actor.unit_path.as_str())),
        })
    }
}

/// What became of a call's fixes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// New, and kept.
    pub stored: u32,
    /// Known already by (device, time).
    pub duplicates: u32,
    /// Of the stored: kept, but not moving the marker.
    pub flagged: u32,
    /// How many of each flag.
    pub flags: FlagCounts,
}

/// Flagged fixes by reason; one fix may count in several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FlagCounts {
    /// Not newer than what had been delivered.
    pub late: u32,
    /// Ahead of the server's clock.
    pub future: u32,
    /// Too far for the time between.
    pub impossible: u32,
    /// At (0, 0).
    pub zero: u32,
}

impl Receipt {
    fn count(&mut self, flags: Flags) {
        self.stored += 1;
        self.flagged += u32::from(!flags.is_clear());
        self.flags.late += u32::from(flags.has(Flags::LATE));
        self.flags.future += u32::from(flags.has(Flags::FUTURE));
        self.flags.impossible += u32::from(flags.has(Flags::IMPOSSIBLE));
        self.flags.zero += u32::from(flags.has(Flags::ZERO));
    }
}

/// A fix that was not taken; the others of its message were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Position in the message's list.
    pub index: usize,
    /// The field at fault.
    pub field: &'static str,
    /// What it must be.
    pub must: &'static str,
}

struct Call {
    bearer: Bearer,
    fixes: Vec<(Option<PersonId>, Fix)>,
    answer: oneshot::Sender<Result<Receipt>>,
}

impl Call {
    /// Answers; a caller who has gone away is no concern.
    fn done(self, outcome: Result<Receipt>) {
        drop(self.answer.send(outcome));
    }
}

/// The way in; clones share the queue.
#[derive(Clone)]
pub struct Ingest {
    queue: SyncSender<Call>,
    waiting: Arc<AtomicUsize>,
    history: Arc<RwLock<History>>,
    sessions: Arc<Sessions>,
    clock: Clock,
}

impl Ingest {
    /// Rebuilds open segments and the live table from the database and starts the collector. Blocking; at start only.
    pub fn open(db: &Db, live: Live, clock: Clock, settings: &config::Location) -> Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE_CALLS);
        let restored = restore::restore(db, settings.max_log_fixes, &live)?;
        let history = Arc::new(RwLock::new(restored.history));
        let waiting = Arc::new(AtomicUsize::new(0));
        let collector = collector::Collector {
            db: db.clone(),
            live,
            clock: clock.clone(),
            history: Arc::clone(&history),
            devices: restored.devices,
            waiting: Arc::clone(&waiting),
        };
        std::thread::Builder::new().name("fixes".to_owned()).spawn(move || collector.run(&receiver))?;
        Ok(Self { queue: sender, waiting, history, sessions: Arc::default(), clock })
    }

    /// Takes the fixes of one call, all or none; answers after the commit.
    ///
    /// Errors: `too_many_fixes`; `invalid_field` naming `fixes[i].…`; `forbidden` for an author who had no session on
    /// the device; `busy`.
    pub async fn take(&self, core: &Core, bearer: Bearer, fixes: &[FixIn]) -> Result<Receipt> {
        let (taken, rejected) = self.check(fixes)?;
        if let Some(first) = rejected.first() {
            return Err(Error::field(&format!("fixes[{}].{}", first.index, first.field), first.must));
        }
        let fixes = self.sessions.attribute(core, &bearer, taken).await?;
        self.queue(bearer, fixes)?.await.map_err(|_gone| Error::new(Code::Stopping))?
    }

    /// Takes the good fixes of one socket message and names the others; answers after the commit.
    ///
    /// Errors: `too_many_fixes`, `forbidden`, `busy`: nothing of the message was taken.
    pub async fn take_good(&self, core: &Core, bearer: Bearer, fixes: &[FixIn]) -> Result<(Receipt, Vec<Rejected>)> {
        let (taken, rejected) = self.check(fixes)?;
        let fixes = self.sessions.attribute(core, &bearer, taken).await?;
        let receipt = self.queue(bearer, fixes)?.await.map_err(|_gone| Error::new(Code::Stopping))??;
        Ok((receipt, rejected))
    }

    /// Fixes of the person between the bounds (inclusive, µs) that are not in segment rows yet.
    pub(super) fn open_of(&self, person: PersonId, from: i64, to: i64) -> Vec<(DeviceId, Fix)> {
        self.history.read().of_person(person, from, to)
    }

    /// Fixes waiting to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn check<'a>(&self, fixes: &'a [FixIn]) -> Result<(Vec<(&'a FixIn, Fix)>, Vec<Rejected>)> {
        if fixes.len() > MAX_FIXES {
            return Err(Error::new(Code::TooManyFixes)
                .detail(format!("at most {MAX_FIXES} fixes in one call"))
                .with("max_fixes", MAX_FIXES.into()));
        }
        let now = self.clock.now();
        let (mut taken, mut rejected) = (Vec::with_capacity(fixes.len()), Vec::new());
        for (index, input) in fixes.iter().enumerate() {
            match Fix::take(input, now) {
                Ok(fix) => taken.push((input, fix)),
                Err(bad) => rejected.push(Rejected { index, field: bad.field, must: bad.must }),
            }
        }
        Ok((taken, rejected))
    }

    fn queue(&self, bearer: Bearer, fixes: Vec<(Option<PersonId>, Fix)>) -> Result<oneshot::Receiver<Result<Receipt>>> {
        let count = fixes.len();
        let (answer, receiver) = oneshot::channel();
        if self.waiting.fetch_add(count, Ordering::Relaxed) > QUEUE_FIXES {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            return Err(Error::busy(1).detail("too many fixes are waiting to be written"));
        }
        self.queue.try_send(Call { bearer, fixes, answer }).map_err(|error| {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Error::busy(1).detail("too many calls are waiting to be written"),
                TrySendError::Disconnected(_) => Error::new(Code::Stopping),
            }
        })?;
        Ok(receiver)
    }
}
