//! One way in for fixes, from `POST /positions` and the socket alike.
//!
//! A call is checked here, then queued; the [`collector`], one thread, takes everything that is queued, sorts out
//! duplicates, judges, writes one log row for all of it, and answers after the commit. What is acknowledged survives
//! `kill -9`.

mod attribution;
mod collector;
mod flush;
mod restore;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use super::fix::{Fix, FixIn, Flags};
use super::history::History;
use super::live::Live;
use crate::platform::bugs::{self, Bug, SHORT_QUEUE};
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

/// A fix of a socket message that was not taken; the others of the message were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Rejected {
    /// The message's counter.
    pub n: u64,
    /// Position in the message's list.
    pub index: usize,
    /// The field at fault.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

/// What a socket must tell its client.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ack {
    /// Highest counter committed, with everything before it.
    pub up_to: u64,
    /// Fixes that were not taken since the last acknowledgement.
    pub rejected: Vec<Rejected>,
    /// Writing failed: close the socket, the client sends everything above `up_to` again.
    pub failed: Option<Code>,
}

/// Where a connection's acknowledgements gather; one per socket, shared with the collector.
#[derive(Debug, Default)]
pub struct AckCell {
    state: Mutex<CellState>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct CellState {
    ack: Ack,
    news: bool,
}

impl AckCell {
    /// Waits for news and takes it: at most one acknowledgement per commit. Cancel-safe.
    pub async fn next(&self) -> Ack {
        loop {
            if let Some(ack) = self.take() {
                return ack;
            }
            self.notify.notified().await;
        }
    }

    /// The news, if there is any.
    pub fn take(&self) -> Option<Ack> {
        let mut state = self.state.lock();
        if !std::mem::take(&mut state.news) {
            return None;
        }
        let rejected = std::mem::take(&mut state.ack.rejected);
        Some(Ack { up_to: state.ack.up_to, rejected, failed: state.ack.failed })
    }

    fn committed(&self, n: u64, mut rejected: Vec<Rejected>) {
        let mut state = self.state.lock();
        if state.ack.failed.is_some() {
            return;
        }
        state.ack.up_to = state.ack.up_to.max(n);
        state.ack.rejected.append(&mut rejected);
        state.news = true;
        drop(state);
        self.notify.notify_one();
    }

    fn failed(&self, code: Code) {
        let mut state = self.state.lock();
        state.ack.failed.get_or_insert(code);
        state.news = true;
        drop(state);
        self.notify.notify_one();
    }
}

enum Answer {
    Once(oneshot::Sender<Result<Receipt>>),
    Cell { cell: Arc<AckCell>, n: u64, rejected: Vec<Rejected> },
}

struct Call {
    bearer: Arc<Bearer>,
    fixes: Vec<(Option<PersonId>, Fix)>,
    answer: Answer,
}

impl Call {
    fn done(self, outcome: &Result<Receipt, Code>) {
        match (self.answer, outcome) {
            (Answer::Once(sender), Ok(receipt)) => drop(sender.send(Ok(receipt.clone()))),
            (Answer::Once(sender), Err(code)) => drop(sender.send(Err(Error::new(*code).retry_after(1)))),
            (Answer::Cell { cell, n, rejected }, Ok(_)) => cell.committed(n, rejected),
            (Answer::Cell { cell, .. }, Err(code)) => cell.failed(*code),
        }
    }
}

/// What of a call can be taken, and what not.
type Checked<'a> = (Vec<(&'a FixIn, Fix)>, Vec<Rejected>);

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

    /// Takes the fixes of one REST call; answers after the commit.
    ///
    /// Errors: `too_many_fixes`; `invalid_field` naming `fixes[i].…`, and then nothing was stored; `forbidden` for an
    /// author who had no session on the device; `busy`.
    pub async fn take(&self, core: &Core, bearer: Bearer, fixes: &[FixIn]) -> Result<Receipt> {
        let (taken, rejected) = self.check(fixes)?;
        if let Some(first) = rejected.first() {
            return Err(Error::field(&format!("fixes[{}].{}", first.index, first.field), &first.detail));
        }
        let fixes = self.sessions.attribute(core, &bearer, taken).await?;
        let (sender, receiver) = oneshot::channel();
        self.queue(Call { bearer: Arc::new(bearer), fixes, answer: Answer::Once(sender) })?;
        receiver.await.map_err(|_gone| Error::new(Code::Stopping))?
    }

    /// Takes the fixes of one socket message with its counter; `cell` hears of the commit. Call it for one message after
    /// the other, so that counters stay in order. Bad fixes are reported in the acknowledgement, the others are taken.
    ///
    /// Errors: `too_many_fixes`, `busy`, `forbidden`: nothing of the message was taken and it will not be acknowledged.
    pub async fn take_message(
        &self,
        core: &Core,
        bearer: &Arc<Bearer>,
        n: u64,
        fixes: &[FixIn],
        cell: &Arc<AckCell>,
    ) -> Result<()> {
        let (taken, mut rejected) = self.check(fixes)?;
        rejected.iter_mut().for_each(|r| r.n = n);
        let fixes = self.sessions.attribute(core, bearer, taken).await?;
        let answer = Answer::Cell { cell: Arc::clone(cell), n, rejected };
        self.queue(Call { bearer: Arc::clone(bearer), fixes, answer })
    }

    /// Fixes of the person between the bounds (inclusive, µs) that are not in segment rows yet.
    pub(super) fn open_of(&self, person: PersonId, from: i64, to: i64) -> Vec<(DeviceId, Fix)> {
        self.history.read().of_person(person, from, to)
    }

    /// Fixes waiting to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn check<'a>(&self, fixes: &'a [FixIn]) -> Result<Checked<'a>> {
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
                Err(bad) => {
                    rejected.push(Rejected { n: 0, index, field: bad.field.to_owned(), detail: bad.must.to_owned() })
                }
            }
        }
        Ok((taken, rejected))
    }

    fn queue(&self, call: Call) -> Result<()> {
        let count = call.fixes.len();
        if bugs::has(Bug::DropWhenFull) && self.waiting() + count > SHORT_QUEUE {
            call.done(&Ok(Receipt { stored: u32::try_from(count).unwrap_or(u32::MAX), ..Receipt::default() }));
            return Ok(());
        }
        if self.waiting.fetch_add(count, Ordering::Relaxed) > QUEUE_FIXES {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            return Err(Error::busy(1).detail("too many fixes are waiting to be written"));
        }
        self.queue.try_send(call).map_err(|error| {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Error::busy(1).detail("too many calls are waiting to be written"),
                TrySendError::Disconnected(_) => Error::new(Code::Stopping),
            }
        })
    }
}
