//! Marks, links, and the custodian's release of what was put aside.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::access;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::keeping::{Terms, standing};
use super::super::rules;
use super::super::scene;
use super::super::store::{self, EvidenceRow, MarkRow};
use crate::duty::incidents::trail;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, IncidentId, MarkId};

/// What is to be seen from when to when.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMark {
    /// Milliseconds from the beginning of the recording.
    pub from_ms: i64,
    /// Not before `from_ms`; the same for an instant.
    pub to_ms: i64,
    /// What it shows, in words; 1 to 500 characters.
    pub text: String,
}

/// Marks a stretch of a recording. Errors: `invalid_field`, `not_found`.
pub async fn mark(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, new: NewMark) -> Result<Done> {
    body::text("text", &new.text, 1, rules::MARK_TEXT_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceMark)?;
        let row = locked(tx, &id)?;
        rules::mark_times(new.from_ms, new.to_ms, row.duration_ms)?;
        let mark = MarkRow {
            id: MarkId::new(),
            evidence_id: id,
            from_ms: new.from_ms,
            to_ms: new.to_ms,
            text: new.text.clone(),
            by_person_id: actor.person,
            at: tx.now,
        };
        store::mark_insert(tx.conn(), &mark)?;
        touch(
            tx,
            Touch::by(
                &actor,
                Some(&id),
                TouchKind::Marked,
                json!({
                    "mark_id": mark.id, "from_ms": mark.from_ms, "to_ms": mark.to_ms, "text": mark.text,
                }),
            ),
        )?;
        Ok(Done::new(201, json!({ "id": mark.id })))
    })
    .await
}

/// Says that an item belongs to an incident too; saying so twice changes nothing.
///
/// Errors: `not_found` for either, `forbidden`.
pub async fn link(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, incident: IncidentId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    let terms = ctx.part::<Terms>()?.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceLink)?;
        access::bind(tx.conn(), &actor, &actor.person, Some(incident), None)?;
        let row = locked(tx, &id)?;
        let now = tx.now;
        if store::link_insert(tx.conn(), &incident, &id, &actor.person, now)? {
            touch(tx, Touch::by(&actor, Some(&id), TouchKind::Linked, json!({ "incident_id": incident })))?;
            trail::entry(tx, &incident, "evidence.linked", Some(actor.person), json!({ "evidence_id": id }))?;
            scene::service::came(tx, &row)?;
            // What is known of the incident holds for the item from now on.
            standing::raise(tx, &terms, &row)?;
            let about = standing::about(tx.conn(), &id)?;
            if !store::holds_standing(tx.conn(), &[], &about)?.is_empty() {
                standing::drop_open(tx, Some(&actor), &id, "held")?;
            }
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// The item, kept from being deleted until the transaction ends. Errors: `erased` when it is.
fn locked(tx: &mut Tx<'_>, id: &EvidenceId) -> Result<EvidenceRow> {
    let row = store::evidence_lock(tx.conn(), id)?;
    access::whole(tx.conn(), &row)?;
    Ok(row)
}

/// Lets an item out of quarantine: from now on it is there for all whom it concerns.
///
/// Errors: `not_found`, `forbidden`, `conflict` when it was not put aside.
pub async fn release(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceKeep)?;
        if !store::evidence_release(tx.conn(), &id)? {
            return Err(Error::conflict("the item is not in quarantine"));
        }
        touch(tx, Touch::by(&actor, Some(&id), TouchKind::Released, json!({})))?;
        // What was not said when it arrived is said now.
        let incident = store::incidents_of(tx.conn(), &id)?.first().copied();
        tx.emit(&Event::EvidenceReceived { evidence: id, incident })?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}
