//! What a checked intake does: create, nothing, apply a newer revision, keep an
//! older one as history. Called by `http` inside an idempotent write.

use serde_json::{Value, json};

use super::intake::Prepared;
use super::revision::{Verdict, is_loud, judge};
use super::state::State;
use super::store::{self, CallerRow, IncidentRow, RevisionRow};
use super::{access, service, trail};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::Done;
use crate::platform::policy::{self, Action};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::IncidentId;
use crate::words::time::Timestamp;

/// The recipe: 201 created, 200 the same, applied or history.
pub fn intake(tx: &mut Tx<'_>, ctx: &Ctx, prepared: &Prepared) -> Result<Done> {
    let by_number = match &prepared.body.external_no {
        Some(no) => store::incident_by_external(tx.conn(), &prepared.source, no)?,
        None => None,
    };
    let known = match by_number {
        Some(row) => Some(row),
        None if prepared.id_given => store::incident_find(tx.conn(), &prepared.id)?,
        None => None,
    };
    match known {
        Some(row) => push(tx, ctx, prepared, row),
        None => create(tx, ctx, prepared),
    }
}

fn create(tx: &mut Tx<'_>, ctx: &Ctx, prepared: &Prepared) -> Result<Done> {
    let actor = &*ctx.actor;
    let body = &prepared.body;
    let now = tx.now;
    let unit_id = body.unit_id.unwrap_or(actor.unit);
    let unit = officers::unit_fetch(tx.conn(), &unit_id)?;
    // A field officer may put it to his own command room or a unit below it; a source to any unit under its own.
    if body.unit_id.is_some() && !actor.commands(&unit.path) {
        return Err(Error::not_found("unit"));
    }
    let own_call = actor.kind.is_field() || (actor.kind.is_room() && unit_id == actor.unit);
    let mut marks = serde_json::Map::new();
    if own_call && actor.kind.is_room() {
        marks.insert("signed_by".into(), json!(actor.person));
        marks.insert("signed_at".into(), json!(now));
    }
    let row = IncidentRow {
        id: prepared.id,
        source: prepared.source.clone(),
        external_no: body.external_no.clone(),
        revision: prepared.revision,
        version: 1,
        unit_id,
        pending_unit_id: None,
        state: if own_call { State::AwaitingDispatch } else { State::AwaitingSignature },
        round: 1,
        category: prepared.category.clone(),
        category_found: None,
        priority: prepared.priority,
        title: prepared.title.clone(),
        description: body.description.clone(),
        hazards: serde_json::to_string(&body.hazards)?,
        lon: body.location.lon,
        lat: body.location.lat,
        address: body.address.clone(),
        reported: reported(prepared).to_string(),
        local_fields: "{}".to_owned(),
        called_at: body.called_at,
        answered_at: body.answered_at,
        dispatched_at: body.dispatched_at,
        created_by: Some(actor.person),
        attach_self: body.attach_self,
        created_at: now,
        updated_at: now,
        claimed_by: None,
        claim_until: None,
        merged_into: None,
        final_at: None,
        marks: Value::Object(marks).to_string(),
    };
    if !store::incident_insert_new(tx.conn(), &row)? {
        // Another node was quicker with the same number: look again.
        return Err(Error::internal("the same incident is being created").repeatable());
    }
    store::unit_mark(tx.conn(), &row.id, &unit_id, now)?;
    store::revision_insert(tx.conn(), &revision_row(prepared, ctx, row.id, true, now))?;
    caller_add(tx, prepared, &row)?;
    trail::entry(tx, &row.id, "incident.created", Some(actor.person), json!({ "revision": row.revision }))?;
    trail::feed_append(tx, &row, "incident.created", &json!({ "state": row.state, "revision": row.revision }));
    tx.emit(&Event::IncidentCreated { incident: row.id })?;
    Ok(Done::new(201, json!({ "id": row.id, "applied": true })))
}

fn push(tx: &mut Tx<'_>, ctx: &Ctx, prepared: &Prepared, found: IncidentRow) -> Result<Done> {
    let actor = &*ctx.actor;
    let mut row = store::incident_lock(tx.conn(), &found.id)?;
    let sight = access::sight(tx.conn(), actor, &row)?;
    if sight.decide(actor, Action::IncidentContribute) != policy::Decision::Allow {
        return Err(Error::new(Code::AlreadyExists));
    }
    let known = store::revisions_known(tx.conn(), &row.id)?;
    let now = tx.now;
    let applied = match judge(&known, prepared.revision, &prepared.hash) {
        Verdict::Same => false,
        Verdict::Conflict => {
            return Err(Error::new(Code::RevisionConflict)
                .detail(format!("revision {} is known with another body", prepared.revision))
                .with("id", json!(row.id))
                .with("revision", json!(row.revision)));
        }
        Verdict::Older => {
            store::revision_insert(tx.conn(), &revision_row(prepared, ctx, row.id, false, now))?;
            trail::entry(
                tx,
                &row.id,
                "revision.history",
                Some(actor.person),
                json!({ "revision": prepared.revision }),
            )?;
            false
        }
        Verdict::Newer => {
            store::revision_insert(tx.conn(), &revision_row(prepared, ctx, row.id, true, now))?;
            apply(tx, ctx, prepared, &mut row)?;
            true
        }
    };
    Ok(Done::new(200, json!({ "id": row.id, "applied": applied })))
}

/// Applies a newer revision. Where the scene corrected the place, the scene
/// stands and the source's word is shown beside it; elsewhere the source wins.
fn apply(tx: &mut Tx<'_>, ctx: &Ctx, prepared: &Prepared, row: &mut IncidentRow) -> Result<()> {
    let body = &prepared.body;
    let mut changed: Vec<String> = Vec::new();
    let mut local: serde_json::Map<String, Value> = serde_json::from_str(&row.local_fields)?;
    let before: Value = serde_json::from_str(&row.reported)?;
    let after = reported(prepared);
    let moved = before.get("location") != after.get("location");
    if local.contains_key("location") {
        if moved {
            changed.push("reported_location".to_owned());
        }
    } else if moved {
        (row.lon, row.lat) = (body.location.lon, body.location.lat);
        changed.push("location".to_owned());
    }
    if before.get("address") != after.get("address") {
        if local.contains_key("address") {
            changed.push("reported_address".to_owned());
        } else {
            row.address.clone_from(&body.address);
            changed.push("address".to_owned());
        }
    }
    let mut take = |name: &str, differs: bool| {
        local.remove(name);
        if differs {
            changed.push(name.to_owned());
        }
    };
    take("category", row.category != prepared.category);
    row.category.clone_from(&prepared.category);
    take("priority", row.priority != prepared.priority);
    row.priority = prepared.priority;
    take("title", row.title != prepared.title);
    row.title.clone_from(&prepared.title);
    take("description", row.description != body.description);
    row.description.clone_from(&body.description);
    let hazards = serde_json::to_string(&body.hazards)?;
    take("hazards", row.hazards != hazards);
    row.hazards = hazards;
    for (name, had, new) in [
        ("called_at", &mut row.called_at, body.called_at),
        ("answered_at", &mut row.answered_at, body.answered_at),
        ("dispatched_at", &mut row.dispatched_at, body.dispatched_at),
    ] {
        if new.is_some() && *had != new {
            *had = new;
            changed.push(name.to_owned());
        }
    }
    if caller_add(tx, prepared, row)? {
        changed.push("reporter".to_owned());
    }
    row.local_fields = Value::Object(local).to_string();
    row.reported = after.to_string();
    row.revision = prepared.revision;
    let loud = is_loud(&changed);
    service::finish(
        tx,
        row,
        ctx.actor.person,
        "incident.updated",
        &changed,
        loud,
        json!({ "revision": row.revision }),
    )?;
    if body.cancelled && row.state.is_open() {
        service::cancel_row(tx, ctx.actor.person, row, "source")?;
    }
    Ok(())
}

fn reported(prepared: &Prepared) -> Value {
    let body = &prepared.body;
    json!({
        "location": { "lon": body.location.lon, "lat": body.location.lat },
        "address": body.address,
        "category": prepared.category,
        "priority": prepared.priority,
    })
}

fn revision_row(prepared: &Prepared, ctx: &Ctx, id: IncidentId, applied: bool, now: Timestamp) -> RevisionRow {
    RevisionRow {
        incident_id: id,
        revision: prepared.revision,
        hash: prepared.hash.clone(),
        body: prepared.history.clone(),
        applied,
        received_at: now,
        received_by: Some(ctx.actor.person),
    }
}

/// Keeps every caller once; a number that is known already adds nobody.
fn caller_add(tx: &mut Tx<'_>, prepared: &Prepared, row: &IncidentRow) -> Result<bool> {
    let Some(caller) = &prepared.caller else { return Ok(false) };
    let known = store::callers_list(tx.conn(), &row.id)?;
    if known.iter().any(|had| had.phone_index.is_some() && had.phone_index == caller.phone_index)
        || (caller.phone_index.is_none() && !known.is_empty())
    {
        return Ok(false);
    }
    let n = i32::try_from(known.len()).map_err(Error::internal)? + 1;
    let at = tx.now;
    store::caller_insert(
        tx.conn(),
        &CallerRow {
            incident_id: row.id,
            n,
            name_sealed: caller.name.clone(),
            phone_sealed: caller.phone.clone(),
            phone_index: caller.phone_index.clone(),
            secret: caller.secret,
            source: row.source.clone(),
            external_no: row.external_no.clone(),
            at,
        },
    )?;
    Ok(true)
}
