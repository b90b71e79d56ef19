//! Gaps from a unit's leaving to their end. Everything here runs inside the transaction of what it follows from, and
//! nothing of it refuses anything to a unit.
//!
//! Two transactions that do not see each other, a clearing and a photo that is just arriving, would leave a gap open that
//! is none: a fresh gap is measured once more [`LOOK_AGAIN_S`] later.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ledger::{
    is_of_people, kind_of, last_to_leave, left_at, of_incident, people_of, recorded, recordings, rule_of, visit,
};
use super::measure::{self, Measured, Stretch};
use super::view::RequirementView;
use super::{GapCode, GapState, Requirement, ledger, messages};
use crate::duty::assignments::ladder::State;
use crate::duty::assignments::store::{self as assignments, AssignmentRow};
use crate::duty::evidence::jobs::SCENE_JOB;
use crate::duty::evidence::store::scene::{self as gaps, GapRow};
use crate::duty::evidence::store::{self, EvidenceRow};
use crate::duty::evidence::{Kind, rules};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::{IncidentRow, trail};
use crate::duty::officers::store as officers;
use crate::platform::audit;
use crate::platform::config::{Evidence, SceneRule};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::jobs;
use crate::platform::policy::{self, Action, Actor, Decision, Facts};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, IncidentId, SceneGapId, UnitId};
use crate::words::time::Timestamp;

/// Seconds after which a fresh gap is measured once more; no transaction lasts that long.
const LOOK_AGAIN_S: i64 = 10;
/// The member of the answer to clearing that says what is missing.
pub const GAPS: &str = "gaps";

/// A unit left: what it owes is opened as gaps, with the time by which it must be there. What the incident as a whole
/// must have is owed when nobody is left on it.
pub fn left(core: &Core, tx: &mut Tx<'_>, id: &AssignmentId, to: &str) -> Result<()> {
    if ![State::Cleared, State::Cancelled, State::Reassigned].iter().any(|state| state.as_str() == to) {
        return Ok(());
    }
    let now = tx.now;
    let row = assignments::assignment_fetch(tx.conn(), id)?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    let settings = &core.config.evidence;
    let Some(rule) = rule_of(settings, &incident) else { return Ok(()) };
    let mut missing = Vec::new();
    if is_of_people(&row) && rule.recording > 0.0 {
        let visit = visit(tx.conn(), &row, now)?;
        // Who was called off on the way was never there.
        if row.state == State::Cleared || visit.is_some() {
            missing.push((row.clone(), recorded(tx.conn(), &row, rule, visit)?));
        }
    }
    match last_to_leave(tx.conn(), &incident)? {
        Some(last) => missing.extend(shared(tx, &incident, rule, &last)?),
        // Of two who clear at once each may see the other as still there.
        None if rule.photos > 0 || rule.mediation_signatures > 0 => {
            let args = json!({ "incident_id": incident.id });
            jobs::enqueue(tx, SCENE_JOB, &args, now.plus_secs(LOOK_AGAIN_S))?;
        }
        None => {}
    }
    open_all(tx, settings, &incident.id, missing)
}

/// Whether what an incident as a whole must have is there, once more, for whoever cleared at the same moment as another.
pub fn left_together(core: &Core, tx: &mut Tx<'_>, id: &IncidentId) -> Result<()> {
    let incident = incidents::incident_fetch(tx.conn(), id)?;
    let settings = &core.config.evidence;
    let Some(rule) = rule_of(settings, &incident) else { return Ok(()) };
    let Some(last) = last_to_leave(tx.conn(), &incident)? else { return Ok(()) };
    let missing = shared(tx, &incident, rule, &last)?;
    open_all(tx, settings, id, missing)
}

/// What the incident as a whole lacks, owed by whoever left last; without what is a gap, or was one.
fn shared(
    tx: &mut Tx<'_>,
    incident: &IncidentRow,
    rule: &SceneRule,
    last: &AssignmentRow,
) -> Result<Vec<(AssignmentRow, Measured)>> {
    let until = left_at(last, tx.now);
    let mut missing = Vec::new();
    for measured in of_incident(tx.conn(), incident, rule, until)? {
        let known = gaps::gap_of_incident(tx.conn(), &incident.id, measured.requirement)?;
        if measured.code.is_some() && known.is_none() {
            missing.push((last.clone(), measured));
        }
    }
    Ok(missing)
}

/// Opens what is missing and tells the room, all in one message.
fn open_all(
    tx: &mut Tx<'_>,
    settings: &Evidence,
    incident: &IncidentId,
    missing: Vec<(AssignmentRow, Measured)>,
) -> Result<()> {
    let mut opened = Vec::new();
    for (of, measured) in missing {
        let due_at = left_at(&of, tx.now).plus_secs(settings.scene_due_s);
        opened.extend(open(tx, &of, &measured, due_at)?);
    }
    let Some(first) = opened.first() else { return Ok(()) };
    let (unit, assignment) = (first.unit_id, first.assignment_id);
    let said: Vec<_> = opened.iter().map(|gap| json!({ "requirement": gap.requirement, "code": gap.code })).collect();
    trail::entry(tx, incident, messages::OPENED, None, json!({ "assignment_id": assignment, "gaps": said }))?;
    messages::tell_room(tx, messages::OPENED, &unit, &opened)
}

/// What the answer to clearing says is missing, also when it is said again.
pub fn answer(core: &Core, tx: &mut Tx<'_>, id: &AssignmentId) -> Result<()> {
    let row = assignments::assignment_fetch(tx.conn(), id)?;
    let now = tx.now;
    let ledger = ledger::ledger(tx.conn(), &core.config.evidence, &row, now)?;
    let missing: Vec<Value> =
        ledger.requirements.iter().filter(|one| one.is_open()).map(RequirementView::said).collect();
    tx.tell(GAPS, missing);
    Ok(())
}

/// Somebody says after all that the unit had arrived: what should have been recorded is known from now on.
pub fn arrival_told(core: &Core, tx: &mut Tx<'_>, id: &AssignmentId) -> Result<()> {
    let unknown = |gap: &GapRow| gap.state == GapState::Open && gap.code == GapCode::ArrivalUnknown;
    let Some(gap) = gaps::gaps_of_assignment(tx.conn(), id)?.into_iter().find(unknown) else { return Ok(()) };
    let mut gap = gaps::gap_lock(tx.conn(), &gap.id)?;
    if !unknown(&gap) {
        return Ok(());
    }
    let row = assignments::assignment_fetch(tx.conn(), id)?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    let Some(rule) = rule_of(&core.config.evidence, &incident) else { return Ok(()) };
    let now = tx.now;
    let visit = visit(tx.conn(), &row, now)?;
    let measured = recorded(tx.conn(), &row, rule, visit)?;
    gap.from_at = measured.within.map(|within| within.from);
    gap.to_at = measured.within.map(|within| within.to);
    (gap.need, gap.code) = (measured.need, measured.code.unwrap_or(gap.code));
    settle(tx, gap, measured.have, measured.code)
}

/// An item has come, or its length is known now: what was waiting for it is measured again.
pub fn came(tx: &mut Tx<'_>, row: &EvidenceRow) -> Result<()> {
    if row.quarantined {
        return Ok(());
    }
    let wanting = match row.kind {
        Kind::Photo | Kind::Document => {
            let requirement =
                if row.kind == Kind::Photo { Requirement::Photos } else { Requirement::MediationSignatures };
            let incidents = store::incidents_of(tx.conn(), &row.id)?;
            if incidents.is_empty() {
                return Ok(());
            }
            gaps::gaps_wanting(tx.conn(), &incidents, requirement)?
        }
        Kind::Video | Kind::Audio => {
            let Some(ms) = row.duration_ms else { return Ok(()) };
            let person = row.wearer_id.unwrap_or(row.author_id);
            gaps::gaps_recorded(tx.conn(), &person, row.captured_at, row.captured_at.plus_millis(ms))?
        }
        Kind::Other => return Ok(()),
    };
    wanting.iter().try_for_each(|id| look(tx, id))
}

/// Measures an open gap again; it closes by itself when nothing is missing any more.
pub fn look(tx: &mut Tx<'_>, id: &SceneGapId) -> Result<()> {
    // The lock first: what another transaction has brought meanwhile is seen after it.
    let mut gap = gaps::gap_lock(tx.conn(), id)?;
    if gap.state != GapState::Open {
        return Ok(());
    }
    let looked = gap.look_at.is_some_and(|at| at <= tx.now);
    if looked {
        gap.look_at = None;
    }
    let (Some(from), Some(to)) = (gap.from_at, gap.to_at) else {
        return if looked { gaps::gap_save(tx.conn(), &gap) } else { Ok(()) };
    };
    let have = match gap.requirement {
        Requirement::Recording => {
            let people = people_of(tx.conn(), &gap.assignment_id)?;
            measure::recording(1.0, Some(Stretch { from, to }), &recordings(tx.conn(), &people, from, to)?).have
        }
        Requirement::Photos | Requirement::MediationSignatures => {
            gaps::items_of(tx.conn(), &gap.incident_id, kind_of(gap.requirement), from, to)?
        }
    };
    let code = measure::short_of(gap.requirement, have, gap.need);
    if looked || have != gap.have { settle(tx, gap, have, code) } else { Ok(()) }
}

/// The time of a gap is over: the room is told, once. Nothing happens when another node was quicker.
pub fn overdue(tx: &mut Tx<'_>, id: &SceneGapId) -> Result<()> {
    let now = tx.now;
    let Some(gap) = gaps::gap_overdue(tx.conn(), id, now)? else { return Ok(()) };
    let data = json!({ "gap_id": gap.id, "requirement": gap.requirement });
    trail::entry(tx, &gap.incident_id, messages::OVERDUE, None, data)?;
    let unit = gap.unit_id;
    messages::tell_room(tx, messages::OVERDUE, &unit, &[gap])
}

/// A named person of the room says why it cannot be supplied; of one that is closed nothing changes.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`.
pub async fn explain(ctx: &Ctx, meta: &RequestMeta, id: SceneGapId, reason: String) -> Result<Done> {
    body::text("reason", &reason, 1, rules::REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let seen = gaps::gap_fetch(tx.conn(), &id)?;
        decide(tx.conn(), &actor, &seen, Action::IncidentCommand)?.check("scene gap")?;
        let mut gap = gaps::gap_lock(tx.conn(), &id)?;
        if gap.state == GapState::Open {
            gap.state = GapState::Explained;
            gap.closed_by = Some(actor.person);
            gap.reason = Some(reason.clone());
            let detail = json!({ "requirement": gap.requirement, "code": gap.code });
            audit::record(tx, Some(&actor), "scene_gap.close", "scene_gap", &id.to_string(), &detail)?;
            close(tx, gap)?;
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// How the actor stands to a gap: by the unit in whose list it is, else by its incident.
pub fn decide(conn: &mut Conn, actor: &Actor, gap: &GapRow, action: Action) -> Result<Decision> {
    let unit = officers::unit_fetch(conn, &gap.unit_id)?;
    if actor.kind.is_watching() && actor.commands(&unit.path) {
        return Ok(policy::may(actor, action, &Facts { unit_path: Some(&unit.path), ..Facts::default() }));
    }
    let incident = incidents::incident_fetch(conn, &gap.incident_id)?;
    Ok(calls::sight(conn, actor, &incident)?.decide(actor, action))
}

/// Opens a gap where something is missing; none when it is open, or was closed, already.
fn open(tx: &mut Tx<'_>, of: &AssignmentRow, measured: &Measured, due_at: Timestamp) -> Result<Option<GapRow>> {
    let Some(code) = measured.code else { return Ok(None) };
    let gap = GapRow {
        id: SceneGapId::new(),
        incident_id: of.incident_id,
        assignment_id: of.id,
        unit_id: of.unit_id,
        requirement: measured.requirement,
        code,
        need: measured.need,
        have: measured.have,
        from_at: measured.within.map(|within| within.from),
        to_at: measured.within.map(|within| within.to),
        state: GapState::Open,
        opened_at: tx.now,
        due_at,
        look_at: Some(tx.now.plus_secs(LOOK_AGAIN_S)),
        overdue_at: None,
        closed_at: None,
        closed_by: None,
        reason: None,
        version: 1,
    };
    Ok(gaps::gap_insert_new(tx.conn(), &gap)?.then_some(gap))
}

/// Writes down what there is now.
fn settle(tx: &mut Tx<'_>, mut gap: GapRow, have: i64, code: Option<GapCode>) -> Result<()> {
    gap.have = have;
    if let Some(code) = code {
        gap.code = code;
        gap.version += 1;
        return gaps::gap_save(tx.conn(), &gap);
    }
    gap.state = GapState::Supplied;
    close(tx, gap)
}

fn close(tx: &mut Tx<'_>, mut gap: GapRow) -> Result<()> {
    gap.closed_at = Some(tx.now);
    gap.look_at = None;
    gap.version += 1;
    gaps::gap_save(tx.conn(), &gap)?;
    let data = json!({ "gap_id": gap.id, "requirement": gap.requirement, "state": gap.state });
    trail::entry(tx, &gap.incident_id, messages::CLOSED, gap.closed_by, data)?;
    let unit = gap.unit_id;
    messages::tell_room(tx, messages::CLOSED, &unit, &[gap])
}

/// The units of a subtree in whose lists gaps may be; one of them, if it is named. Errors: `not_found`.
pub fn units_of(conn: &mut Conn, actor: &Actor, named: Option<UnitId>) -> Result<Vec<UnitId>> {
    let path = match named {
        Some(id) => officers::unit_fetch(conn, &id)?.path,
        None => actor.unit_path.clone(),
    };
    if !actor.commands(&path) {
        return Err(Error::not_found("unit"));
    }
    Ok(officers::units_in_subtree(conn, &path)?.into_iter().map(|unit| unit.id).collect())
}
