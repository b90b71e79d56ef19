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

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use crate::duty::location::live_bin;
use crate::words::geo::BBox;
use crate::words::ids::PersonId;

use super::Live;
use super::publish::{Encoded, Record, RecordBody, Slot};
use super::state::Subject;

/// Bytes a frame holds at most.
pub const FRAME_MAX: usize = 64 * 1024;

/// Room kept for a frame's head, tail and one more record.
const FRAME_SPARE: usize = 2 * 1024;

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
        let in_unit = || match &self.unit_path {
            Some(path) if self.subtree => unit_path.starts_with(path.as_ref()),
            Some(path) => unit_path == path,
            None => false,
        };
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
    pending: BTreeSet<u32>,
    shown: HashSet<u32>,
    introduced: HashSet<u32>,
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
            pending: BTreeSet::new(),
            shown: HashSet::new(),
            introduced: HashSet::new(),
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
            if self.in_view(slot) {
                self.pending.insert(i);
            }
        }
        drop(published);
        let empty = LiveFrame { version: self.seen, bytes: Bytes::new(), more: false };
        self.frame(encoding, true).unwrap_or(empty)
    }

    /// What changed since the last frame; `None` when nothing did.
    pub fn delta(&mut self, encoding: Encoding) -> Option<LiveFrame> {
        self.collect();
        // What was marked may have left the view again unseen: such a frame says nothing and is not worth a credit.
        while !self.pending.is_empty() {
            if let Some(frame) = self.frame(encoding, false) {
                return Some(frame);
            }
        }
        None
    }

    /// Marks what changed since [`Subscription::seen`].
    fn collect(&mut self) {
        self.refresh_peers();
        let live = self.live.clone();
        let published = live.inner.published.read();
        if published.version == self.seen {
            return;
        }
        let since = self.seen;
        self.seen = published.version;
        published.changed_after(since, |i, slot| {
            if self.in_view(slot) || self.shown.contains(&i) {
                self.pending.insert(i);
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
                && (self.in_view(slot) || self.shown.contains(&i))
            {
                self.pending.insert(i);
            }
        }
    }

    fn in_view(&self, slot: &Slot) -> bool {
        slot.now.as_ref().is_some_and(|encoded| {
            self.scope.sees(&encoded.record, &self.peers)
                && self.bbox.is_none_or(|bbox| bbox.contains(encoded.record.position))
        })
    }

    /// Takes from the pending as much as fits and writes it; `None` for a delta that would be empty.
    fn frame(&mut self, encoding: Encoding, snapshot: bool) -> Option<LiveFrame> {
        let live = self.live.clone();
        let published = live.inner.published.read();
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        let mut size = FRAME_SPARE;
        while size < FRAME_MAX
            && let Some(i) = self.pending.pop_first()
        {
            let Some(slot) = published.slot(i) else { continue };
            match &slot.now {
                Some(encoded) if self.in_view(slot) => {
                    size += match encoding {
                        Encoding::Json => encoded.json.len() + 1,
                        Encoding::Bin => live_bin::RECORD_BYTES + live_bin::NAME_BYTES,
                    };
                    self.shown.insert(i);
                    changed.push((i, Arc::clone(encoded)));
                }
                _ if self.shown.remove(&i) => {
                    size += 40;
                    removed.push((i, slot.subject));
                }
                _ => {}
            }
        }
        drop(published);
        if !snapshot && changed.is_empty() && removed.is_empty() {
            return None;
        }
        let more = !self.pending.is_empty();
        let version = self.seen;
        let bytes = match encoding {
            Encoding::Json => json_frame(version, snapshot, more, &changed, &removed),
            Encoding::Bin => live_bin::frame(version, snapshot, more, &changed, &removed, &mut self.introduced),
        };
        Some(LiveFrame { version, bytes, more })
    }
}

fn json_frame(
    version: u64,
    snapshot: bool,
    more: bool,
    changed: &[(u32, Arc<Encoded>)],
    removed: &[(u32, Subject)],
) -> Bytes {
    let is_person = |encoded: &Encoded| matches!(encoded.record.body, RecordBody::Person(_));
    let mut out = BytesMut::with_capacity(changed.iter().map(|(_, e)| e.json.len() + 1).sum::<usize>() + 256);
    let list = |out: &mut BytesMut, name: &str, people: bool, always: bool| {
        let mut first = true;
        for (_, encoded) in changed.iter().filter(|(_, encoded)| is_person(encoded) == people) {
            out.extend_from_slice(if first { b"" } else { b"," });
            if first {
                open(out, name);
            }
            first = false;
            out.extend_from_slice(&encoded.json);
        }
        if first && always {
            open(out, name);
        }
        if !first || always {
            out.extend_from_slice(b"]");
        }
    };
    let kind = if snapshot { "live_snapshot" } else { "live_delta" };
    out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"version\":{version}").as_bytes());
    list(&mut out, if snapshot { "people" } else { "changed" }, true, true);
    list(&mut out, if snapshot { "vehicles" } else { "vehicles_changed" }, false, false);
    if !snapshot {
        ids(&mut out, "removed", removed, true);
        ids(&mut out, "vehicles_removed", removed, false);
    }
    if more {
        out.extend_from_slice(b",\"more\":true");
    }
    out.extend_from_slice(b"}");
    out.freeze()
}

fn open(out: &mut BytesMut, name: &str) {
    out.extend_from_slice(format!(",\"{name}\":[").as_bytes());
}

fn ids(out: &mut BytesMut, name: &str, removed: &[(u32, Subject)], people: bool) {
    let ids: Vec<String> = removed
        .iter()
        .filter_map(|(_, subject)| match subject {
            Subject::Person(person) => people.then(|| format!("\"{person}\"")),
            Subject::Device(device) => (!people).then(|| format!("\"{device}\"")),
        })
        .collect();
    if people || !ids.is_empty() {
        open(out, name);
        out.extend_from_slice(ids.join(",").as_bytes());
        out.extend_from_slice(b"]");
    }
}
