//! Who stands how to an item, what he may do with it, and the trace that every look leaves.
//!
//! A look at somebody else's item is an entry in its custody with purpose and range, written before the first byte of
//! the answer leaves. A player asks for one film in a hundred parts: what one person reads of one item in the same way
//! within [`ONE_LOOK_S`] is one entry.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::custody::{Touch, TouchKind, touch};
use super::keeping::erase::tombstone;
use super::store::{self, EvidenceRow};
use crate::duty::assignments::store as assignments;
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::duty::inquiries::{self, About, Inquiry};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::policy::{self, Action, Actor, Decision, Facts};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, EvidenceId, IncidentId, InquiryId, PersonId};
use crate::words::time::Timestamp;

/// Seconds within which repeated reading of one kind by one person counts as one look.
pub const ONE_LOOK_S: i64 = 60;
/// Looks remembered; beyond it those that are over go first.
const LOOKS_MAX: usize = 20_000;

/// An actor's standing towards one item.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// A unit of the item, or of an incident of it, inside the actor's subtree.
    path: Option<String>,
    /// He made it, or wore the camera.
    pub own: bool,
    /// Is or was sent to an incident of it.
    assigned: bool,
    /// It came from the device he holds.
    delivered: bool,
    withheld: bool,
    /// The inquiry that the request names and that covers the item; then nothing else counts.
    pub under: Option<Under>,
}

/// The open inquiry under which somebody looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    pub id: InquiryId,
    pub number: String,
}

impl Under {
    pub fn of(inquiry: &Inquiry) -> Self {
        Self { id: inquiry.row.id, number: inquiry.row.number.clone() }
    }
}

/// Loads the facts.
pub fn sight(conn: &mut Conn, actor: &Actor, row: &EvidenceRow) -> Result<Sight> {
    let mut paths = vec![officers::unit_fetch(conn, &row.unit_id)?.path];
    let mut assigned = false;
    for incident in store::incidents_of(conn, &row.id)? {
        paths.extend(incidents::unit_paths(conn, &incident)?.into_iter().map(|(path, _)| path));
        assigned = assigned || !incidents::parties_of_person(conn, &incident, &actor.person)?.is_empty();
    }
    Ok(Sight {
        path: paths.into_iter().find(|path| actor.commands(path)),
        own: row.author_id == actor.person || row.wearer_id == Some(actor.person),
        assigned,
        delivered: row.device_id == actor.device,
        withheld: row.quarantined,
        under: None,
    })
}

/// The standing that an inquiry gives, and no other: who names one reads by its right, and is noted under it.
fn sight_under(conn: &mut Conn, inquiry: &Inquiry, row: &EvidenceRow) -> Result<Sight> {
    let unit_path = officers::unit_fetch(conn, &row.unit_id)?.path;
    let incidents = store::incidents_of(conn, &row.id)?;
    let people: Vec<PersonId> = [Some(row.author_id), row.wearer_id].into_iter().flatten().collect();
    let about = About { people: &people, incidents: &incidents, unit_path: &unit_path };
    let covered = inquiry.covers(&about, row.captured_at);
    Ok(Sight { withheld: row.quarantined, under: covered.then(|| Under::of(inquiry)), ..Sight::default() })
}

impl Sight {
    /// Asks the policy.
    pub fn decide(&self, actor: &Actor, action: Action) -> Decision {
        let facts = Facts {
            unit_path: self.path.as_deref(),
            own: self.own,
            assigned: self.assigned,
            shared: self.delivered,
            withheld: self.withheld,
            inquiry: self.under.is_some(),
            ..Facts::default()
        };
        policy::may(actor, action, &facts)
    }

    /// Errors: `not_found` or `forbidden`.
    pub fn check(&self, actor: &Actor, action: Action) -> Result<()> {
        self.decide(actor, action).check("evidence")
    }
}

/// An item the actor may act upon, with his standing. Errors: `not_found`, `forbidden`.
pub fn fetch(conn: &mut Conn, actor: &Actor, id: &EvidenceId, action: Action) -> Result<(EvidenceRow, Sight)> {
    let row = store::evidence_fetch(conn, id)?;
    let sight = sight(conn, actor, &row)?;
    sight.check(actor, action)?;
    Ok((row, sight))
}

/// [`fetch`] for what needs the item itself. Errors: also `erased`, with who deleted it, when and why.
pub fn fetch_whole(conn: &mut Conn, actor: &Actor, id: &EvidenceId, action: Action) -> Result<(EvidenceRow, Sight)> {
    let (row, sight) = fetch(conn, actor, id, action)?;
    whole(conn, &row)?;
    Ok((row, sight))
}

/// Errors: `erased` when the item was lawfully deleted.
pub fn whole(conn: &mut Conn, row: &EvidenceRow) -> Result<()> {
    if row.gone_at.is_none() { Ok(()) } else { Err(tombstone(conn, &row.id)?) }
}

/// [`fetch`] for a handler.
pub async fn seen(ctx: &Ctx, id: EvidenceId, action: Action) -> Result<(EvidenceRow, Sight)> {
    let actor = Arc::clone(&ctx.actor);
    ctx.db.read(move |conn| fetch(conn, &actor, &id, action)).await
}

/// [`seen`], under an inquiry if the request names one. Errors: besides, those of the inquiry.
pub async fn seen_under(
    ctx: &Ctx,
    id: EvidenceId,
    action: Action,
    inquiry: Option<InquiryId>,
) -> Result<(EvidenceRow, Sight)> {
    let Some(inquiry) = inquiry else { return seen(ctx, id, action).await };
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    ctx.db
        .read(move |conn| {
            let inquiry = inquiries::access::open_for(conn, &actor, &inquiry, now)?;
            let row = store::evidence_fetch(conn, &id)?;
            let sight = sight_under(conn, &inquiry, &row)?;
            sight.check(&actor, action)?;
            Ok((row, sight))
        })
        .await
}

/// [`seen_under`] for what needs the item itself. Errors: also `erased`, with who deleted it, when and why.
pub async fn seen_whole(
    ctx: &Ctx,
    id: EvidenceId,
    action: Action,
    inquiry: Option<InquiryId>,
) -> Result<(EvidenceRow, Sight)> {
    let seen = seen_under(ctx, id, action, inquiry).await?;
    if seen.0.gone_at.is_none() {
        return Ok(seen);
    }
    Err(ctx.db.read(move |conn| tombstone(conn, &id)).await?)
}

/// Whether an item may be delivered, and to which incident: asked before the first byte is taken, and again when it is
/// whole. An assignment stands for its incident. What the author had to do with it counts like what the deliverer has:
/// a shared handset brings in what its holder before captured on his call.
///
/// Errors: `not_found`, `forbidden`, `invalid_field` when the two do not belong together.
pub fn bind(
    conn: &mut Conn,
    actor: &Actor,
    author: &PersonId,
    incident: Option<IncidentId>,
    assignment: Option<AssignmentId>,
) -> Result<Option<IncidentId>> {
    let of_assignment = match assignment {
        Some(id) => Some(assignments::assignment_fetch(conn, &id)?.incident_id),
        None => None,
    };
    if let (Some(asked), Some(other)) = (incident, of_assignment)
        && asked != other
    {
        return Err(Error::field("assignment_id", "belongs to another incident"));
    }
    let Some(id) = incident.or(of_assignment) else {
        policy::may(actor, Action::EvidenceAdd, &Facts::default()).check("evidence")?;
        return Ok(None);
    };
    let row = incidents::incident_fetch(conn, &id)?;
    let by_author = row.created_by == Some(*author) || !incidents::parties_of_person(conn, &id, author)?.is_empty();
    if !by_author {
        calls::sight(conn, actor, &row)?.check(actor, Action::EvidenceAdd)?;
    }
    Ok(Some(id))
}

/// In which way an item was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    Metadata,
    Preview,
    Content,
    Custody,
    /// Who looked.
    Looks,
    /// Many at once, narrowed to an incident or a person.
    List(Option<IncidentId>, Option<PersonId>),
}

impl Look {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Preview => "preview",
            Self::Content => "content",
            Self::Custody => "custody",
            Self::Looks => "looks",
            Self::List(..) => "list",
        }
    }

    const fn touch(self) -> TouchKind {
        match self {
            Self::Metadata | Self::Preview | Self::List(..) => TouchKind::Viewed,
            Self::Content => TouchKind::Downloaded,
            Self::Custody | Self::Looks => TouchKind::LogRead,
        }
    }
}

/// Who looked at what in which way and to what end, under which inquiry.
type Key = (PersonId, Option<EvidenceId>, Look, Option<String>, Option<InquiryId>);
/// When the look began; true once its entry is written. Whoever comes meanwhile waits for that.
type Begun = (Timestamp, Arc<tokio::sync::Mutex<bool>>);

/// Looks of the last minute. In memory: another node, or a restart, writes one entry more.
#[derive(Default)]
pub struct Looks {
    begun: Mutex<HashMap<Key, Begun>>,
}

impl Looks {
    fn of(&self, key: Key, now: Timestamp) -> Arc<tokio::sync::Mutex<bool>> {
        let over = |began: Timestamp| began.plus_secs(ONE_LOOK_S) <= now;
        let mut begun = self.begun.lock();
        if begun.len() >= LOOKS_MAX {
            begun.retain(|_, (began, _)| !over(*began));
            if begun.len() >= LOOKS_MAX {
                // More entries rather than none.
                begun.clear();
            }
        }
        let look = begun.entry(key).or_insert_with(|| (now, Arc::default()));
        if over(look.0) {
            *look = (now, Arc::default());
        }
        Arc::clone(&look.1)
    }
}

/// Writes a look down, once per [`ONE_LOOK_S`]; answer only after it. `detail` says which part of the item.
///
/// Errors: those of the database; a look that cannot be written is refused.
pub async fn record(
    ctx: &Ctx,
    evidence: Option<EvidenceId>,
    look: Look,
    purpose: Option<String>,
    detail: Value,
) -> Result<()> {
    record_under(ctx, None, evidence, look, purpose, detail).await
}

/// [`record`], under an inquiry if the look is under one.
pub async fn record_under(
    ctx: &Ctx,
    under: Option<&Under>,
    evidence: Option<EvidenceId>,
    look: Look,
    purpose: Option<String>,
    detail: Value,
) -> Result<()> {
    let key = (ctx.actor.person, evidence, look, purpose.clone(), under.map(|under| under.id));
    let written = ctx.part::<Looks>()?.of(key, ctx.clock.now());
    let mut written = written.lock().await;
    if *written {
        return Ok(());
    }
    record_each(ctx, under, evidence, look, purpose, detail).await?;
    *written = true;
    Ok(())
}

/// The same for what is noted each time: reading who looked.
pub async fn record_each(
    ctx: &Ctx,
    under: Option<&Under>,
    evidence: Option<EvidenceId>,
    look: Look,
    purpose: Option<String>,
    detail: Value,
) -> Result<()> {
    let mut detail = detail;
    if let Value::Object(map) = &mut detail {
        map.insert("what".into(), json!(look.as_str()));
        map.insert("purpose".into(), json!(purpose));
    }
    let (actor, under) = (Arc::clone(&ctx.actor), under.cloned());
    ctx.db
        .write(Priority::Normal, move |tx| match &under {
            Some(under) => sealed(tx, &actor, under, evidence, look, purpose.clone(), detail.clone()),
            None => touch(tx, Touch::by(&actor, evidence.as_ref(), look.touch(), detail.clone())).map(drop),
        })
        .await
}

/// A look under an inquiry. Its entry stands in the log like any other, but not in the item's custody: there nobody finds
/// it, misses it or counts it until the inquiry has ended and [`super::inquiries::disclose`] tells of it.
fn sealed(
    tx: &mut Tx<'_>,
    actor: &Actor,
    under: &Under,
    evidence: Option<EvidenceId>,
    look: Look,
    purpose: Option<String>,
    mut detail: Value,
) -> Result<()> {
    // It may have ended since it was asked.
    let now = tx.now;
    inquiries::access::open_for(tx.conn(), actor, &under.id, now)?;
    if let Value::Object(map) = &mut detail {
        map.insert("inquiry".into(), json!(under.number));
        map.insert("inquiry_id".into(), json!(under.id));
        map.insert("evidence_id".into(), json!(evidence));
    }
    let entry = touch(tx, Touch::by(actor, None, look.touch(), detail))?;
    let row = inquiries::store::LookRow {
        evidence_id: evidence,
        entry_id: Some(entry),
        ..inquiries::service::look(actor, under.id, look.as_str(), purpose, now)
    };
    inquiries::store::look_insert(tx.conn(), &row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_playback_is_one_look_and_a_minute_later_another() {
        let looks = Looks::default();
        let (viewer, item) = (PersonId::new(), Some(EvidenceId::new()));
        let now = Timestamp::from_micros(1_000_000_000);
        let key = |look, purpose: Option<&str>| (viewer, item, look, purpose.map(str::to_owned), None);
        let first = looks.of(key(Look::Content, None), now);
        assert!(Arc::ptr_eq(&first, &looks.of(key(Look::Content, None), now.plus_secs(ONE_LOOK_S - 1))));
        assert!(!Arc::ptr_eq(&first, &looks.of(key(Look::Preview, None), now)), "another way of looking");
        assert!(!Arc::ptr_eq(&first, &looks.of(key(Look::Content, Some("appeal")), now)), "another purpose");
        let later = looks.of(key(Look::Content, None), now.plus_secs(ONE_LOOK_S));
        assert!(!Arc::ptr_eq(&first, &later));
    }

    #[test]
    fn too_many_looks_are_forgotten_rather_than_kept() {
        let looks = Looks::default();
        let now = Timestamp::from_micros(0);
        for _ in 0..=LOOKS_MAX {
            looks.of((PersonId::new(), None, Look::Content, None, None), now);
        }
        assert!(looks.begun.lock().len() <= LOOKS_MAX);
    }
}
