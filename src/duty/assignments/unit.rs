//! The unit's own act: signing for a call (签收), giving it back (退回),
//! handing it on (移交). The sender stays responsible until the receiver signed.

use serde_json::json;

use super::clock_rules::Change;
use super::clocks;
use super::ladder::{Rung, State, Truth, Via};
use super::offer::{self, Offer, Party};
use super::store::{self, AssignmentRow, Origin, RungRow};
use super::unit_ladder;
use crate::duty::incidents::service as incident_service;
use crate::duty::incidents::state::{Command, State as IncidentState};
use crate::duty::incidents::{IncidentRow, store as incidents, trail};
use crate::duty::officers::store as officers;
use crate::platform::cards;
use crate::platform::config::Dispatch;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, IncidentId, PersonId, RungId, UnitId};

/// Makes a unit see the incident and waits for its signature.
pub fn hand_to(tx: &mut Tx<'_>, row: &mut IncidentRow, party: &Party) -> Result<()> {
    let now = tx.now;
    incidents::unit_mark(tx.conn(), &row.id, &party.unit_id, now)?;
    if row.unit_id != party.unit_id {
        row.pending_unit_id = Some(party.unit_id);
    }
    Ok(())
}

/// A call that came in for a unit is offered to its seats at once.
pub fn offer_intake(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow) -> Result<()> {
    let party = offer::party_of_unit(tx, &incident.unit_id)?;
    let offer = Offer {
        party: &party,
        origin: Origin::Intake,
        by: incident.created_by,
        lead_override: false,
        replaces: None,
        start: None,
    };
    offer::offer(tx, core, incident, &offer).map(drop)
}

/// One rung of a unit's assignment; who acts and how.
pub struct Act<'a> {
    pub rung: Rung,
    pub person: Option<PersonId>,
    pub device: Option<DeviceId>,
    pub truth: Truth,
    pub via: Via,
    pub reason: Option<&'a str>,
    pub key: String,
}

/// Records it; true when the state moved. Locks the row itself.
pub fn act(tx: &mut Tx<'_>, config: &Dispatch, row: &mut AssignmentRow, act: &Act<'_>) -> Result<bool> {
    let now = tx.now;
    let from = row.state;
    let (to, applied) =
        unit_ladder::step(from, act.rung).map_err(|_crews_word| Error::field("event", "is not on a unit's ladder"))?;
    store::rung_insert(
        tx.conn(),
        &RungRow {
            id: RungId::new(),
            assignment_id: row.id,
            step: act.rung,
            at: now,
            device_at: None,
            device_id: act.device,
            person_id: act.person,
            recorded_by: None,
            via: act.via,
            truth: act.truth,
            reason: act.reason.map(str::to_owned),
            applied,
            counts: true,
            state_after: to,
            natural_key: act.key.clone(),
        },
    )?;
    if to != from {
        row.state = to;
        row.version += 1;
        row.updated_at = now;
        if to == State::Signed {
            row.accepted_at = Some(now);
        }
        if to.is_closed() {
            row.closed_at = Some(now);
        }
        store::assignment_save(tx.conn(), row)?;
        if to.is_closed() {
            store::members_close(tx.conn(), &row.id)?;
        }
        let change = Change { kind: row.assignee_kind, from, to, rung: act.rung, about: None, applied };
        clocks::turn(tx, config, row, &change)?;
        if !matches!(to, State::Sent | State::Delivered | State::Viewed) {
            cards::close(tx, &super::escalate::card_key(row), act.person)?;
        }
    }
    tx.emit(&Event::RungRecorded {
        assignment: row.id,
        incident: row.incident_id,
        person: act.person,
        rung: act.rung.to_string(),
        truth: act.truth.to_string(),
        applied,
    })?;
    Ok(to != from)
}

/// Everything a signature does beyond the rung: the call becomes this unit's.
pub fn signed(
    tx: &mut Tx<'_>,
    config: &Dispatch,
    incident: &mut IncidentRow,
    unit: UnitId,
    by: PersonId,
) -> Result<()> {
    let now = tx.now;
    // One unit has it: what others were offered is settled with that.
    let mut former = pass_on(tx, config, &incident.id, |other| other != unit, "signed_elsewhere")?;
    if incident.unit_id != unit {
        former.push(incident.unit_id);
        incident.unit_id = unit;
    }
    if !former.is_empty() {
        let receiver = officers::unit_fetch(tx.conn(), &unit)?;
        for other in former {
            // A room that sent it down its own tree keeps command; a neighbour only keeps sight.
            if !receiver.path.starts_with(&officers::unit_fetch(tx.conn(), &other)?.path) {
                incidents::unit_release(tx.conn(), &incident.id, &other)?;
            }
        }
    }
    incident.pending_unit_id = None;
    incident_service::step(incident, Command::Sign)?;
    incident_service::mark(incident, "signed_by", json!(by))?;
    incident_service::mark(incident, "signed_at", json!(now))?;
    incident_service::touch(tx, incident)?;
    let data = json!({ "unit_id": unit, "by": by, "state": incident.state });
    trail::entry(tx, &incident.id, "incident.signed", Some(by), data.clone())?;
    trail::feed_append(tx, incident, "incident.signed", &data);
    Ok(())
}

/// Settles the open assignments of those units: somebody else has the call, or they are asked anew. Says which.
fn pass_on(
    tx: &mut Tx<'_>,
    config: &Dispatch,
    incident: &IncidentId,
    of: impl Fn(UnitId) -> bool,
    reason: &str,
) -> Result<Vec<UnitId>> {
    let mut passed = Vec::new();
    let key = format!("transferred:{}", tx.now.as_micros());
    for mut row in store::open_of_incident(tx.conn(), incident)? {
        if row.is_unit() && of(row.unit_id) {
            let passed_on = Act {
                rung: Rung::Transferred,
                person: None,
                device: None,
                truth: Truth::Machine,
                via: Via::Device,
                reason: Some(reason),
                key: key.clone(),
            };
            act(tx, config, &mut row, &passed_on)?;
            passed.push(row.unit_id);
        }
    }
    Ok(passed)
}

/// The open assignment of the unit the actor speaks for: the one he names; else his own, or one that was brought before
/// him because its unit has no seat. Never by itself another one below him: a word that was long on the way, or said
/// before somebody else was asked, would be taken for theirs, who know nothing of it.
///
/// Errors: `conflict` with `unit_id` when only another unit is asked, or the named one is not and does not have the call.
fn open_unit(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    incident: &IncidentRow,
    named: Option<UnitId>,
) -> Result<Option<AssignmentRow>> {
    let (mut mine, mut waiting) = (Vec::new(), Vec::new());
    for row in store::open_of_incident(tx.conn(), &incident.id)? {
        if !row.is_unit() {
            continue;
        }
        let unit = officers::unit_fetch(tx.conn(), &row.unit_id)?;
        if !ctx.actor.commands(&unit.path) {
            continue;
        }
        let asked = match named {
            Some(named) => row.unit_id == named,
            None => speaks_for(tx, ctx, &row)?,
        };
        if asked {
            mine.push((unit.path.len(), row));
        } else if row.state != State::Signed {
            waiting.push(row);
        }
    }
    mine.sort_by_key(|(depth, _)| *depth);
    match (mine.into_iter().next(), waiting.first()) {
        (None, _) if named.is_some_and(|named| named != incident.unit_id) => {
            Err(Error::conflict("this unit is not asked").with("unit_id", json!(incident.unit_id)))
        }
        (None, Some(other)) => {
            let text = "another unit is asked; name it in `unit_id` to speak for it";
            Err(Error::conflict(text).with("unit_id", json!(other.unit_id)))
        }
        (found, _) => Ok(found.map(|(_, row)| row)),
    }
}

/// `POST /incidents/{id}/sign`: a named person signs for his unit, or for the one he names.
pub fn sign(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, unit: Option<UnitId>) -> Result<Done> {
    let mut incident = incident_service::begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    match open_unit(tx, ctx, &incident, unit)? {
        Some(mut row) if row.state != State::Signed => {
            let device = Some(ctx.actor.device);
            let rung = human(ctx, Rung::Signed, device, None);
            act(tx, &ctx.config.dispatch, &mut row, &rung)?;
            signed(tx, &ctx.config.dispatch, &mut incident, row.unit_id, ctx.actor.person)?;
        }
        Some(_) => {}
        None if incident.state.is_open() || incident_service::marked(&incident, "signed_by").is_some() => {
            if incident_service::marked(&incident, "signed_by").is_none() {
                let unit = incident.unit_id;
                signed(tx, &ctx.config.dispatch, &mut incident, unit, ctx.actor.person)?;
            }
        }
        None => return Err(Error::conflict("nothing waits for a signature")),
    }
    Ok(Done::new(200, json!({ "id": id })))
}

fn human<'a>(ctx: &Ctx, rung: Rung, device: Option<DeviceId>, reason: Option<&'a str>) -> Act<'a> {
    Act {
        rung,
        person: Some(ctx.actor.person),
        device,
        truth: Truth::Human,
        via: Via::Device,
        reason,
        key: format!("{rung}:{}", ctx.actor.person),
    }
}

/// `POST /incidents/{id}/return` (退回): goes back to who sent it, with the reason; for the unit of [`sign`].
pub fn give_back(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    id: &IncidentId,
    meta: &RequestMeta,
    unit: Option<UnitId>,
    reason: &str,
) -> Result<Done> {
    let mut incident = incident_service::begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if incident.state == IncidentState::Returned {
        return Ok(Done::new(200, json!({ "id": id })));
    }
    let handed = open_unit(tx, ctx, &incident, unit)?;
    let has_it = incident.unit_id;
    if handed.is_none()
        && ctx.actor.unit != has_it
        && unit != Some(has_it)
        && !officers::seats_of_unit(tx.conn(), &has_it)?.is_empty()
    {
        let text = "another unit has the call; name it in `unit_id` to speak for it";
        return Err(Error::conflict(text).with("unit_id", json!(has_it)));
    }
    if let Some(mut row) = handed {
        let device = Some(ctx.actor.device);
        act(tx, &ctx.config.dispatch, &mut row, &human(ctx, Rung::Returned, device, Some(reason)))?;
        if incident.pending_unit_id == Some(row.unit_id) {
            // Refused before signing: the sender never stopped being responsible.
            incident.pending_unit_id = None;
            incidents::unit_release(tx.conn(), id, &row.unit_id)?;
        }
    }
    incident_service::step(&mut incident, Command::Return)?;
    let by = ctx.actor.person;
    let changed = ["state".to_owned()];
    incident_service::finish(tx, &mut incident, by, "incident.returned", &changed, false, json!({ "reason": reason }))?;
    back_to_sender(tx, ctx, &incident)?;
    incident_service::audit_of(tx, ctx, "incident.return", id, &json!({}))?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// The room above (or the responsible one, when a receiver refused) has it on top of its pile again.
fn back_to_sender(tx: &mut Tx<'_>, ctx: &Ctx, incident: &IncidentRow) -> Result<()> {
    let above = officers::unit_ancestors(tx.conn(), &incident.unit_id)?;
    let to = if ctx.actor.unit == incident.unit_id {
        above.first().map_or(incident.unit_id, |parent| parent.id)
    } else {
        incident.unit_id
    };
    ask_anew(tx, &ctx.core, incident, &to, ctx.actor.person)
}

/// The unit has it on top of its pile, to be signed for by a fresh clock.
fn ask_anew(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow, to: &UnitId, by: PersonId) -> Result<()> {
    let now = tx.now;
    incidents::unit_mark(tx.conn(), &incident.id, to, now)?;
    // Who had signed and handed it on is asked anew, and has it once.
    pass_on(tx, &core.config.dispatch, &incident.id, |unit| unit == *to, "came_back")?;
    let party = offer::party_of_unit(tx, to)?;
    let offer = Offer {
        party: &party,
        origin: Origin::Transfer,
        by: Some(by),
        lead_override: false,
        replaces: None,
        start: None,
    };
    offer::offer(tx, core, incident, &offer).map(drop)
}

/// A linked body gave back what it was handed: an incident that had left the unit's hands by that (diverted, reported as
/// done, closed) is its work again. False when it never had, or has gone further. The incident's row is held by the caller.
pub fn came_back(tx: &mut Tx<'_>, core: &Core, incident: &mut IncidentRow, by: PersonId, reason: &str) -> Result<bool> {
    match incident.state {
        IncidentState::Diverted => {
            incident_service::step(incident, Command::Return)?;
            let (changed, data) = (["state".to_owned()], json!({ "reason": reason }));
            incident_service::finish(tx, incident, by, "incident.returned", &changed, false, data)?;
        }
        IncidentState::FedBack | IncidentState::Closed => {
            incident_service::reopen_row(tx, by, incident, reason)?;
        }
        _ => return Ok(false),
    }
    let unit = incident.unit_id;
    ask_anew(tx, core, incident, &unit, by)?;
    Ok(true)
}

/// `POST /incidents/{id}/transfer` (移交) to another unit, also outside one's own tree.
pub fn transfer(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    id: &IncidentId,
    meta: &RequestMeta,
    to: &UnitId,
    reason: &str,
) -> Result<Done> {
    let mut incident = incident_service::begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if incident.unit_id == *to {
        return Err(Error::field("unit_id", "has it already"));
    }
    if incident.pending_unit_id == Some(*to) {
        return Ok(Done::new(200, json!({ "id": id })));
    }
    if !incident.state.is_open() {
        return Err(Error::conflict(format!("the incident is {}", incident.state)).with("state", json!(incident.state)));
    }
    let party = offer::party_of_unit(tx, to)?;
    hand_to(tx, &mut incident, &party)?;
    let by = ctx.actor.person;
    let changed = ["pending_unit_id".to_owned()];
    let data = json!({ "to": to, "reason": reason });
    incident_service::finish(tx, &mut incident, by, "incident.transfer", &changed, false, data)?;
    let offer = Offer {
        party: &party,
        origin: Origin::Transfer,
        by: Some(by),
        lead_override: false,
        replaces: None,
        start: None,
    };
    offer::offer(tx, &ctx.core, &incident, &offer)?;
    incident_service::audit_of(tx, ctx, "incident.transfer", id, &json!({ "to": to }))?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// Sending crews says "signed and dispatched" for the unit whose seat it was. A room above that sends its own people
/// says so for itself alone: a unit that has not signed is still asked.
pub fn dispatched(tx: &mut Tx<'_>, ctx: &Ctx, incident: &mut IncidentRow) -> Result<()> {
    let config = &ctx.config.dispatch;
    if incident.pending_unit_id == Some(ctx.actor.unit) {
        // A receiver that sends its own crews has taken the call over.
        signed(tx, config, incident, ctx.actor.unit, ctx.actor.person)?;
    }
    let mut awaited = false;
    for mut row in store::open_of_incident(tx.conn(), &incident.id)? {
        if !row.is_unit() || row.unit_id != incident.unit_id {
            continue;
        }
        if row.state != State::Signed {
            if !speaks_for(tx, ctx, &row)? {
                awaited = true;
                continue;
            }
            act(tx, config, &mut row, &human(ctx, Rung::Signed, Some(ctx.actor.device), None))?;
        }
        act(tx, config, &mut row, &human(ctx, Rung::Dispatched, Some(ctx.actor.device), None))?;
    }
    if !awaited && incident_service::marked(incident, "signed_by").is_none() {
        let now = tx.now;
        incident_service::mark(incident, "signed_by", json!(ctx.actor.person))?;
        incident_service::mark(incident, "signed_at", json!(now))?;
    }
    Ok(())
}

/// Whether the actor's word is the unit's without naming it: it is his own, or the call was brought before him because
/// that unit has no seat.
fn speaks_for(tx: &mut Tx<'_>, ctx: &Ctx, row: &AssignmentRow) -> Result<bool> {
    let before_him = |member: &store::MemberRow| member.person_id == ctx.actor.person;
    Ok(row.unit_id == ctx.actor.unit || store::members_of(tx.conn(), &row.id)?.iter().any(before_him))
}
