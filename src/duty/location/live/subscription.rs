//! One watcher's view of the live table: a snapshot, then changes, conflated while the watcher is slow.
//!
//! How a socket drives it:
//!
//! ```text
//! let mut sub = live.subscribe(Live::scope_of(&actor, unit_path)?, bbox);
//! send(sub.snapshot(encoding));                       // a whole `live_snapshot` message, at most 64 KiB
//! loop {
//!     sub.changed().await;                            // something may be new; cancel-safe, use it in select!
//!     if credit { while let Some(frame) = sub.delta(encoding) { send(frame) … until credit is used up } }
//! }
//! ```
//!
//! A frame carries the latest state of each subject, never an older one: what is not sent yet stays marked, and costs
//! nothing but the mark. A frame is at most [`FRAME_MAX`] bytes; `more` says that another is ready at once. A lost frame
//! means a lost socket: the next socket begins with a snapshot. `version` is what the client acknowledges.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use fixedbitset::FixedBitSet;
use tokio::sync::watch;

use crate::duty::location::live_bin;
use crate::words::geo::BBox;
use crate::words::ids::PersonId;

use super::Live;
use super::frame::Writer;
use super::publish::{Glance, Published, Record, Sight, Slot};
use super::state::Subject;

/// Bytes a frame holds at most.
pub const FRAME_MAX: usize = 64 * 1024;

/// Room kept for a frame's head, tail and one more record.
const FRAME_SPARE: usize = 2 * 1024;

/// Changes of a tick that fit into one frame in any case: a name and a record each.
const LAST_TICK_MAX: usize = (FRAME_MAX - FRAME_SPARE) / (live_bin::NAME_BYTES + live_bin::RECORD_BYTES);

/// Whom a watcher may see; made by [`Live::scope_of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// Who watches: sees himself and his peers in any case.
    pub viewer: PersonId,
    /// The unit whose people on duty are seen.
    pub unit_path: Option<Arc<str>>,
    /// The units below it too.
    pub subtree: bool,
}

impl Scope {
    /// Whether people on duty of that unit are seen.
    fn holds(&self, unit_path: &Arc<str>) -> bool {
        match &self.unit_path {
            Some(path) if self.subtree => unit_path.starts_with(path.as_ref()),
            Some(path) => unit_path == path,
            None => false,
        }
    }

    /// Whether the record may be shown.
    pub fn sees(&self, record: &Record, peers: &HashSet<PersonId>) -> bool {
        self.sees_one(record.open, &record.unit_path, record.person, peers)
    }

    /// [`Scope::sees`] of somebody whose record need not be made for the question.
    pub fn sees_one(
        &self,
        open: bool,
        unit_path: &Arc<str>,
        person: Option<PersonId>,
        peers: &HashSet<PersonId>,
    ) -> bool {
        let in_unit = || self.holds(unit_path);
        let own = || person.is_some_and(|person| person == self.viewer);
        let peer = || person.is_some_and(|person| peers.contains(&person));
        (open && (in_unit() || own())) || peer()
    }
}

/// How frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `{"type":"live_snapshot"|"live_delta", …}` as text.
    Json,
    /// [`live_bin`].
    Bin,
}

/// One message to a watcher, ready to send.
#[derive(Debug, Clone)]
pub struct LiveFrame {
    /// What the client acknowledges.
    pub version: u64,
    /// UTF-8 text for [`Encoding::Json`], the binary layout for [`Encoding::Bin`].
    pub bytes: Bytes,
    /// Another frame is ready at once.
    pub more: bool,
}

/// One watcher's view.
pub struct Subscription {
    live: Live,
    scope: Scope,
    bbox: Option<BBox>,
    versions: watch::Receiver<u64>,
    seen: u64,
    peers: HashSet<PersonId>,
    shares_version: u64,
    /// By slot: what is to be told, what the watcher sees, which handles he knows.
    pending: FixedBitSet,
    shown: FixedBitSet,
    introduced: FixedBitSet,
    /// By number of a unit's path: whether the scope holds it, once that was asked.
    units: Vec<Option<bool>>,
}

impl Subscription {
    pub(super) fn new(live: Live, scope: Scope, bbox: Option<BBox>, versions: watch::Receiver<u64>) -> Self {
        Self {
            live,
            scope,
            bbox,
            versions,
            seen: 0,
            peers: HashSet::new(),
            shares_version: 0,
            pending: FixedBitSet::new(),
            shown: FixedBitSet::new(),
            introduced: FixedBitSet::new(),
            units: Vec::new(),
        }
    }

    /// Waits until the table's version has moved. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.versions.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What this watcher may see.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The watcher's box.
    pub fn bbox(&self) -> Option<&BBox> {
        self.bbox.as_ref()
    }

    /// Changes what is watched; follow with [`Subscription::snapshot`].
    pub fn look_at(&mut self, scope: Scope, bbox: Option<BBox>) {
        self.scope = scope;
        self.bbox = bbox;
        self.units.clear();
    }

    /// Starts anew: the first frame of everything in view. If it does not fit, `more` is true and [`Subscription::delta`]
    /// gives the rest. Publishes what is waiting first, so that nothing acknowledged is missing.
    pub fn snapshot(&mut self, encoding: Encoding) -> LiveFrame {
        self.live.tick();
        self.versions.mark_unchanged();
        (self.peers, self.shares_version) = self.current_peers();
        self.pending.clear();
        self.shown.clear();
        self.introduced.clear();
        let live = self.live.clone();
        let published = live.inner.published.read();
        self.seen = published.version;
        for (i, slot) in published.slots() {
            if self.in_view(&published, slot) {
                self.pending.grow_and_insert(i as usize);
            }
        }
        drop(published);
        let empty = LiveFrame { version: self.seen, bytes: Bytes::new(), more: false };
        self.frame(encoding, true).unwrap_or(empty)
    }

    /// What changed since the last frame; `None` when nothing did.
    pub fn delta(&mut self, encoding: Encoding) -> Option<LiveFrame> {
        self.refresh_peers();
        if encoding == Encoding::Bin
            && self.pending.is_clear()
            && let Some(frame) = self.last_tick()
        {
            return frame;
        }
        self.collect();
        // What was marked may have left the view again unseen: such a frame says nothing and is not worth a credit.
        while !self.pending.is_clear() {
            if let Some(frame) = self.frame(encoding, false) {
                return Some(frame);
            }
        }
        None
    }

    /// The binary frame of the last tick, for a watcher who has seen everything before it: one pass over its changes,
    /// nothing marked. `None`: it is not that simple; `Some(None)`: nothing of it is his.
    fn last_tick(&mut self) -> Option<Option<LiveFrame>> {
        let live = self.live.clone();
        let published = live.inner.published.read();
        let changes = published.last();
        if published.version != self.seen + 1 || changes.len() > LAST_TICK_MAX {
            return None;
        }
        self.seen = published.version;
        let mut frame = live_bin::Writer::with_room(changes.len());
        for Glance { slot, subject, now } in changes {
            let i = *slot as usize;
            if let Some(now) = now.filter(|now| self.sees(&published, now, subject.person())) {
                if !self.introduced.contains(i) {
                    self.introduced.grow_and_insert(i);
                    frame.name(*slot, *subject);
                }
                if !self.shown.contains(i) {
                    self.shown.grow_and_insert(i);
                }
                frame.record(&now.bin, now.at_ms);
            } else if self.shown.contains(i) {
                self.shown.remove(i);
                frame.remove(*slot);
            }
        }
        drop(published);
        let version = self.seen;
        Some((!frame.is_empty()).then(|| LiveFrame {
            version,
            bytes: frame.finish(version, false, false),
            more: false,
        }))
    }

    /// Marks what changed since [`Subscription::seen`].
    fn collect(&mut self) {
        let live = self.live.clone();
        let published = live.inner.published.read();
        if published.version == self.seen {
            return;
        }
        let since = self.seen;
        self.seen = published.version;
        published.changed_after(since, |i, slot| {
            if self.in_view(&published, slot) || self.shown.contains(i as usize) {
                self.pending.grow_and_insert(i as usize);
            }
        });
    }

    fn current_peers(&self) -> (HashSet<PersonId>, u64) {
        let state = self.live.inner.state.read();
        (state.peers(&self.scope.viewer), state.shares_version)
    }

    fn refresh_peers(&mut self) {
        if self.live.inner.state.read().shares_version == self.shares_version {
            return;
        }
        let (peers, version) = self.current_peers();
        self.shares_version = version;
        let changed: HashSet<PersonId> = self.peers.symmetric_difference(&peers).copied().collect();
        self.peers = peers;
        if changed.is_empty() {
            return;
        }
        let live = self.live.clone();
        let published = live.inner.published.read();
        for (i, slot) in published.slots() {
            if matches!(slot.subject, Subject::Person(person) if changed.contains(&person))
                && (self.in_view(&published, slot) || self.shown.contains(i as usize))
            {
                self.pending.grow_and_insert(i as usize);
            }
        }
    }

    fn in_view(&mut self, published: &Published, slot: &Slot) -> bool {
        slot.now.as_ref().is_some_and(|now| self.sees(published, &now.sight, slot.subject.person()))
    }

    fn sees(&mut self, published: &Published, now: &Sight, person: Option<PersonId>) -> bool {
        self.bbox.is_none_or(|bbox| bbox.contains(now.position))
            && ((now.open && (self.holds(published, now.unit) || person == Some(self.scope.viewer)))
                || person.is_some_and(|person| self.peers.contains(&person)))
    }

    /// Whether the scope holds the unit: asked once per unit, not once per record.
    fn holds(&mut self, published: &Published, unit: u32) -> bool {
        let number = unit as usize;
        if let Some(Some(known)) = self.units.get(number) {
            return *known;
        }
        let holds = published.path(unit).is_some_and(|path| self.scope.holds(path));
        if self.units.len() <= number {
            self.units.resize(number + 1, None);
        }
        if let Some(place) = self.units.get_mut(number) {
            *place = Some(holds);
        }
        holds
    }

    /// Takes from the pending as much as fits and writes it; `None` for a delta that would be empty.
    fn frame(&mut self, encoding: Encoding, snapshot: bool) -> Option<LiveFrame> {
        let live = self.live.clone();
        let published = live.inner.published.read();
        let mut frame = Writer::new(encoding);
        let mut pending = std::mem::take(&mut self.pending);
        let mut done = 0;
        for i in pending.ones() {
            if frame.len() >= FRAME_MAX - FRAME_SPARE {
                break;
            }
            done = i + 1;
            let Ok(handle) = u32::try_from(i) else { continue };
            let Some(slot) = published.slot(handle) else { continue };
            match &slot.now {
                Some(now) if self.in_view(&published, slot) => {
                    self.shown.grow_and_insert(i);
                    let known = self.introduced.contains(i);
                    if encoding == Encoding::Bin && !known {
                        self.introduced.grow_and_insert(i);
                    }
                    frame.record(handle, slot.subject, now, known);
                }
                _ if self.shown.contains(i) => {
                    self.shown.remove(i);
                    frame.remove(handle, slot.subject);
                }
                _ => {}
            }
        }
        drop(published);
        pending.set_range(..done, false);
        self.pending = pending;
        if !snapshot && frame.is_empty() {
            return None;
        }
        let (version, more) = (self.seen, !self.pending.is_clear());
        Some(LiveFrame { version, bytes: frame.finish(version, snapshot, more), more })
    }
}
