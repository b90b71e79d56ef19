//! Who looked at whom: every look leaves a record, and the one looked at can read it.
//!
//! A live subscription is one record (who, purpose, scope, viewport, from, to); a change of viewport ends it and begins
//! another, but only once the view has stood for [`DEBOUNCE`]. A single look (REST live view, nearby, track) is a record
//! of a moment. Scoped records name no people: [`super::service::looked_at`] joins them with one's own track. Those that
//! name people go through [`super::looks`].

use std::sync::Arc;
use std::time::Duration;

use super::live::Scope;
use super::looks::Looks;
use super::owed::Owed;
use super::store::{self, AccessRow};
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority};
use crate::platform::policy::Actor;
use crate::text_enum;
use crate::words::error::Result;
use crate::words::geo::BBox;
use crate::words::ids::{AccessId, PersonId};
use crate::words::time::Timestamp;

/// How long a view must stand before it gets a record of its own; panning a map leaves one, not fifty.
pub const DEBOUNCE: Duration = Duration::from_secs(2);

text_enum! {
    /// What kind of look it was.
    pub enum AccessKind {
        /// A live subscription on the socket.
        Subscription = "subscription",
        /// The live view, once.
        Live = "live",
        /// Who is near.
        Nearby = "nearby",
        /// One person's track.
        Track = "track",
    }
}

impl AccessKind {
    /// Shows single people, whom its record names; the others are over a unit.
    pub const fn names_people(self) -> bool {
        matches!(self, Self::Nearby | Self::Track)
    }
}

/// A look as of `now`, over at once.
pub fn look(actor: &Actor, kind: AccessKind, purpose: Option<String>, now: Timestamp) -> AccessRow {
    AccessRow::of_moment(AccessId::new(), (actor.person, actor.unit, actor.device), kind, purpose, now)
}

/// The same look over a scope and a box.
pub fn over(mut row: AccessRow, scope: &Scope, bbox: Option<&BBox>) -> AccessRow {
    row.unit_path = scope.unit_path.as_deref().map(str::to_owned);
    row.subtree = scope.subtree;
    if let Some(bbox) = bbox {
        (row.west, row.south) = (Some(bbox.west), Some(bbox.south));
        (row.east, row.north) = (Some(bbox.east), Some(bbox.north));
    }
    row
}

/// What one look leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub row: AccessRow,
    /// The single people it showed.
    pub people: Vec<PersonId>,
    /// The look that it takes the place of.
    pub ends: Option<AccessId>,
}

impl Look {
    /// Writes one over a unit down.
    fn write_scoped(&self, conn: &mut Conn) -> Result<()> {
        if let Some(before) = &self.ends {
            store::access_end(conn, before, self.row.from_at)?;
        }
        store::access_insert(conn, &self.row)
    }
}

/// Writes a look and the single people it showed. Answer only after it: a look without a record is refused, but for a
/// full disk, when the record is [`Owed`].
pub async fn record(core: &Core, row: AccessRow, people: Vec<PersonId>) -> Result<()> {
    record_after(core, None, row, people).await
}

async fn record_after(core: &Core, ends: Option<AccessId>, row: AccessRow, people: Vec<PersonId>) -> Result<()> {
    let owed = core.part::<Owed>()?;
    let ends = ends.filter(|before| !owed.end(before, row.from_at));
    let look = Arc::new(Look { row, people, ends });
    write(core, Priority::Normal, std::slice::from_ref(&look)).await.or_else(|error| owed.take(look, error))
}

/// Writes looks where their kind belongs. Those that name people first: when the others then cannot be written, they are
/// written again, and told once all the same.
pub async fn write(core: &Core, priority: Priority, looks: &[Arc<Look>]) -> Result<()> {
    let (naming, scoped): (Vec<_>, Vec<_>) = looks.iter().cloned().partition(|look| look.row.kind.names_people());
    if !naming.is_empty() {
        core.part::<Looks>()?.write(naming).await?;
    }
    if scoped.is_empty() {
        return Ok(());
    }
    core.db.write(priority, move |tx| scoped.iter().try_for_each(|look| look.write_scoped(tx.conn()))).await
}

/// The record of one live subscription. Owned by its socket; dropping it ends the record.
///
/// ```text
/// let watch = Watch::begin(&core, &actor, purpose, &scope, bbox).await?;   // before the snapshot
/// watch.look_at(&scope, bbox);                                             // when the view changes
/// ```
pub struct Watch {
    core: Arc<Core>,
    actor: Arc<Actor>,
    purpose: Option<String>,
    open: Arc<parking_lot::Mutex<Open>>,
}

#[derive(Debug, Clone)]
struct Open {
    id: AccessId,
    view: (Scope, Option<BBox>),
    /// Counts changes of view: only the last one that stands is written.
    turn: u64,
}

impl Watch {
    /// Writes the record of a subscription that begins.
    pub async fn begin(
        core: &Arc<Core>,
        actor: &Arc<Actor>,
        purpose: Option<String>,
        scope: &Scope,
        bbox: Option<&BBox>,
    ) -> Result<Self> {
        let now = core.clock.now();
        let mut row = over(look(actor, AccessKind::Subscription, purpose.clone(), now), scope, bbox);
        row.to_at = None;
        let open = Open { id: row.id, view: (scope.clone(), bbox.copied()), turn: 0 };
        record(core, row, Vec::new()).await?;
        let open = Arc::new(parking_lot::Mutex::new(open));
        Ok(Self { core: Arc::clone(core), actor: Arc::clone(actor), purpose, open })
    }

    /// The view has changed. A change of unit is recorded at once, one of the box when it has stood for [`DEBOUNCE`].
    pub fn look_at(&self, scope: &Scope, bbox: Option<&BBox>) {
        let (turn, wait) = {
            let mut open = self.open.lock();
            let view = (scope.clone(), bbox.copied());
            if open.view == view {
                return;
            }
            let wait = if open.view.0 == view.0 { DEBOUNCE } else { Duration::ZERO };
            open.view = view;
            open.turn += 1;
            (open.turn, wait)
        };
        let (core, actor, purpose) = (Arc::clone(&self.core), Arc::clone(&self.actor), self.purpose.clone());
        let open = Arc::clone(&self.open);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let now = core.clock.now();
            let (ended, row) = {
                let mut open = open.lock();
                if open.turn != turn {
                    return;
                }
                let (scope, bbox) = &open.view;
                let mut row = over(look(&actor, AccessKind::Subscription, purpose, now), scope, bbox.as_ref());
                row.to_at = None;
                (std::mem::replace(&mut open.id, row.id), row)
            };
            if let Err(error) = record_after(&core, Some(ended), row, Vec::new()).await {
                tracing::warn!(%error, "a change of live view could not be recorded");
            }
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let core = Arc::clone(&self.core);
        let id = {
            let mut open = self.open.lock();
            // A change that has not stood yet is never written.
            open.turn += 1;
            open.id
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let now = core.clock.now();
            if core.part::<Owed>().is_ok_and(|owed| owed.end(&id, now)) {
                return;
            }
            if let Err(error) =
                core.db.write(Priority::Background, move |tx| store::access_end(tx.conn(), &id, now)).await
            {
                tracing::warn!(%error, "the end of a live view could not be recorded; the next start records it");
            }
        });
    }
}
