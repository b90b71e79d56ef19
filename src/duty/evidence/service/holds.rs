//! Holds: set by whoever answers for the unit, lifted by a custodian alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::access;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::keeping::standing;
use super::super::rules::REASON_MAX;
use super::super::store::{self, HoldRow, frozen};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::{store as incidents, trail};
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Actor};
use crate::words::error::Result;
use crate::words::ids::{EvidenceId, HoldId, IncidentId};

/// Holds one item. Errors: `invalid_field`, `not_found`, `forbidden`.
pub async fn hold_item(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, reason: String) -> Result<Done> {
    body::text("reason", &reason, 1, REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::HoldWrite)?;
        // A deletion that is under way is over before, or sees the hold.
        let row = store::evidence_lock(tx.conn(), &id)?;
        access::whole(tx.conn(), &row)?;
        let hold = set(tx, &actor, None, Some(id), &reason)?;
        told(tx, &actor, Some(&id), TouchKind::HoldSet, json!({ "hold_id": hold, "reason": reason }))?;
        standing::drop_open(tx, Some(&actor), &id, "held")?;
        Ok(Done::new(201, json!({ "id": hold })))
    })
    .await
}

/// Holds an incident with everything about it, now and later. Errors: `invalid_field`, `not_found`, `forbidden`.
pub async fn hold_incident(ctx: &Ctx, meta: &RequestMeta, id: IncidentId, reason: String) -> Result<Done> {
    body::text("reason", &reason, 1, REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = incidents::incident_fetch(tx.conn(), &id)?;
        calls::sight(tx.conn(), &actor, &row)?.check(&actor, Action::HoldWrite)?;
        // Whoever drops what is old, and whoever deletes an item of it, is through before, or sees the hold.
        frozen::gate(tx.conn())?;
        incidents::incident_lock(tx.conn(), &id)?;
        let hold = set(tx, &actor, Some(id), None, &reason)?;
        let detail = json!({ "hold_id": hold, "incident_id": id, "reason": reason });
        of_incident(tx, &actor, &id, TouchKind::HoldSet, &detail)?;
        for item in items_of(tx, &id)? {
            standing::drop_open(tx, Some(&actor), &item, "held")?;
        }
        trail::entry(tx, &id, "hold.set", Some(actor.person), json!({ "hold_id": hold }))?;
        Ok(Done::new(201, json!({ "id": hold })))
    })
    .await
}

/// Lifts a hold; lifting it twice is lifting it once. Errors: `not_found`, `forbidden`.
pub async fn hold_lift(ctx: &Ctx, meta: &RequestMeta, id: HoldId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = store::hold_fetch(tx.conn(), &id)?;
        if let Some(evidence) = &row.evidence_id {
            let item = store::evidence_fetch(tx.conn(), evidence)?;
            access::sight(tx.conn(), &actor, &item)?.decide(&actor, Action::EvidenceKeep).check("hold")?;
        }
        if let Some(incident) = &row.incident_id {
            let call = incidents::incident_fetch(tx.conn(), incident)?;
            calls::sight(tx.conn(), &actor, &call)?.decide(&actor, Action::EvidenceKeep).check("hold")?;
        }
        let now = tx.now;
        if store::hold_lift(tx.conn(), &id, &actor.person, now)? {
            if let Some(evidence) = &row.evidence_id {
                told(tx, &actor, Some(evidence), TouchKind::HoldLifted, json!({ "hold_id": id }))?;
            }
            if let Some(incident) = &row.incident_id {
                let detail = json!({ "hold_id": id, "incident_id": incident });
                of_incident(tx, &actor, incident, TouchKind::HoldLifted, &detail)?;
                trail::entry(tx, incident, "hold.lifted", Some(actor.person), json!({ "hold_id": id }))?;
            }
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

fn set(
    tx: &mut Tx<'_>,
    actor: &Actor,
    incident: Option<IncidentId>,
    evidence: Option<EvidenceId>,
    reason: &str,
) -> Result<HoldId> {
    let row = HoldRow {
        id: HoldId::new(),
        incident_id: incident,
        evidence_id: evidence,
        reason: reason.to_owned(),
        set_by: actor.person,
        set_at: tx.now,
        lifted_by: None,
        lifted_at: None,
    };
    store::hold_insert(tx.conn(), &row)?;
    Ok(row.id)
}

/// The touch of an incident's hold: one for the incident, one in the custody of each of its items.
fn of_incident(tx: &mut Tx<'_>, actor: &Actor, incident: &IncidentId, kind: TouchKind, detail: &Value) -> Result<()> {
    told(tx, actor, None, kind, detail.clone())?;
    for evidence in items_of(tx, incident)? {
        told(tx, actor, Some(&evidence), kind, detail.clone())?;
    }
    Ok(())
}

/// The items of an incident and of those that were merged into it, each once.
fn items_of(tx: &mut Tx<'_>, incident: &IncidentId) -> Result<BTreeSet<EvidenceId>> {
    let all: Vec<IncidentId> = frozen::with_merged(tx.conn(), &[*incident])?.into_iter().collect();
    Ok(frozen::items_of(tx.conn(), &all)?.into_iter().collect())
}

fn told(tx: &mut Tx<'_>, actor: &Actor, evidence: Option<&EvidenceId>, kind: TouchKind, detail: Value) -> Result<()> {
    touch(tx, Touch::by(actor, evidence, kind, detail)).map(drop)
}
